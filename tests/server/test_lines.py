"""Bodies of lines, however they are cut on their way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.server.lines import Cutter


def lines_of(*chunks: bytes, limit: int = 100) -> list[tuple[int, bytes, bool]]:
    cutter = Cutter(limit)
    for chunk in chunks:
        cutter.feed(chunk)
    cutter.end()
    assert cutter.size == sum(len(line.data) for line in cutter.lines)
    return [(line.number, line.data, line.is_cut) for line in cutter.take(1000)]


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.data())
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], data: st.DataObject):
    body = b"\n".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)))))
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    expected = [(n, line, False) for n, line in enumerate(lines, 1) if line.strip()]
    assert lines_of(*chunks) == expected


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_of_a_line_that_is_too_long_the_beginning_is_kept(piece: int):
    body = b'{"index":0}' + b"x" * 9000 + b"\nnext"
    chunks = [body[at : at + piece] for at in range(0, len(body), piece)]

    (first, second) = lines_of(*chunks, limit=5000)
    assert first[1].startswith(b'{"index":0}xx')
    assert len(first[1]) <= 4096
    assert first[2]
    assert second == (2, b"next", False)
