"""`with` and `async with`: never entered twice, always left once."""

import contextlib

from .world import AsyncGuard, Guard, Trouble, ask, boom, exc, log, suspend, t


async def a_manager_is_entered_once_and_left_once():
    with Guard("a"):
        await suspend(1)
        log("inside")
        await suspend(2)
    await suspend(3)


async def as_binds_once():
    with Guard("a") as name:
        log(name, await suspend(1))
        name = "changed"
        await suspend(2)
        log(name)
    return name


async def as_may_unpack_or_bind_an_item():
    names = [0]
    with Guard(("a", "b")) as (first, second), Guard(3) as names[t(1)]:
        await suspend(1)
    return first, second, names


async def several_items_are_left_in_reverse():
    with Guard("a") as a, Guard(await suspend("b")) as b, Guard("c"):
        log(a, b, await suspend(1))
    log("between")
    with (
        Guard("d"),
        Guard("e") as e,
    ):
        await suspend(2)
    return e


async def a_swallowed_exception_goes_on_after_the_block():
    with Guard("outer"), Guard("swallows", swallow=True), Guard("inner"):
        await suspend(1)
        await suspend(boom(1))
        log("never")
    log("on", await suspend(2), exc())
    with Guard("swallows", swallow=True):
        raise Trouble(await suspend(3))
    return "end"


async def an_exception_passes_through():
    try:
        with Guard("a") as a:
            await suspend(1)
            raise KeyError(a)
    except KeyError as error:
        log(error.args, await suspend(2))
    with Guard("b", swallow=True):
        await suspend(3)
        raise ValueError("out")


async def return_break_and_continue_leave_properly():
    async def _leave(way):
        for number in range(3):
            with Guard(number):
                if way == await suspend("return"):
                    return await suspend(number)
                if way == await suspend("break"):
                    break
                if way == await suspend("continue"):
                    continue
            log("through", number)
        return number

    return [await _leave(way) for way in ("return", "break", "continue", "none")]


async def async_managers_wait_at_the_door():
    async with AsyncGuard("a") as a:
        log(a, await suspend(1))
    async with AsyncGuard("b"), AsyncGuard("c", swallow=True) as c:
        await suspend(2)
        await suspend(boom(c))
    log("on", await suspend(3))
    async with AsyncGuard("d"):
        raise Trouble(await suspend(4))


async def return_out_of_an_async_manager():
    async def _leave():
        for number in range(2):
            async with AsyncGuard(number):
                async with AsyncGuard("inner"):
                    if number:
                        return await suspend("left")
                    continue

    return await _leave()


async def a_manager_that_fails_while_leaving():
    class Broken(Guard):
        def __exit__(self, *details):
            super().__exit__(*details)
            raise RuntimeError("door")

    try:
        with Guard("outer"), Broken("inner"):
            await suspend(1)
            raise Trouble("inside")
    except RuntimeError as error:
        log(error.args, exc(), await suspend(2))


async def a_manager_that_fails_while_entering():
    class Closed(Guard):
        def __enter__(self):
            raise Trouble("closed")

    try:
        with Guard("a"), Closed("b"):
            await suspend(1)
    except Trouble:
        log(exc(), await suspend(2))


async def six_inside_one_another():
    async with AsyncGuard(1), AsyncGuard(2), AsyncGuard(3), AsyncGuard(4), AsyncGuard(5), AsyncGuard(6):
        log("inside", await suspend("inside"))
        await suspend(boom(1))


async def four_that_are_left_by_a_return():
    async with AsyncGuard(1), AsyncGuard(2), AsyncGuard(3), AsyncGuard(4):
        return await suspend("inside")


async def a_thing_that_is_no_manager():
    for thing in (1, Guard("sync only")):
        try:
            async with thing:
                await suspend(1)
        except TypeError as error:
            log(str(error).rpartition(" object ")[2], await suspend(2))
    try:
        with await suspend(3):
            await suspend(4)
    except TypeError as error:
        log(str(error))


class _Text:
    def __init__(self):
        self.lines = []

    def __enter__(self):
        return self.lines

    def __exit__(self, *details):
        self.lines.append("closed")


async def the_manager_and_what_it_gave_stay_one():
    text = _Text()
    with text as lines:
        lines.append(await suspend(1))
        assert lines is text.lines
        lines.append(await suspend(2))
    return text.lines


async def managers_of_contextlib():
    with contextlib.suppress(KeyError), contextlib.nullcontext(await suspend(1)) as one:
        log(one, await suspend(2))
        raise KeyError
    async with contextlib.AsyncExitStack() as stack:
        log(stack.enter_context(Guard("a")))
        stack.callback(log, "called back")
        await suspend(3)
    with contextlib.ExitStack() as stack:
        stack.enter_context(Guard("c", swallow=True))
        await suspend(boom(1))
    return await suspend(4)


async def the_same_manager_twice():
    guard = Guard("again")
    with guard, guard:
        with guard as name:
            await suspend(name)
    with guard:
        await suspend(1)


async def a_manager_in_a_loop_in_a_manager():
    with Guard("outer"):
        for number in range(2):
            with Guard(number) as n:
                while n < 1:
                    n += 1
                    async with AsyncGuard((number, n)):
                        log(await ask(n))
            await suspend(number)


async def exc_info_inside_and_after_a_manager():
    try:
        raise Trouble("outer")
    except Trouble:
        with Guard("swallows", swallow=True):
            await suspend(1)
            log(exc())
            raise Trouble("inner")
        log(exc(), await suspend(2), exc())


async def a_manager_that_returns_something_odd_from_exit():
    class Truthy(Guard):
        def __exit__(self, *details):
            log("exit", details[0] is Trouble)
            return ["true"]

    with Truthy("a"):
        await suspend(1)
        raise Trouble(1)
    return await suspend(2)


async def four_async_managers_inside_one_another():
    async with AsyncGuard(1), AsyncGuard(2), AsyncGuard(3, swallow=True), AsyncGuard(4):
        raise Trouble(await suspend(5))
    return await suspend(6)
