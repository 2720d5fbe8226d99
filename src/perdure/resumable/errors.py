"""What can go wrong: each error names the place and the next step."""


class NotResumable(Exception):
    """A suspended coroutine can't be captured as it stands.

    Attributes: ``function`` (dotted name), ``file``, ``line``, ``local`` (the local variable
    in the way, or None) and ``reason``.
    """

    def __init__(
        self,
        reason: str,
        *,
        function: str = "?",
        file: str = "?",
        line: int = 0,
        local: str | None = None,
    ) -> None:
        self.reason, self.function, self.file, self.line, self.local = reason, function, file, line, local
        what = f"local {local!r} of {function}" if local else function
        super().__init__(f"{what} can't be stored ({file}, line {line}): {reason}")

    def __reduce__(self):
        return _not_resumable, (self.reason, self.function, self.file, self.line, self.local)


def _not_resumable(reason: str, function: str, file: str, line: int, local: str | None) -> NotResumable:
    return NotResumable(reason, function=function, file=file, line=line, local=local)


class Refused(TypeError):
    """A value that must not be stored, though it could be pickled somehow."""


class CodeChanged(Exception):
    """The code that a snapshot was taken in is no longer there as it was.

    Attributes: ``function`` (dotted name) and ``reason``.
    """

    def __init__(self, function: str, reason: str) -> None:
        self.function, self.reason = function, reason
        super().__init__(
            f"{function} {reason} since the snapshot was taken: "
            "resume it with the version of the code that it was suspended in"
        )

    def __reduce__(self):
        return CodeChanged, (self.function, self.reason)


class BadSnapshot(Exception):
    """These bytes can't be trusted or read: truncated, corrupted, foreign, or wrongly signed."""
