"""Where the server is, and the key to it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from perdure.core.errors import BadSetting, NoSecretKey

DEFAULT_API_URL = "http://127.0.0.1:3030"
DEV_KEY_FILE = Path(".perdure", "dev.key")
"""Where `perdure dev` keeps the key of its environment, in the project's folder."""


@dataclass(frozen=True)
class Access:
    """How to reach a server."""

    api_url: str
    secret_key: str


def find_access(
    api_url: str | None = None,
    secret_key: str | None = None,
    *,
    variables: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Access:
    """Return where the server is and the key to it.

    Args:
        api_url: the server; else `PERDURE_API_URL`, else this machine, port 3030.
        secret_key: the key; else `PERDURE_SECRET_KEY`, else the key that `perdure dev` keeps for the
            project that `folder` is in.
        variables: the environment variables.
        folder: where to begin to look for a project; the current folder by default.

    Raises:
        NoSecretKey: there is none in any of these places.
        BadSetting: the server's address is none.
    """
    url = api_url or variables.get("PERDURE_API_URL") or DEFAULT_API_URL
    key = secret_key or variables.get("PERDURE_SECRET_KEY") or dev_key(folder or Path.cwd())
    if not key:
        raise NoSecretKey()
    if not _is_url(url):
        raise BadSetting(setting="PERDURE_API_URL", reason=f"{url!r} is no address such as {DEFAULT_API_URL}")
    return Access(_checked(url), key)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadSetting(setting="PERDURE_API_URL", reason=f"{url!r} is no address such as {DEFAULT_API_URL}")
    return url.rstrip("/")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def dev_key(folder: Path) -> str | None:
    """Return the key that `perdure dev` keeps for the project a folder is in, or None."""
    for place in (folder, *folder.parents):
        file = place / DEV_KEY_FILE
        if file.is_file():
            return file.read_text().strip() or None
    return None
