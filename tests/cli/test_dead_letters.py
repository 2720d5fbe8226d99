"""`perdure dead-letters`, against one `perdure dev`."""

from collections.abc import Iterator

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import Dev, dev
from tests.cli.conftest import copy_project


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with dev(copy_project(tmp_path_factory.mktemp("letters")), "--no-reload") as found:
        yield found


def test_failed_runs_are_listed_shown_redriven_and_discarded(world: Dev):
    for order in ("o1", "o2"):
        assert world.perdure("trigger", "refuse", "-p", f'{{"order": "{order}"}}', "--wait").code == 3

    second, first = [one["run"] for one in world.perdure("dead-letters", "list", "--json").json]
    assert "no order o2" in world.perdure("dead-letters", "list", "--task", "refuse", "-n", "1").out
    assert "no order o1" in world.perdure("dead-letters", "get", first).out

    (made,) = world.perdure("dead-letters", "redrive", first, "--json").json
    assert made["run"] == first
    assert made["redrivenAs"] in world.perdure("dead-letters", "list", "--redriven", "--json").out
    discarded = world.perdure("dead-letters", "discard", second)

    assert (discarded.code, discarded.out) == (0, "1 discarded.\n")


def test_what_can_not_be_is_said(world: Dev):
    nothing = world.perdure("dead-letters", "redrive")
    unknown = world.perdure("dead-letters", "get", "run_x")

    assert (nothing.code, unknown.code) == (Exit.USAGE, Exit.NOT_FOUND)
    assert "Say which dead letters" in nothing.err
    assert "There is no dead letter of run run_x" in unknown.err
