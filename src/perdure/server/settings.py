"""How a server is set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote

from perdure.core.duration import to_milliseconds
from perdure.core.errors import BadDuration, BadSetting
from perdure.core.settings import check_names
from perdure.engine.resources import TTLS_MS, EngineSettings
from perdure.server.export import ExportSettings
from perdure.wire.auth import SECRET_KEY
from perdure.wire.values import EnvironmentType

DEFAULT_FOLDER = ".perdure"
DEFAULT_DATABASE_URL = f"sqlite:///{DEFAULT_FOLDER}/perdure.db"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 3030
DEFAULT_PROJECT = "default"


@dataclass(frozen=True, kw_only=True)
class EnvironmentChoice:
    """An environment the server is asked to have."""

    slug: str
    type: EnvironmentType
    #: its secret key; None keeps the one it has, or makes one
    key: str | None = None

    @classmethod
    def parse(cls, text: str, setting: str) -> Self:
        """Read `slug=key`, a key alone, or a slug alone.

        A key says what type of environment it opens (`tr_prod_…`), and that is the slug too unless one
        is given: `blue=tr_prod_…`.

        Args:
            text: what the user wrote.
            setting: the option or variable it stands in, for the error.

        Raises:
            BadSetting: the key has not the form of one, or a slug alone is no type.
        """
        slug, equals, key = text.strip().rpartition("=")
        if not equals and key in [kind.value for kind in EnvironmentType]:
            return cls(slug=key, type=EnvironmentType(key))
        match = SECRET_KEY.match(key)
        if match is None:
            raise BadSetting(setting=setting, reason=_BAD_KEY)
        return cls(slug=slug or match[1], type=EnvironmentType(match[1]), key=key)


_BAD_KEY = (
    "a key is tr_dev_…, tr_stg_…, tr_preview_… or tr_prod_… with 16 to 64 letters and digits after it, "
    "as in prod=tr_prod_0123456789abcdef01234567"
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that can be set of a server."""

    database_url: str = DEFAULT_DATABASE_URL
    host: str = DEFAULT_HOST
    #: 0 takes any free one
    port: int = DEFAULT_PORT
    project: str = DEFAULT_PROJECT
    environments: tuple[EnvironmentChoice, ...] = (EnvironmentChoice(slug="dev", type=EnvironmentType.DEV),)
    #: how long runs, and their log lines, are kept after their end, in milliseconds; None for ever
    run_retention_ms: int | None = EngineSettings.run_retention_ms
    log_retention_ms: int | None = EngineSettings.log_retention_ms
    stream_retention_ms: int | None = EngineSettings.stream_retention_ms
    #: how many may watch runs and read streams at once
    max_watchers: int = EngineSettings.max_watchers
    #: how long runs may wait for a worker that say nothing of it, as of `EngineSettings`
    ttl_ms: Mapping[str, int] = field(default_factory=lambda: TTLS_MS)
    #: how long a worker may be silent before its runs go to others
    lease_ms: int = EngineSettings.lease_ms
    #: where spans and log lines are sent; None: nowhere
    export: ExportSettings | None = None
    #: how long a stop waits for requests under way, in seconds
    stop_seconds: float = 10.0


def read_settings(
    variables: Mapping[str, str],
    *,
    database_url: str | None = None,
    host: str | None = None,
    port: int | None = None,
    environments: tuple[str, ...] = (),
) -> Settings:
    """Return the settings from `PERDURE_*` variables; what is given as an argument comes first.

    Args:
        variables: the process's environment variables.
        database_url: as `PERDURE_DATABASE_URL`.
        host: as `PERDURE_HOST`.
        port: as `PERDURE_PORT`.
        environments: `slug=key`, added to those of `PERDURE_ENVIRONMENTS`.

    Raises:
        BadSetting: a variable is unknown (the reason names the nearest), or can't have its value.
    """
    check_names(variables)
    return Settings(
        database_url=database_url or variables.get("PERDURE_DATABASE_URL") or DEFAULT_DATABASE_URL,
        host=host or variables.get("PERDURE_HOST") or DEFAULT_HOST,
        port=_port(variables.get("PERDURE_PORT") or DEFAULT_PORT) if port is None else _port(port),
        project=variables.get("PERDURE_PROJECT") or DEFAULT_PROJECT,
        environments=_environments(variables, environments),
        run_retention_ms=_retention(variables, "PERDURE_RUN_RETENTION", Settings.run_retention_ms),
        log_retention_ms=_retention(variables, "PERDURE_LOG_RETENTION", Settings.log_retention_ms),
        stream_retention_ms=_retention(variables, "PERDURE_STREAM_RETENTION", Settings.stream_retention_ms),
        max_watchers=_watchers(variables),
        ttl_ms=_ttls(variables),
        lease_ms=_lease(variables),
        export=_export(variables),
    )


def _port(value: str | int) -> int:
    if not str(value).isdigit() or not int(value) <= 65_535:
        raise BadSetting(setting="PERDURE_PORT", reason=f"{value!r} is no port; use 0 to 65535")
    return int(value)


def _lease(variables: Mapping[str, str]) -> int:
    text = variables.get("PERDURE_LEASE_SECONDS")
    if not text:
        return Settings.lease_ms
    if not text.isdecimal() or not 1 <= int(text) <= 3600:
        reason = f"{text!r} is no length of a lease; use whole seconds from 1 to 3600"
        raise BadSetting(setting="PERDURE_LEASE_SECONDS", reason=reason)
    return int(text) * 1000


def _watchers(variables: Mapping[str, str]) -> int:
    text = variables.get("PERDURE_MAX_WATCHERS")
    if not text:
        return Settings.max_watchers
    if not text.isdecimal() or len(text) > 7:
        reason = f"{text!r} is no number of watchers; use 0 to 9999999"
        raise BadSetting(setting="PERDURE_MAX_WATCHERS", reason=reason)
    return int(text)


def _ttls(variables: Mapping[str, str]) -> dict[str, int]:
    """Read TTLs, each `environment=duration`, on top of those by default."""
    setting = "PERDURE_DEFAULT_TTL"
    ttls = dict(TTLS_MS)
    for text in filter(None, map(str.strip, variables.get(setting, "").split(","))):
        name, equals, duration = map(str.strip, text.rpartition("="))
        try:
            ttls[name if equals else "*"] = 0 if duration == "never" else to_milliseconds(duration)
        except BadDuration as error:
            reason = f"{error} Say it as in dev=10m,prod=14d; or never, or one for all environments, as in 1d"
            raise BadSetting(setting=setting, reason=reason) from None
    return ttls


def _retention(variables: Mapping[str, str], setting: str, default: int | None) -> int | None:
    text = variables.get(setting)
    if not text:
        return default
    try:
        return None if text == "never" else to_milliseconds(text)
    except BadDuration as error:
        raise BadSetting(setting=setting, reason=f"{error} Or say never.") from None


def _export(variables: Mapping[str, str]) -> ExportSettings | None:
    """Read where to send what is seen; a header's value is percent-encoded, as OpenTelemetry has it."""
    endpoint, setting = variables.get("PERDURE_OTLP_ENDPOINT"), "PERDURE_OTLP_HEADERS"
    if not endpoint:
        return None
    if not endpoint.startswith(("http://", "https://")):
        reason = f"{endpoint!r} is no address; use http:// or https://, as in http://127.0.0.1:4318"
        raise BadSetting(setting="PERDURE_OTLP_ENDPOINT", reason=reason)
    headers = {}
    for text in filter(None, map(str.strip, variables.get(setting, "").split(","))):
        name, equals, value = map(str.strip, text.partition("="))
        if not (equals and name):
            raise BadSetting(setting=setting, reason=f"{text!r} is no name=value")
        headers[name] = unquote(value)
    return ExportSettings(endpoint=endpoint, headers=headers)


def _environments(variables: Mapping[str, str], more: tuple[str, ...]) -> tuple[EnvironmentChoice, ...]:
    """Gather the environments: that of `PERDURE_SECRET_KEY`, or else dev, and then the others."""
    key = variables.get("PERDURE_SECRET_KEY") or "dev"
    listed = [text for text in variables.get("PERDURE_ENVIRONMENTS", "").split(",") if text.strip()]
    choices = [
        EnvironmentChoice.parse(key, "PERDURE_SECRET_KEY"),
        *(EnvironmentChoice.parse(text, "PERDURE_ENVIRONMENTS") for text in listed),
        *(EnvironmentChoice.parse(text, "--environment") for text in more),
    ]
    slugs = [choice.slug for choice in choices]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise BadSetting(setting="PERDURE_ENVIRONMENTS", reason=f"environment {slug} is there twice")
    return tuple(choices)
