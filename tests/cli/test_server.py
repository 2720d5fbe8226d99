import signal
from pathlib import Path

from tests.cli.command import perdure, running

DEV = "tr_dev_0123456789abcdef0123"
PROD = "tr_prod_0123456789abcdef0123"


def test_a_server_has_the_environments_it_is_given(tmp_path: Path):
    options = ("--port", "0", "--database", "sqlite:///here.db", "--environment", f"live={PROD}")
    with running("server", *options, folder=tmp_path, PERDURE_SECRET_KEY=DEV) as command:
        url = command.until("Perdure answers at", "for dev, live").split()[3]

        for key in (DEV, PROD):
            assert (
                perdure("runs", "list", folder=tmp_path, PERDURE_API_URL=url, PERDURE_SECRET_KEY=key).code
                == 0
            )
        command.send(signal.SIGTERM)
        assert command.end() == 0

    assert DEV not in "".join(command.said)
    assert (tmp_path / "here.db").exists()


def test_a_server_shows_the_key_it_makes(tmp_path: Path):
    with running("server", "--port", "0", folder=tmp_path) as command:
        url = command.until("Perdure answers at").split()[3]
        key = command.until("The key of dev is").split()[-1]

        assert perdure("workers", folder=tmp_path, PERDURE_API_URL=url, PERDURE_SECRET_KEY=key).code == 0


def test_a_key_that_is_none_is_refused(tmp_path: Path):
    done = perdure("server", "--environment", "prod=secret", folder=tmp_path)

    assert done.code == 2
    assert "--environment" in done.err


def test_a_worker_waits_for_a_server_that_is_not_there_yet(project: Path):
    settings = {"PERDURE_SECRET_KEY": DEV}
    with running("server", "--port", "0", folder=project, **settings) as first:
        url = first.until("Perdure answers at").split()[3]
        first.send(signal.SIGTERM)
        first.end()

    port = url.rpartition(":")[2]
    with running("worker", "--name", "patient", folder=project, PERDURE_API_URL=url, **settings) as worker:
        worker.until("trying again until it answers")
        with running("server", "--port", port, folder=project, **settings) as again:
            again.until("Perdure answers at")

            worker.until("Ready")
            assert "patient" in perdure("workers", folder=project, PERDURE_API_URL=url, **settings).out
