"""What is asked of a server, against one `perdure dev`."""

from perdure.cli.exits import Exit
from tests.cli.command import Dev, perdure
from tests.cli.conftest import copy_project

NOBODY = "tr_dev_0123456789abcdef0123"


def made(world: Dev, *arguments: str) -> str:
    """Trigger a run, and return its id."""
    done = world.perdure("trigger", *arguments, "--json")
    assert done.code == 0, done.err
    return done.json["id"]


def test_trigger_and_wait_shows_the_result(world: Dev):
    done = world.perdure("trigger", "greet", "--payload", '{"name": "Ann"}', "--wait")

    assert (done.code, done.err) == (0, "")
    assert '"Hello, Ann!"' in done.out


def test_trigger_and_wait_gives_the_result_as_json(world: Dev):
    done = world.perdure("trigger", "greet", "--wait", "--json")

    assert done.json["output"] == "Hello, world!"
    assert done.json["status"] == "COMPLETED"


def test_a_payload_comes_from_a_file_or_from_standard_input(world: Dev):
    (world.folder / "payload.json").write_text('{"name": "file"}')

    of_file = world.perdure("trigger", "greet", "--payload", "@payload.json", "--wait", "--json")
    of_input = world.perdure("trigger", "greet", "-p", "-", "--wait", "--json", stdin='{"name": "input"}')

    assert (of_file.json["output"], of_input.json["output"]) == ("Hello, file!", "Hello, input!")


def test_a_payload_that_is_no_json_is_refused_with_its_position(world: Dev):
    done = world.perdure("trigger", "greet", "--payload", '{"name": }')

    assert done.code == Exit.USAGE
    assert "--payload is no JSON" in done.err
    assert "line 1, column 10" in done.err


def test_a_payload_file_that_is_not_there_is_not_found(world: Dev):
    done = world.perdure("trigger", "greet", "--payload", "@nowhere.json")

    assert done.code == Exit.NOT_FOUND
    assert "nowhere.json" in done.err


def test_a_run_that_fails_ends_the_wait_with_exit_code_3(world: Dev):
    done = world.perdure("trigger", "refuse", "--payload", '{"order": "o1"}', "--wait")

    assert done.code == Exit.RUN_FAILED
    assert "ValueError: no order o1\n" in done.err


def test_a_payload_that_does_not_fit_names_the_field(world: Dev):
    done = world.perdure("trigger", "refuse", "--payload", '{"ordre": "o1"}', "--wait")

    assert done.code == Exit.RUN_FAILED
    assert "order" in done.err


def test_a_wait_that_is_over_leaves_the_run_alone(world: Dev):
    done = world.perdure("trigger", "rest", "--wait", "--timeout", "0.1")

    assert done.code == Exit.RUN_FAILED
    assert "it goes on" in done.err
    assert world.perdure("runs", "cancel", done.err.split()[2]).code == 0


def test_an_unknown_task_is_warned_of_with_the_nearest_name(world: Dev):
    done = world.perdure("trigger", "gret", "--wait", "--timeout", "0")

    assert "did you mean greet?" in done.err


def test_every_option_of_a_trigger_reaches_the_run(world: Dev):
    options = {
        "--delay": "1h",
        "--queue": "slow",
        "--concurrency-key": "ann",
        "--priority": "5",
        "--max-attempts": "7",
        "--machine": "small-2x",
        "--metadata": '{"step": 1}',
        "--ttl": "2h",
    }
    given = [part for option in options.items() for part in option]

    run = made(world, "greet", *given, "--tag", "a", "--tag", "b", "--test", "--idempotency-key", "k1")

    assert made(world, "greet", "--idempotency-key", "k1") == run
    found = world.perdure("runs", "get", run, "--json").json
    assert found["status"] == "DELAYED"
    assert (found["queue"], found["concurrencyKey"], found["priority"]) == ("slow", "ann", 5)
    assert (found["maxAttempts"], found["machine"], found["metadata"]) == (7, "small-2x", {"step": 1})
    assert (found["ttl"], found["tags"], found["isTest"]) == ("2h", ["a", "b"], True)
    assert found["idempotencyKey"] == "k1"
    world.perdure("runs", "cancel", run)


def test_runs_are_listed_by_filters(world: Dev):
    first, second = (made(world, "greet", "--tag", "listed", "--delay", "1h") for _ in range(2))
    other = made(world, "rest", "--tag", "listed", "--delay", "1h")

    def ids(*filters: str) -> list[str]:
        done = world.perdure("runs", "list", "--tag", "listed", "--json", *filters)
        return [run["id"] for run in done.json]

    assert ids("--status", "delayed", "--period", "1h", "--from", "2020-01-01") == [other, second, first]
    assert ids("--task", "greet", "--no-test", "--limit", "1") == [second]
    assert ids("--after", second, "--status", "delayed,timed-out") == [first]
    assert ids("--to", "2020-01-01") == []
    shown = world.perdure("runs", "list", "--tag", "listed").out
    assert all(run in shown for run in (first, second, other))
    assert world.perdure("runs", "cancel", first, second, other).code == 0


def test_an_unknown_status_is_refused_with_the_nearest(world: Dev):
    done = world.perdure("runs", "list", "--status", "complete")

    assert done.code == Exit.USAGE
    assert "did you mean completed?" in done.err


def test_a_run_is_shown_with_its_attempts_and_its_error(world: Dev):
    run = world.perdure("trigger", "refuse", "-p", '{"order": "o2"}', "--wait", "--json").json["id"]

    done = world.perdure("runs", "get", run)

    assert done.code == 0
    assert "Status    failed" in done.out
    assert done.out.count("ValueError: no order o2") == 3  # two attempts, and the trace
    assert "shop.py" in done.out


def test_a_run_that_is_not_there_is_not_found(world: Dev):
    for command in (["get"], ["stack"], ["cancel"], ["replay"], ["logs"], ["logs", "--follow"]):
        done = world.perdure("runs", *command, "run_0000000000000000000000000")

        assert done.code == Exit.NOT_FOUND, command
        assert "run_0000000000000000000000000" in done.err


def test_a_canceled_run_is_told_as_canceled(world: Dev):
    run = made(world, "rest")

    done = world.perdure("runs", "cancel", run, "--json")

    assert done.json == [{"id": run, "status": "CANCELED"}]


def test_a_replay_runs_again_with_what_was_changed(world: Dev):
    run = world.perdure("trigger", "greet", "-p", '{"name": "Ann"}', "--wait", "--json").json["id"]

    same = world.perdure("runs", "replay", run, "--wait", "--json").json
    changed = world.perdure("runs", "replay", run, "--payload", '{"name": "Bob"}', "--wait", "--json").json

    assert (same["output"], changed["output"]) == ("Hello, Ann!", "Hello, Bob!")
    assert world.perdure("runs", "get", changed["id"], "--json").json["replayOf"] == run


def test_logs_are_followed_to_the_end_of_the_run(world: Dev):
    run = made(world, "greet", "-p", '{"name": "Ann"}')

    done = world.perdure("runs", "logs", run, "--follow")

    assert 'greeting  {"name": "Ann"}' in done.out
    assert "completed" in done.out


def test_workers_and_their_tasks_are_listed(world: Dev):
    (worker,) = world.perdure("workers", "--json").json
    found = world.perdure("tasks", "--server", "--json").json

    assert worker["name"] in world.perdure("workers").out
    assert {task["id"] for task in found["tasks"]} == {
        "greet", "hold", "listen", "price", "refuse", "rest", "sell", "whoami",
    }  # fmt: skip
    assert found["version"] == worker["version"]


def test_a_wrong_key_is_refused_with_exit_code_5(world: Dev):
    done = world.perdure("runs", "list", PERDURE_SECRET_KEY=NOBODY)

    assert done.code == Exit.KEY_REFUSED
    assert "PERDURE_SECRET_KEY" in done.err


def test_a_worker_with_a_wrong_key_ends_with_exit_code_5(world: Dev):
    done = world.perdure("worker", PERDURE_SECRET_KEY=NOBODY)

    assert done.code == Exit.KEY_REFUSED
    assert "PERDURE_SECRET_KEY" in done.err


def test_doctor_finds_the_server_the_key_and_the_clock_well(world: Dev):
    done = world.perdure("doctor", "--json")

    assert done.code == 0, done.out
    assert {"Server", "Key", "Clock", "Database", "Tasks"} <= {check["check"] for check in done.json}


def test_a_second_dev_on_a_used_port_says_so_and_ends(world: Dev, tmp_path):
    port = world.url.rpartition(":")[2]

    done = perdure("dev", "--port", port, folder=copy_project(tmp_path))

    assert done.code == Exit.FAILED
    assert f"Port {port}" in done.err
    assert "--port" in done.err


def test_why_tells_what_holds_a_run_back_and_the_next_step(world: Dev):
    run = made(world, "greet", "--delay", "1h")

    done = world.perdure("runs", "why", run)
    put_first = world.perdure("runs", "bump", run)

    assert (done.code, done.err) == (0, "")
    assert "It is delayed. Until" in done.out
    assert f"→ perdure runs reschedule {run} --delay 0 starts it now" in done.out
    assert world.perdure("runs", "why", run, "--json").json["reasons"][0]["code"] == "delayed"
    assert put_first.code != 0
    assert f"Run {run} can't be put first: it is delayed until" in put_first.err
