"""The header that joins traces."""

import pytest

from perdure.core.traces import SpanContext, span_of, span_of_attempt, trace_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    "header", [f"00-{TRACE}-{SPAN}-01", f" 00-{TRACE}-{SPAN}-00", f"cc-{TRACE}-{SPAN}-01-what"]
)
def test_a_header_is_read_as_the_standard_says(header: str):
    assert SpanContext.parse(header) == SpanContext(TRACE, SPAN)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
    ],
)
def test_what_is_no_header_is_none(header: str | None):
    assert SpanContext.parse(header) is None


def test_a_place_is_written_as_it_is_read():
    place = SpanContext(trace_of("run_1"), span_of_attempt("run_1", 2))

    assert SpanContext.parse(str(place)) == place


def test_ids_are_made_of_what_they_name():
    assert trace_of("run_1") == trace_of("run_1") != trace_of("run_2")
    assert len({span_of("run_1", what, n) for what in ("wait", "queue") for n in range(3)}) == 6
