"""What OpenTelemetry sees of a library stands in the run that uses it, and is sent out as its trace."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from perdure.core.errors import BadSetting
from perdure.core.traces import SpanContext, trace_of
from perdure.wire.executor import Finished, Logged
from perdure.wire.workers import Succeeded
from perdure.worker.instrument import LIBRARIES, wanted
from tests.worker.driver import zygote

TASK = """
import httpx
from perdure import span, task

@task
async def fetch(url: str) -> str:
    with span("asks"):
        async with httpx.AsyncClient() as http:
            return (await http.get(url)).text
"""


class Echo(BaseHTTPRequestHandler):
    """Answers with the header that it got."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write((self.headers["traceparent"] or "none").encode())

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_request_of_a_task_is_a_span_of_its_run(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "net.py").write_text(TASK)
    with zygote(tmp_path, PERDURE_INSTRUMENT="httpx") as forking:
        executor = forking.executor()
        run = executor.start("fetch", {"url": url})
        spans = {}
        for message in executor.messages():
            if isinstance(message, Logged):
                spans |= {one.name: one for one in message.spans}
            if isinstance(message, Finished):
                break

    assert isinstance(message.result, Succeeded)
    sent = SpanContext.parse(json.loads(message.result.output or ""))
    assert sent == SpanContext(trace_of(run.run_id), spans["GET"].id)
    assert spans["GET"].parent_id == spans["asks"].id
    assert spans["asks"].started_ns <= spans["GET"].started_ns


def test_the_setting_names_what_is_looked_into():
    assert wanted({}) == []
    assert wanted({"PERDURE_INSTRUMENT": "all"}) == list(LIBRARIES)
    assert wanted({"PERDURE_INSTRUMENT": "httpx, redis"}) == ["httpx", "redis"]
    with pytest.raises(BadSetting, match="did you mean httpx"):
        wanted({"PERDURE_INSTRUMENT": "htpx"})
