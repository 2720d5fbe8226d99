"""The claims are project code: they are rewritten at import, as a user's modules are."""

from perdure.resumable import install
from tests.resumable.kit.oracle import SPEC

install([SPEC])
