"""Public tokens: what the official client signs is taken, and nothing else."""

import jwt
import pytest

from perdure.core.errors import Forbidden
from perdure.server import tokens
from perdure.server.auth import Grant, Scope
from perdure.store.rows import Environment

KEY = "tr_dev_" + "0123456789abcdef" * 4
NOW = 1_800_000_000_000
SECOND = 1000

CLAIMS = {
    "sub": "env_1",
    "pub": True,
    "scopes": ["read:runs"],
    "iss": tokens.ISSUER,
    "aud": tokens.AUDIENCE,
    "iat": NOW // 1000,
    "exp": NOW // 1000 + 900,
}


def _signed(key: str = KEY, algorithm: str = "HS256", **changes: object) -> str:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": None})  # type: ignore[dict-item]


def test_our_token_is_what_another_library_verifies():
    token = tokens.sign("env_1", KEY, ["read:runs:run_1"], now=NOW, seconds=3600)

    claims = jwt.decode(
        token, KEY, algorithms=["HS256"], audience=tokens.AUDIENCE, issuer=tokens.ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert jwt.get_unverified_header(token) == {"alg": "HS256"}
    assert claims["sub"] == "env_1"
    assert claims["pub"] is True
    assert claims["scopes"] == ["read:runs:run_1"]
    assert claims["exp"] - claims["iat"] == 3600


def test_what_the_official_client_signs_is_taken():
    claims = tokens.verify(_signed(), KEY, now=NOW)

    assert claims is not None
    assert claims["scopes"] == ["read:runs"]


def test_a_token_ends_with_the_second_it_names():
    token = _signed()

    assert tokens.verify(token, KEY, now=NOW + 900 * SECOND - 1) is not None
    assert tokens.verify(token, KEY, now=NOW + 900 * SECOND) is None


def test_a_client_whose_clock_runs_ahead_signs_good_tokens():
    assert tokens.verify(_signed(iat=NOW // 1000 + 60), KEY, now=NOW) is not None


@pytest.mark.parametrize(
    "token",
    [
        _signed(key=KEY + "x"),
        _signed(iss="https://example.com"),
        _signed(aud="https://example.com"),
        _signed(iss=None),
        _signed(aud=None),
        _signed(nbf=NOW // 1000 + 60),
        _signed(exp="never"),
        _signed(algorithm="HS512"),
        jwt.encode(CLAIMS, "", algorithm="none"),
        _signed()[:-2],
        "a.b.c",
    ],
)
def test_another_token_is_not_taken(token: str):
    assert tokens.verify(token, KEY, now=NOW) is None


def test_only_a_public_token_names_its_environment():
    assert tokens.claimed_environment(_signed()) == "env_1"
    assert tokens.claimed_environment(_signed(pub=None)) is None
    assert tokens.claimed_environment(_signed(pub="true")) is None
    assert tokens.claimed_environment("a.b.c") is None


@pytest.mark.parametrize(
    ("scope", "action", "resource", "allowed"),
    [
        ("read:runs:run_1", "read", ("runs", "run_1"), True),
        ("read:runs:run_1", "read", ("runs", "run_2"), False),
        ("read:runs:run_1", "read", ("runs", None), False),
        ("read:runs:run_1", "write", ("runs", "run_1"), False),
        ("read:runs", "read", ("runs", "run_1"), True),
        ("read:runs", "read", ("runs", None), True),
        ("read:tags:user:7", "read", ("tags", "user:7"), True),
        ("read:tags:user:7", "read", ("tags", "user"), False),
        ("read:all", "read", ("runs", "run_1"), True),
        ("*:runs", "write", ("runs", "run_1"), True),
        ("*:all", "trigger", ("tasks", "a"), True),
        ("admin", "write", ("runs", "run_1"), True),
        ("admin:runs", "write", ("runs", "run_1"), False),
        ("read", "read", ("runs", "run_1"), False),
        ("", "read", ("runs", "run_1"), False),
    ],
)
def test_a_scope_covers_what_its_grammar_says(scope: str, action: str, resource, allowed: bool):
    assert Scope.parse(scope).allows(action, resource) is allowed


def test_a_secret_key_may_do_everything_and_a_token_one_of_its_scopes():
    environment = Environment("env_1", "dev", "dev", "p", KEY, None, None, 0)

    Grant(environment).require("write", ("runs", "run_1"))
    Grant(environment, (Scope.parse("read:tags:a"),)).require("read", ("runs", "run_1"), ("tags", "a"))
    with pytest.raises(Forbidden) as caught:
        Grant(environment, ()).require("read", ("runs", "run_1"), ("tags", "a"))
    assert caught.value.facts["details"][0]["scopes"] == ["read:runs:run_1", "read:tags:a"]  # type: ignore[index]
