import pytest

from perdure.core.errors import TooLarge
from perdure.wire import executor
from perdure.wire.executor import TO_EXECUTOR, Frames, Stop, frame


def test_messages_come_out_of_a_stream_however_it_is_cut():
    stream = b"".join(frame(Stop(run_id=f"run_{number}")) for number in range(20))

    for size in (1, 3, 7, 64, len(stream)):
        frames = Frames()
        bodies = [
            body
            for start in range(0, len(stream), size)
            for body in frames.feed(stream[start : start + size])
        ]
        assert [TO_EXECUTOR.validate_json(body) for body in bodies] == [
            Stop(run_id=f"run_{number}") for number in range(20)
        ]


def test_a_stream_that_is_no_stream_of_messages_is_refused():
    with pytest.raises(TooLarge):
        Frames().feed(b"GET / HTTP/1.1\r\n\r\n")


def test_a_message_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(executor, "MAX_FRAME", 100)

    with pytest.raises(TooLarge, match="Stop message is"):
        frame(Stop(run_id="r" * 100))
