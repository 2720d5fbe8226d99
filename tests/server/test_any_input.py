"""Whatever is sent, the answer is never a fault of the server's."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.wire.endpoint import Endpoint
from perdure.wire.endpoints import ENDPOINTS
from perdure.wire.runs import RunFilter, TriggerOptions
from tests.server.api import Api

# Texts that databases, JSON readers and dates are known to stumble over, beside arbitrary ones.
TEXTS = st.sampled_from(
    [
        "",
        "\0",
        "a\0b",
        "\ud800",
        "run_nope",
        "1h",
        "-1",
        "9" * 400,
        "2026-01-01",
        "0001-01-01T00:00:00Z",
        "%",
        "'",
    ]
) | st.text(max_size=20)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([0, 1, 2**31, 2**53, 2**63, -1])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)

CHANGING = [endpoint for endpoint in ENDPOINTS if endpoint.method != "GET"]

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def fields_of(model: Any) -> list[str]:
    """Return the names that a model's fields have on the wire."""
    return [field.alias or name for name, field in model.model_fields.items()]


def some_of(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with some of these names."""
    return st.dictionaries(st.sampled_from([*names, "other"]), VALUES, max_size=4)


def encode(value: Any) -> bytes:
    """Return JSON as any client may write it: infinities and half surrogate pairs too."""
    return json.dumps(value).encode()


@MANY
@given(data=st.data())
async def test_any_body_is_answered(api: Api, data: st.DataObject):
    endpoint: Endpoint = data.draw(st.sampled_from(CHANGING))
    run = await api.trigger(delay="1h")
    body = data.draw(some_of(fields_of(endpoint.takes)) | VALUES)
    path = endpoint.path.replace("{run}", run).replace("{task}", "echo").replace("{key}", "k")

    if endpoint.name == "pollRuns" and isinstance(body, dict):
        body["wait"] = 0
    answer = await api.call(endpoint.method, path, encode(body))

    assert answer.status_code < 500, (endpoint.name, body, answer.text)


@MANY
@given(options=some_of(fields_of(TriggerOptions)), payload=VALUES)
async def test_any_option_of_a_trigger_is_taken_or_refused(api: Api, options: dict[str, Any], payload: Any):
    body = encode({"payload": payload, "options": options})
    answer = await api.post("/api/v1/tasks/echo/trigger", body)

    assert answer.status_code < 500, (options, answer.text)
    if answer.status_code == 200:
        assert (await api.get(f"/api/v3/runs/{answer.json()['id']}")).status_code == 200


@MANY
@given(query=st.dictionaries(st.sampled_from(fields_of(RunFilter)), TEXTS, max_size=3))
async def test_any_filter_is_taken_or_refused(api: Api, query: dict[str, str]):
    given = {name: text.encode("utf-8", "replace").decode() for name, text in query.items()}
    answer = await api.get("/api/v1/runs", params=given)

    assert answer.status_code in (200, 400), (query, answer.text)
