"""How a blocking task learns that its run is canceled."""


class RunCanceled(BaseException):
    """The run is canceled.

    Raised inside a blocking task, wherever it is; an `async def` gets `asyncio.CancelledError`.  Like
    it, this is no `Exception`, so that `except Exception` in the task does not swallow it.
    """
