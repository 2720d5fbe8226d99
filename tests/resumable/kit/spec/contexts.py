"""Functions that `contextlib` makes into managers: they may wait before, in and after the block."""

import contextlib

from .world import Trouble, ask, boom, exc, log, suspend


@contextlib.asynccontextmanager
async def _manager(name, swallow=False):
    log("enters", name, await suspend(name))
    try:
        yield name, await ask(1)
    except Trouble as error:
        log("caught", error, await suspend("handling"), exc())
        if not swallow:
            raise
    finally:
        log("leaves", name, await suspend("leaving"))


async def waits_before_in_and_after_the_block():
    async with _manager("a") as value:
        log("inside", value, await suspend("inside"))
    return value


async def a_block_left_by_return_break_and_continue():
    for number in (1, 2, 3):
        async with _manager(number):
            if number == 1:
                continue
            if number == 2:
                break
    async with _manager("last"):
        return await suspend("inside")


async def an_exception_it_swallows():
    async with _manager("a", swallow=True):
        await suspend(boom(1))
    return exc()


async def an_exception_it_lets_pass():
    try:
        async with _manager("a"), _manager("b"):
            await suspend(boom(1))
    except Trouble as error:
        log(error, exc())


async def an_exception_it_does_not_look_at():
    for error in (KeyError("key"), StopIteration(), StopAsyncIteration(), RuntimeError("mine")):
        try:
            async with _manager("a"):
                raise error
        except Exception as raised:
            log(raised is error, exc())


@contextlib.asynccontextmanager
async def _replaces():
    try:
        yield
    except KeyError as error:
        await suspend("replacing")
        raise Trouble("another") from error


async def an_exception_it_replaces():
    try:
        async with _replaces():
            raise KeyError(await suspend(1))
    except Trouble as error:
        log(error, exc())


async def an_error_before_the_block():
    try:
        async with _manager(boom(1)):
            log("never")
    except Trouble:
        log(exc())


@contextlib.asynccontextmanager
async def _yields(times):
    await suspend("before")
    for _ in range(times):
        try:
            yield
            await suspend("after")
        finally:
            log("yielded")


async def one_that_yields_too_seldom_or_too_often():
    for times in (0, 1, 2):
        try:
            async with _yields(times):
                await suspend("inside")
        except RuntimeError as error:
            log(str(error))


class _Shop:
    def __init__(self):
        self.open = False

    @contextlib.asynccontextmanager
    async def opened(self):
        self.open = await ask(True)
        try:
            yield self
        finally:
            self.open = await ask(False)


async def a_method():
    shop = _Shop()
    async with shop.opened() as same:
        log(same is shop, shop.open, await suspend(1))
    return shop.open


@contextlib.asynccontextmanager
async def _both(name):
    async with _manager(name) as outer, _manager("inner") as inner:
        yield outer, inner


async def one_inside_another():
    async with _both("outer") as names:
        log(names, await suspend("inside"))


async def _numbers():
    try:
        for number in (1, 2, 3):
            yield number + await suspend(number)
    finally:
        log("closed", await suspend("closing"))


async def aclosing():
    async with contextlib.aclosing(_numbers()) as numbers:
        async for number in numbers:
            log(number)
            break
    log("done")


@contextlib.contextmanager
def _plain(name):
    log("enters", name)
    try:
        yield name
    except Trouble as error:
        log("caught", error)
    finally:
        log("leaves", name)


async def a_function_that_never_waits():
    with _plain("a") as a, _plain("b") as b:
        log(a, b, await suspend("inside"))
        await suspend(boom(1))
    return await suspend("after")


async def a_stack_of_managers():
    with contextlib.ExitStack() as stack:
        names = [stack.enter_context(_plain(name)) for name in "ab"]
        log(names, await suspend("inside"))
        await suspend(boom(1))
    return await suspend("after")
