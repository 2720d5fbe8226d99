"""What surrounds every endpoint: one error body, methods, paths, pages of other sites."""

import pytest

from perdure.engine.engine import Engine
from perdure.wire.endpoint import Audience, Endpoint
from perdure.wire.endpoints import ENDPOINTS
from tests.server.api import Api

RUN = "/api/v3/runs/run_nope"


def named(endpoint: Endpoint) -> str:
    return endpoint.name


def url(endpoint: Endpoint) -> str:
    return endpoint.path.replace("{run}", "run_nope").replace("{task}", "echo").replace("{key}", "k")


async def test_an_unknown_path_is_told(api: Api):
    answer = await api.get("/api/v9/nothing")

    assert answer.status_code == 404
    assert answer.json() == {"error": "There is no route /api/v9/nothing.", "code": "not_found"}
    assert answer.headers["x-should-retry"] == "false"


async def test_an_unknown_run_is_told_and_not_asked_for_again(api: Api):
    answer = await api.get(RUN)

    assert answer.status_code == 404
    assert answer.json() == {"error": "There is no run run_nope.", "code": "not_found"}
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT", "POST"])
async def test_a_wrong_method_is_told_what_is_right(api: Api, method: str):
    answer = await api.call(method, RUN)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert method in answer.json()["error"]


async def test_head_is_a_get_without_its_body(api: Api):
    answer = await api.call("HEAD", "/healthcheck", token="")

    assert answer.status_code == 200


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
async def test_an_error_has_one_body_everywhere(api: Api, endpoint: Endpoint):
    bodies = [b"{", b"[]", b"\xff", b'{"options": 1, "tags": 1, "items": 1, "runs": 1}']
    for body in bodies if endpoint.method != "GET" else [None]:
        answer = await api.call(endpoint.method, url(endpoint), body)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/json"
            assert isinstance(answer.json()["error"], str)
            assert isinstance(answer.json()["code"], str)
            assert answer.status_code in endpoint.errors, answer.text


@pytest.mark.parametrize(
    "query", ["page%5Bsize%5D=0", "page%5Bsize%5D=101", "page%5Bsize%5D=x", "%FF=%FF&page%5Bsize%5D=%FF"]
)
async def test_a_wrong_query_is_named(api: Api, query: str):
    answer = await api.get(f"/api/v1/runs?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"] == "Query Error"
    assert answer.json()["details"]


async def test_a_length_that_is_no_number_is_refused(api: Api):
    answer = await api.post("/api/v1/tasks/echo/trigger", b"{}", headers={"content-length": "many"})

    assert answer.status_code == 400


async def test_an_error_of_ours_tells_a_reference_and_nothing_else(
    api: Api, engine: Engine, caplog: pytest.LogCaptureFixture
):
    await engine.resources.db.close()

    answer = await api.get("/api/v1/runs")

    assert answer.status_code == 503
    assert "reference" in answer.json()["error"]
    assert answer.json()["code"] == "database_unavailable"
    reference = answer.json()["error"].rsplit(" ", 1)[1].rstrip(".")
    assert reference in caplog.text
    assert "Traceback" in caplog.text


async def test_a_defect_is_a_500_without_its_trace(api: Api, caplog: pytest.LogCaptureFixture):
    api.app.services.engine.enqueue = None  # type: ignore[assignment]

    answer = await api.post("/api/v1/tasks/echo/trigger", {"payload": "secret"})

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "NoneType" not in answer.text
    assert "NoneType" in caplog.text


@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.audience is Audience.PUBLIC], ids=named)
async def test_a_page_of_another_site_may_ask_first(api: Api, endpoint: Endpoint):
    headers = {
        "origin": "https://example.com",
        "access-control-request-method": endpoint.method,
        "access-control-request-headers": "authorization,content-type,x-trigger-client",
    }

    answer = await api.call("OPTIONS", url(endpoint), token="", headers=headers)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert endpoint.method in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type,x-trigger-client"


async def test_a_page_of_another_site_may_read_answers_and_errors(api: Api):
    page = {"origin": "https://example.com"}

    good = await api.post("/api/v1/tasks/echo/trigger", {}, headers=page)
    bad = await api.get(RUN, headers=page)

    for answer in (good, bad):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-trigger-jwt" in answer.headers["access-control-expose-headers"]


async def test_worker_routes_are_closed_to_pages(api: Api):
    answer = await api.call("OPTIONS", "/worker/v1/poll", token="", headers={"origin": "https://example.com"})

    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


async def test_the_health_check_asks_the_database(api: Api, engine: Engine):
    assert (await api.get("/healthcheck", token="")).json() == {"status": "ok"}

    await engine.resources.db.close()

    assert (await api.get("/healthcheck", token="")).status_code == 503


async def test_openapi_is_served_to_anyone(api: Api):
    document = (await api.get("/openapi.json", token="")).json()

    assert document["openapi"] == "3.1.0"
    described = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}


async def test_metrics_count_what_happened_and_what_stands(api: Api):
    worker = await api.worker("echo")
    await api.trigger()
    await api.trigger()
    await worker.complete()
    await api.trigger(delay="1h")

    text = (await api.get("/metrics", token="")).text

    assert "perdure_runs_triggered_total 3.0" in text
    assert "perdure_runs_claimed_total 1.0" in text
    assert 'perdure_runs_reported_total{what="succeeded"} 1.0' in text
    assert 'perdure_runs{environment="dev",status="QUEUED"} 1.0' in text
    assert 'perdure_runs{environment="dev",status="DELAYED"} 1.0' in text
    assert "COMPLETED" not in text
    assert 'perdure_queue_ready{environment="dev",queue="task/echo"} 1.0' in text
    assert 'perdure_queue_running{environment="dev",queue="task/echo"} 0.0' in text
    assert 'perdure_workers{environment="dev"} 1.0' in text
    assert 'perdure_http_requests_total{endpoint="trigger",status="200"} 3.0' in text
    assert 'perdure_http_request_seconds_count{endpoint="trigger"} 3.0' in text
