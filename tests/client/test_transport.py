"""What is sent, and what is sent again: against a server that misbehaves on demand."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from perdure import AsyncClient, Client, PerdureError, ServerUnreachable, Unauthorized
from perdure.core.errors import BadAnswer
from tests.client.conftest import KEY, got

FINE = {"id": "run_1", "isCached": False}


@dataclass
class Odd:
    """A server that answers as it was told, and then well; `seen` are the headers of the requests."""

    url: str = ""
    answers: list[Response | str] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        await request.body()
        self.seen.append(dict(request.headers))
        answer = self.answers.pop(0) if self.answers else JSONResponse(FINE)
        if isinstance(answer, Response):
            await answer(scope, receive, send)
        else:  # uvicorn closes the connection of an answer that does not end
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})


@pytest.fixture
def odd() -> Iterator[Odd]:
    server = Odd()
    config = uvicorn.Config(server, port=0, log_level="critical", lifespan="off", http="httptools")
    running = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    server.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    yield server
    running.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(params=["asyncio", "blocking"])
async def client(request: pytest.FixtureRequest, odd: Odd) -> Any:
    made = (AsyncClient if request.param == "asyncio" else Client)(odd.url + "/", KEY, tries=3)
    yield made
    await got(made.close())


async def test_a_request_carries_the_key_and_the_version_of_the_api(client: Any, odd: Odd):
    await got(client.trigger("t", 1))

    (sent,) = odd.seen
    assert sent["authorization"] == f"Bearer {KEY}"
    assert sent["x-trigger-api-version"] == "2025-07-16"
    assert sent["content-type"] == "application/json"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_request_is_repeated_under_one_key(client: Any, odd: Odd, status: int):
    odd.answers += [JSONResponse({"error": "later"}, status), JSONResponse({"error": "later"}, status)]

    assert (await got(client.trigger("t", 1))).id == "run_1"

    keys = [sent["x-trigger-request-idempotency-key"] for sent in odd.seen]
    assert (len(keys), len(set(keys))) == (3, 1)


async def test_two_requests_have_two_keys(client: Any, odd: Odd):
    await got(client.trigger("t", 1))
    await got(client.trigger("t", 1))

    assert len({sent["x-trigger-request-idempotency-key"] for sent in odd.seen}) == 2


async def test_a_broken_answer_is_asked_for_again(client: Any, odd: Odd):
    odd.answers.append("hang up")

    assert (await got(client.trigger("t", 1))).id == "run_1"


async def test_what_can_not_succeed_is_not_repeated(client: Any, odd: Odd):
    odd.answers.append(JSONResponse({"error": "no such thing", "code": "invalid"}, 400))

    with pytest.raises(PerdureError, match="no such thing"):
        await got(client.trigger("t", 1))
    assert len(odd.seen) == 1


async def test_the_server_may_say_that_a_repeat_is_in_vain(client: Any, odd: Odd):
    odd.answers.append(JSONResponse({"error": "broken"}, 500, {"x-should-retry": "false"}))

    with pytest.raises(PerdureError, match="broken"):
        await got(client.trigger("t", 1))
    assert len(odd.seen) == 1


async def test_a_refused_key_is_told_with_the_next_step(client: Any, odd: Odd):
    odd.answers.append(JSONResponse({"error": "Invalid API key"}, 401))

    with pytest.raises(
        Unauthorized, match=r"Invalid API key: http.* tr_dev_01234….*PERDURE_SECRET_KEY"
    ) as told:
        await got(client.trigger("t", 1))
    assert KEY not in str(told.value)


@pytest.mark.parametrize(
    "answer", [Response("<html>Welcome</html>"), Response("", 302, {"location": "/login"})]
)
async def test_what_is_no_perdure_server_is_told(client: Any, odd: Odd, answer: Response):
    odd.answers.append(answer)

    with pytest.raises(BadAnswer, match="trigger"):
        await got(client.trigger("t", 1))


@pytest.mark.parametrize("kind", [AsyncClient, Client])
async def test_no_server_is_told_with_address_and_next_step(kind: Any):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = kind(url, KEY, tries=2)

    with pytest.raises(ServerUnreachable, match=f"{url}.*perdure dev"):
        await got(client.trigger("t", 1))
    await got(client.close())


def test_a_connection_that_the_server_closed_meanwhile_costs_no_try(odd: Odd):
    client = Client(odd.url, KEY, tries=1)
    client.trigger("t", 1)
    (connection,) = client._transport._idle
    connection.sock.shutdown(socket.SHUT_RDWR)

    assert client.trigger("t", 1).id == "run_1"
    client.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_its_own_connections_and_leaves_its_parents_alone(odd: Odd):
    blocking, asynchronous = Client(odd.url, KEY), AsyncClient(odd.url, KEY)

    async def main() -> int:
        await asynchronous.trigger("t", 1)
        blocking.trigger("t", 1)
        child = os.fork()
        if child == 0:
            worked = False
            try:
                blocking.trigger("t", 1)
                asyncio._set_running_loop(None)
                asyncio.run(_once(asynchronous))
                worked = True
            finally:
                os._exit(0 if worked else 1)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        await asynchronous.trigger("t", 1)
        blocking.trigger("t", 1)
        return os.waitstatus_to_exitcode(status)

    assert asyncio.run(main()) == 0
    assert len(odd.seen) == 6
    blocking.close()


async def _once(client: AsyncClient) -> None:
    await client.trigger("t", 1)


def test_a_loop_that_ends_closes_its_connections(odd: Odd, capfd: pytest.CaptureFixture[str]):
    client = AsyncClient(odd.url, KEY)

    async def main() -> Any:
        await client.trigger("t", 1)
        return await client._transport._session()

    session = asyncio.run(main())

    assert session.closed
    assert capfd.readouterr().err == ""


async def test_a_proxy_that_the_environment_names_is_used(odd: Odd, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", odd.url.replace("http://", "http://user:word@"))
    monkeypatch.setenv("no_proxy", "")

    async with AsyncClient("http://perdure.invalid", KEY) as client:
        assert (await client.trigger("t")).id == "run_1"

    assert odd.seen[0]["host"] == "perdure.invalid"
    assert odd.seen[0]["proxy-authorization"].startswith("Basic ")


async def test_a_netrc_file_changes_nothing(odd: Odd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))

    async with AsyncClient(odd.url, KEY) as client:
        await client.trigger("t")

    assert odd.seen[0]["authorization"] == f"Bearer {KEY}"
