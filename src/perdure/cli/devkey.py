"""The key of a project's dev environment, kept where the clients look for it."""

import os
from pathlib import Path

from perdure.core.errors import BadSetting

_NO_GIT = "# What perdure dev keeps here is this machine's own.\n*\n"


def keep_key(root: Path, given: str | None) -> str:
    """Return the key of the dev environment: the one given, or the one kept, or a new one; and keep it.

    Args:
        root: the project's folder.
        given: what PERDURE_SECRET_KEY says.

    Raises:
        BadSetting: the given key is not one of a dev environment.
    """
    from perdure.client.settings import DEV_KEY_FILE
    from perdure.engine.environments import new_key
    from perdure.wire.auth import SECRET_KEY
    from perdure.wire.values import EnvironmentType

    file = root / DEV_KEY_FILE
    kept = file.read_text().strip() if file.is_file() else None
    match = SECRET_KEY.match(given) if given else None
    if given and (match is None or match[1] != EnvironmentType.DEV):
        raise BadSetting(setting="PERDURE_SECRET_KEY", reason=_NOT_DEV)
    if kept and SECRET_KEY.match(kept) is None:
        kept = None
    key = given or kept or new_key(EnvironmentType.DEV)
    _write(file, key)
    return key


_NOT_DEV = (
    "`perdure dev` takes a key of a dev environment, tr_dev_ and 16 to 64 letters and digits; "
    "unset it, and one is made"
)


def _write(file: Path, key: str) -> None:
    """Write a file that only its owner may read, in a folder that git leaves alone."""
    file.parent.mkdir(exist_ok=True)
    no_git = file.parent / ".gitignore"
    if not no_git.exists():
        no_git.write_text(_NO_GIT)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        os.chmod(file, 0o600)  # it may have been there with another mode
        opened.write(key + "\n")
