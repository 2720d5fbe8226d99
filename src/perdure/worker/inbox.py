"""What an executor reads: by whichever of its threads gets to it, whole messages, each once."""

import select
import socket
import threading
from collections.abc import Callable

from perdure.wire.executor import Frames

_READ = 256 * 1024


class Inbox:
    """The reading end of an executor's pipe; never blocks, and may be read by any thread."""

    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe
        self._frames = Frames()
        self._reading = threading.Lock()
        #: whether the supervisor is still there
        self.is_open = True

    def read(self, take: Callable[[bytes], None]) -> bool:
        """Give the messages that are there to `take`, in order, and tell whether the supervisor is there."""
        with self._reading:
            # The pipe itself blocks, for those who write to it; and another thread may have been faster.
            while self.is_open and select.select([self._pipe], [], [], 0)[0]:
                try:
                    data = self._pipe.recv(_READ)
                except OSError:
                    data = b""
                self.is_open = bool(data)
                for body in self._frames.feed(data):
                    take(body)
        return self.is_open
