"""A server process: how it starts, stops, and refuses to start."""

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tests.support import processes

KEY = "tr_dev_0123456789abcdef0123456789abcdef"
PROD = "tr_prod_0123456789abcdef0123456789abcdef"


def start(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "perdure.server"],
        cwd=folder,
        env=processes.variables(**{"PERDURE_PORT": "0", **settings}),
        capture_output=True,
        text=True,
        timeout=processes.START_S,
    )


def call(server: processes.Server, method: str, path: str, key: str = KEY) -> httpx.Response:
    return httpx.request(method, server.url + path, headers={"authorization": f"Bearer {key}"}, timeout=60)


def trigger(server: processes.Server, **body: object) -> str:
    """Trigger a run; return its id."""
    headers = {"authorization": f"Bearer {KEY}"}
    return httpx.post(f"{server.url}/api/v1/tasks/echo/trigger", json=body, headers=headers).json()["id"]


def wait_for_metric(server: processes.Server, line: str) -> None:
    """Return when the server's metrics have this line."""
    while line not in call(server, "GET", "/metrics").text:
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_long_polls_and_then_the_server(tmp_path: Path, number: int):
    answers: list[httpx.Response] = []
    with processes.server(tmp_path, PERDURE_SECRET_KEY=KEY) as server:
        run = trigger(server)
        path = f"/api/v1/runs/{run}/result?wait=60"
        waiting = threading.Thread(target=lambda: answers.append(call(server, "GET", path)))
        waiting.start()
        wait_for_metric(server, "perdure_polls_held 1.0")

        code = server.stop(number)

        waiting.join(processes.STOP_S)
    assert code == 0
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "server_stopping")]


def test_a_client_that_goes_away_frees_its_long_poll(tmp_path: Path):
    with processes.server(tmp_path, PERDURE_SECRET_KEY=KEY) as server:
        path = f"/api/v1/runs/{trigger(server)}/result?wait=60"
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\r\n".encode())
            wait_for_metric(server, "perdure_polls_held 1.0")

        wait_for_metric(server, "perdure_polls_held 0.0")


def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path):
    with processes.server(tmp_path, PERDURE_SECRET_KEY=KEY) as server:
        run = trigger(server, payload=1)
        server.process.kill()
        server.process.wait(processes.STOP_S)

    with processes.server(tmp_path, PERDURE_SECRET_KEY=KEY) as server:
        again = call(server, "GET", f"/api/v3/runs/{run}")

    assert again.json()["payload"] == 1


def test_environments_have_keys_of_their_own(tmp_path: Path):
    settings = {"PERDURE_SECRET_KEY": KEY, "PERDURE_ENVIRONMENTS": f"blue={PROD}"}
    with processes.server(tmp_path, **settings) as server:
        slugs = [call(server, "GET", "/api/v1/whoami", key).json()["slug"] for key in (KEY, PROD)]

    assert slugs == ["dev", "blue"]


def test_a_new_key_takes_the_place_of_the_old(tmp_path: Path):
    with processes.server(tmp_path, PERDURE_SECRET_KEY=KEY) as server:
        before = call(server, "GET", "/api/v1/whoami").json()["id"]
    with processes.server(tmp_path, PERDURE_SECRET_KEY=KEY + "x") as server:
        after = call(server, "GET", "/api/v1/whoami", KEY + "x").json()["id"]
        old = call(server, "GET", "/api/v1/whoami").status_code

    assert after == before
    assert old == 401


def test_a_port_in_use_is_told_with_the_way_out(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = start(tmp_path, PERDURE_PORT=str(port))

    assert ended.returncode == 2
    assert f"Port {port} of 127.0.0.1 can't be used" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unknown_setting_is_told_with_the_nearest(tmp_path: Path):
    ended = start(tmp_path, PERDURE_DATABSE_URL="sqlite:///x.db")

    assert ended.returncode == 2
    assert "PERDURE_DATABASE_URL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path):
    file = tmp_path / "perdure.db"
    file.write_text("this is a letter, not a database " * 100)

    ended = start(tmp_path, PERDURE_DATABASE_URL=f"sqlite:///{file}")

    assert ended.returncode == 2
    assert "is no readable database" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert file.read_text().startswith("this is a letter")


def test_a_newer_database_is_told_and_left_alone(tmp_path: Path):
    with processes.server(tmp_path, PERDURE_SECRET_KEY=KEY):
        pass
    with sqlite3.connect(tmp_path / ".perdure" / "perdure.db") as connection:
        connection.execute(
            "insert into perdure_migrations (number, name, fingerprint) values (9999, 'x', 'x')"
        )
    connection.close()

    ended = start(tmp_path)

    assert ended.returncode == 2
    assert "newer Perdure" in ended.stderr
    assert "Traceback" not in ended.stderr
