"""What a run prints, logs, notes and tags."""

import asyncio
import logging
import sys
from typing import Any

import pytest

from perdure import BadOption, ctx, logger, metadata, tags, task
from perdure.core.errors import BadMetadata, OutsideRun
from perdure.sdk import capture
from tests.sdk.host import Host, attempt, output


async def test_prints_go_to_the_log_line_by_line():
    host = Host()

    @task
    def f() -> None:
        print("one")
        print("two", end="")
        print(" parts")
        sys.stderr.write("bad\r\nunfinished")

    await output(f, host=host)

    assert host.lines == [
        ("info", "one", "stdout"),
        ("info", "two parts", "stdout"),
        ("warning", "bad", "stderr"),
        ("warning", "unfinished", "stderr"),
    ]


async def test_bytes_that_are_no_utf8_are_told_with_a_mark():
    host = Host()

    @task
    def f() -> None:
        sys.stdout.buffer.write("né".encode()[:2])  # half of a character, and then the rest
        sys.stdout.buffer.write("né".encode()[2:] + b"\n")
        sys.stdout.buffer.write(b"\xff\xfe\x00ok\n")
        print("text \udcff")

    await output(f, host=host)

    assert [message for _, message, _ in host.lines] == [
        "né",
        "\N{REPLACEMENT CHARACTER}" * 2 + "\0ok",
        "text \udcff",
    ]


async def test_runs_in_one_process_print_into_their_own_logs():
    hosts = Host(), Host()

    @task
    async def f(name: str) -> None:
        for _ in range(3):
            print(name, end="")
            await asyncio.sleep(0)
        await asyncio.to_thread(print, "!")

    await asyncio.gather(attempt(f, {"name": "a"}, host=hosts[0]), attempt(f, {"name": "b"}, host=hosts[1]))

    assert [host.lines for host in hosts] == [[("info", "aaa!", "stdout")], [("info", "bbb!", "stdout")]]


async def test_a_line_without_end_is_cut_into_pieces():
    host = Host()

    @task
    def f() -> None:
        for _ in range(10):
            print("x" * 50_000, end="")

    await output(f, host=host)

    assert sum(len(message) for _, message, _ in host.lines) == 500_000
    assert max(len(message) for _, message, _ in host.lines) <= 65_536


def test_code_outside_of_runs_prints_where_it_did(capsys: pytest.CaptureFixture[str]):
    capture.install()
    capture.install()
    print("plain")
    sys.stdout.flush()

    assert capsys.readouterr().out == "plain\n"


async def test_logging_goes_to_the_log_with_its_level_and_place():
    host = Host()

    @task
    def f() -> None:
        logging.getLogger("library").warning("careful: %s", 7)
        try:
            raise ValueError("inner")
        except ValueError:
            logging.exception("went wrong")

    await output(f, host=host)

    assert host.lines[0] == ("warning", "careful: 7", "logging")
    assert (host.properties[0] or {})["logger"] == "library"
    assert host.lines[1][0] == "error"
    assert "ValueError: inner" in host.lines[1][1]


async def test_the_logger_has_levels_and_attributes():
    host = Host()

    @task
    async def f() -> None:
        logger.debug("a")
        logger.info("b", order=1)
        logger.warning("c")
        logger.error("d", message="free")

    await output(f, host=host)

    assert host.lines == [
        ("debug", "a", "logger"),
        ("info", "b", "logger"),
        ("warning", "c", "logger"),
        ("error", "d", "logger"),
    ]
    assert host.properties == [None, {"order": 1}, None, {"message": "free"}]


def test_outside_of_runs_the_logger_writes_to_logging(caplog: pytest.LogCaptureFixture):
    logger.warning("careful", order=1)

    assert caplog.messages == ["careful {'order': 1}"]


async def test_metadata_is_changed_here_and_told_to_the_host():
    host = Host()

    @task
    async def f() -> Any:
        metadata.set("step", 1).append("log", "x").increment("n", 2).decrement("n")
        metadata.set("$.deep[1].done", True)
        metadata.append("log", "y").remove("log", "x").delete("step")
        metadata.parent.set("child", ctx.run.id)
        metadata.root.increment("children")
        await metadata.flush()
        return [metadata.current(), metadata.get("n"), metadata.get("none", 0)]

    known = {"was": "here"}
    current, n, none = await output(f, host=host, metadata=known)

    assert current == {"was": "here", "log": ["y"], "n": 1, "deep": [None, {"done": True}]}
    assert (n, none, known, host.flushes) == (1, 0, {"was": "here"}, 1)
    assert [(target, operation.type, operation.key) for target, operation in host.changes[-2:]] == [
        ("parent", "set", "child"),
        ("root", "increment", "children"),
    ]


async def test_branches_and_threads_of_a_run_share_its_metadata():
    @task
    async def f() -> Any:
        async def branch() -> None:
            metadata.increment("n")
            await asyncio.to_thread(metadata.increment, "n")

        await asyncio.gather(*(branch() for _ in range(5)))
        return metadata.get("n")

    assert await output(f) == 10


async def test_metadata_may_be_replaced():
    @task
    async def f() -> Any:
        return metadata.replace({"new": 1}).current()  # type: ignore[attr-defined]

    assert await output(f, metadata={"old": 1}) == {"new": 1}


async def test_a_change_that_can_not_be_is_told_in_the_task():
    @task
    async def f() -> None:
        with pytest.raises(BadMetadata, match="number"):
            metadata.increment("n", "many")  # type: ignore[arg-type]
        with pytest.raises(BadMetadata, match="__proto__"):
            metadata.set("$.__proto__.x", 1)

    await output(f)


async def test_tags_are_added_to_the_run():
    host = Host()

    @task
    async def f() -> None:
        tags.add("a", "b")
        with pytest.raises(BadOption, match="128"):
            tags.add("x" * 129)

    await output(f, host=host)

    assert host.tags == ["a", "b"]


def test_outside_of_runs_nothing_is_noted():
    metadata.set("a", 1)
    tags.add("a")

    assert metadata.current() == {}


def test_outside_of_runs_ctx_teaches():
    with pytest.raises(OutsideRun, match=r"ctx\.run is only there inside a run"):
        _ = ctx.run
