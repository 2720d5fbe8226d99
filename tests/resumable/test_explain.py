"""`explain` tells from the source alone what `capture` would refuse."""

from perdure.resumable import explain
from tests.resumable.kit.claims import all_claims
from tests.resumable.kit.project import Project


def findings(project: Project, body: str) -> list:
    module = project.module(f"""
        import asyncio, contextlib, threading
        from perdure.resumable import gather, suspend

        async def helper():
            await suspend(1)

        async def main(session):
{body}
    """)
    return explain(module.main)


def test_nothing_is_found_in_plain_code(project: Project) -> None:
    assert findings(project, "            return await helper() + await suspend(2)") == []


def test_the_claims_can_all_be_captured() -> None:
    told = [str(finding) for claim in all_claims() for finding in explain(claim.rewritten())]

    assert len(told) <= 5, told


def test_an_open_file_across_a_wait_is_found(project: Project) -> None:
    found = findings(
        project,
        """
            with open("a") as file:
                await suspend(1)
    """,
    )

    assert found
    assert found[0].line
    assert "file" in found[0].reason or "open" in found[0].reason


def test_a_lock_across_a_wait_is_found(project: Project) -> None:
    found = findings(
        project,
        """
            with threading.Lock():
                await suspend(1)
    """,
    )

    assert found


def test_a_finding_is_one_line_with_its_place(project: Project) -> None:
    found = findings(
        project,
        """
            with open("a") as file:
                await suspend(1)
    """,
    )[0]

    assert found.function.endswith(".main")
    assert found.file.endswith(".py")
    assert "\n" not in str(found)
    for part in (found.function, found.file, str(found.line), found.reason):
        assert part in str(found)


def test_a_function_without_awaits_has_no_findings(project: Project) -> None:
    module = project.module("def plain():\n    return open\n")

    assert explain(module.plain) == []
