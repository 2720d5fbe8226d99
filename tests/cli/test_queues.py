"""`perdure queues`, against one `perdure dev`."""

from collections.abc import Iterator

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import Dev, dev
from tests.cli.conftest import copy_project

MAIL = """
from perdure import RateLimit, queue, task

mail = queue("mail", 5, total_limit=9, rate_limit=RateLimit(600, "1m", burst=3, per_key=True))


@task(queue=mail)
async def send():
    return "sent"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = copy_project(tmp_path_factory.mktemp("queues"))
    (folder / "tasks" / "mail.py").write_text(MAIL)
    with dev(folder, "--no-reload") as found:
        yield found


def test_queues_are_listed_with_their_limits(world: Dev):
    shown = world.perdure("queues", "list")
    found = world.perdure("queues", "list", "--json").json

    assert shown.code == 0, shown.err
    (line,) = [line for line in shown.out.splitlines() if line.startswith("mail ")]
    assert line.split() == ["mail", "0", "0", "5", "9", "600", "per", "1", "min,", "each", "key"]
    assert any(line.startswith("task/greet ") for line in shown.out.splitlines())
    assert found["environment"]["concurrencyLimit"] is None
    assert {"mail", "greet"} <= {queue["name"] for queue in found["queues"]}


def test_a_paused_queue_is_shown_with_its_keys_and_goes_on_when_it_is_resumed(world: Dev):
    said = world.perdure("queues", "pause", "mail")
    run = world.perdure("trigger", "send", "--concurrency-key", "ada", "--json").json["id"]
    shown = world.perdure("queues", "get", "mail")
    resumed = world.perdure("queues", "resume", "mail")

    assert "Queue mail is paused" in said.out
    assert "paused since" in shown.out
    assert any(line.split()[:3] == ["ada", "1", "0"] for line in shown.out.splitlines())
    assert "Queue mail is resumed" in resumed.out
    assert run.startswith("run_")


def test_a_limit_is_overridden_and_reset(world: Dev):
    changed = world.perdure("queues", "limit", "mail", "2")
    shown = world.perdure("queues", "get", "mail")
    reset = world.perdure("queues", "reset-limit", "mail")

    assert "Queue mail has a limit of 2, instead of 5 in the code" in changed.out
    assert "instead of 5 in the code" in shown.out
    assert "Queue mail has a limit of 5, as in the code" in reset.out


def test_the_environment_is_limited_and_paused_as_a_whole(world: Dev):
    limited = world.perdure("queues", "limit-all", "50", "--burst", "2")
    paused = world.perdure("queues", "pause", "--all")
    listed = world.perdure("queues", "list")
    world.perdure("queues", "resume", "--all")
    free = world.perdure("queues", "limit-all", "none")

    assert "Environment dev has a limit of 50, and bursts to 2 times that" in limited.out
    assert "Environment dev is paused" in paused.out
    assert "limit 50, bursts to 100, paused since" in listed.out
    assert "Environment dev has no limit" in free.out


def test_the_ttl_of_the_environment_is_set_and_reset(world: Dev):
    given = world.perdure("queues", "ttl-all", "14d")
    never = world.perdure("queues", "ttl-all", "none")
    reset = world.perdure("queues", "ttl-all", "default")

    assert "Environment dev has a TTL of 14d" in given.out
    assert "Environment dev waits for ever for a worker" in never.out
    assert "Environment dev has a TTL of 10m (as the server says)" in reset.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ttl-all", "soon"), "'soon' is no duration"),
        (("get", "mial"), "There is no queue mial; did you mean mail?"),
        (("pause",), "Say which queue, or --all for the environment"),
        (("pause", "mail", "--all"), "Say which queue, or --all for the environment"),
        (
            ("limit", "mail", "--", "-1"),
            "Option concurrency_limit can't be -1; it takes a whole number",
        ),
        (("limit-all", "many"), "it takes a whole number, or none"),
        (("limit-all", "5", "--burst", "0.5"), "Option burst_factor can't be 0.5; it takes a number from 1"),
    ],
)
def test_what_can_not_be_is_told(world: Dev, arguments: tuple[str, ...], told: str):
    done = world.perdure("queues", *arguments)

    assert done.code in (Exit.USAGE, Exit.NOT_FOUND)
    assert told in done.err
