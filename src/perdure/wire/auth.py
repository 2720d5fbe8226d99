"""Keys, public tokens and their scopes."""

import re
from datetime import datetime
from typing import Literal

from perdure.wire.model import Model
from perdure.wire.values import EnvironmentType

SECRET_KEY = re.compile(r"^tr_(dev|stg|prod|preview)_[0-9A-Za-z]{16,64}$")
"""What an environment's secret key looks like."""


class Claims(Model):
    """What a client puts into a public token that it signs itself with the secret key."""

    sub: str
    pub: Literal[True] = True


class EnvironmentIdentity(Model):
    """The environment that a key belongs to."""

    id: str
    slug: str
    type: EnvironmentType
    project: str
    server_version: str
    time: datetime
    """The server's clock, to compare with one's own."""


class Health(Model):
    """The server answers, and its database too."""

    status: Literal["ok"] = "ok"
