"""What a server can be told, and what it refuses."""

import pytest

from perdure.core.errors import BadSetting
from perdure.server.settings import EnvironmentChoice, read_settings
from perdure.wire.values import EnvironmentType

DEV = "tr_dev_0123456789abcdef01234567"
PROD = "tr_prod_0123456789abcdef01234567"


def test_without_variables_a_server_has_one_dev_environment_and_sqlite():
    settings = read_settings({"HOME": "/root"})

    assert settings.database_url == "sqlite:///.perdure/perdure.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 3030)
    assert settings.environments == (EnvironmentChoice(slug="dev", type=EnvironmentType.DEV),)


def test_a_key_says_which_environment_it_opens():
    settings = read_settings({"PERDURE_SECRET_KEY": DEV, "PERDURE_ENVIRONMENTS": f"{PROD}, blue={PROD}x"})

    assert [(choice.slug, choice.type.value, choice.key) for choice in settings.environments] == [
        ("dev", "dev", DEV),
        ("prod", "prod", PROD),
        ("blue", "prod", PROD + "x"),
    ]


def test_an_environment_can_be_asked_for_without_a_key():
    settings = read_settings({}, environments=("prod",))

    assert [(choice.slug, choice.key) for choice in settings.environments] == [("dev", None), ("prod", None)]


def test_an_argument_comes_before_its_variable():
    settings = read_settings({"PERDURE_PORT": "4000", "PERDURE_HOST": "::1"}, port=0)

    assert (settings.host, settings.port) == ("::1", 0)


def test_what_is_old_is_forgotten_when_the_settings_say():
    settings = read_settings({"PERDURE_RUN_RETENTION": "2w", "PERDURE_LOG_RETENTION": "never"})

    assert (settings.run_retention_ms, settings.log_retention_ms) == (14 * 86_400_000, None)


def test_a_lease_is_in_seconds():
    assert read_settings({"PERDURE_LEASE_SECONDS": "5"}).lease_ms == 5000
    assert read_settings({}).lease_ms == 30_000


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"PERDURE_DATABSE_URL": "x"}, "the nearest is PERDURE_DATABASE_URL"),
        ({"PERDURE_XQZ": "x"}, "known are PERDURE_API_URL"),
        ({"PERDURE_PORT": "http"}, "'http' is no port"),
        ({"PERDURE_PORT": "70000"}, "'70000' is no port"),
        ({"PERDURE_SECRET_KEY": "secret"}, "a key is tr_dev_"),
        ({"PERDURE_ENVIRONMENTS": "prod=tr_qa_0123456789abcdef"}, "a key is tr_dev_"),
        ({"PERDURE_ENVIRONMENTS": "dev"}, "environment dev is there twice"),
        ({"PERDURE_LEASE_SECONDS": "0"}, "'0' is no length of a lease"),
        ({"PERDURE_LEASE_SECONDS": "30s"}, "use whole seconds"),
        ({"PERDURE_RUN_RETENTION": "long"}, "'long' is no duration.* say never"),
    ],
)
def test_a_setting_that_can_not_be_is_refused_by_name(variables: dict[str, str], told: str):
    with pytest.raises(BadSetting, match=told) as caught:
        read_settings(variables)

    assert next(iter(variables)) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"dev": 600_000}),
        ("dev=never, prod=14d", {"dev": 0, "prod": 1_209_600_000}),
        ("1d", {"dev": 600_000, "*": 86_400_000}),
    ],
)
def test_ttls_are_by_environment(text: str, expected: dict[str, int]):
    assert read_settings({"PERDURE_DEFAULT_TTL": text}).ttl_ms == expected


def test_a_ttl_that_is_no_duration_is_refused():
    with pytest.raises(BadSetting, match="PERDURE_DEFAULT_TTL can't be used: 'soon' is no duration"):
        read_settings({"PERDURE_DEFAULT_TTL": "prod=soon"})
