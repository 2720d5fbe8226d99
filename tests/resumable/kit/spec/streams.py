"""`async for` over async generators of the project: two frames that sleep together."""

import contextlib

from .world import Trouble, ask, boom, exc, log, numbers, suspend


async def an_async_generator_waits_between_its_items():
    seen = []
    async for x in numbers(3):
        seen.append(x)
        log("got", x, await suspend("body"))
    else:
        log("else", await suspend(1))
    return seen


async def break_continue_and_else():
    async for x in numbers(5):
        if x == 1:
            await suspend("skip")
            continue
        if x == 3:
            break
        log(x, await suspend(x))
    else:
        log("never")
    async for _ in numbers(0):
        log("never")
    else:
        return x, await suspend("else")


async def a_generator_held_in_a_local_goes_on():
    stream = numbers(4)
    async for x in stream:
        if await suspend(x):
            break
    log("between", await suspend(7))
    return [y async for y in stream], await anext(stream, "end")


async def _rich(items, *, prefix="", **more):
    total = 0
    try:
        for number, item in enumerate(items):
            with contextlib.suppress(KeyError):
                total += await suspend(item)
                yield prefix, number, total
                if item == 2:
                    raise KeyError
                log("after", item, await suspend(-item))
        log("end", more)
    except Trouble as error:
        log("inside", error.args, await suspend("handler"))
        yield "handled"
        log(exc())
        raise
    finally:
        log("closing", total, await suspend("finally"))


async def a_generator_with_locals_loops_and_handlers():
    async for item in _rich([1, 2, 3], prefix="p", more=1):
        log(item, await suspend("body"))


async def an_error_given_inside_the_generator():
    seen = []
    try:
        async for item in _rich([1, boom(1), 3]):
            seen.append(item)
            await suspend("body")
    except Trouble as error:
        return seen, error.args, await suspend(1)


async def a_stream_of_a_stream():
    async def double(stream, factor=2):
        async for x in stream:
            yield x * factor, await suspend(x)

    return [y async for y in double(double(numbers(2), 3)) if await suspend(1)]


async def a_nested_generator_shares_variables_with_the_frame():
    total = 0

    async def counting(limit):
        nonlocal total
        while total < limit:
            total += await suspend(1)
            yield total

    async for x in counting(5):
        total += 1
        log(x, total)
        await suspend(0)
    return total


async def methods_that_are_generators():
    class Pages:
        def __init__(self, count):
            self.count = count

        async def __aiter__(self):
            while self.count:
                self.count -= 1
                yield await suspend(self.count)

    pages = Pages(3)
    async for x in pages:
        log(x, pages.count, await suspend("body"))
    return pages.count


async def async_iterators_of_the_project():
    class Down:
        def __init__(self, start):
            self.value = start

        def __aiter__(self):
            log("aiter")
            return self

        async def __anext__(self):
            if self.value == 0:
                raise StopAsyncIteration
            self.value -= 1
            return await suspend(self.value)

    down = Down(3)
    async for x in down:
        log(x, await ask(x))
    log([x async for x in Down(2)])
    return down.value


async def closing_a_stream_runs_its_finally_once():
    stream = _rich([1, 3, 5])
    try:
        async for item in stream:
            log(item, await suspend("body"))
            break
    finally:
        await stream.aclose()
    log("closed", await suspend(1))
    return [x async for x in stream]


async def sending_into_a_generator():
    async def echo():
        got = None
        while got != "stop":
            got = yield got, await suspend("in")
            log("got", got)

    stream = echo()
    log(await stream.asend(None))
    log(await stream.asend(1), await suspend("between"))
    try:
        await stream.asend("stop")
    except StopAsyncIteration:
        return await suspend("end")


async def throwing_into_a_generator():
    async def strict():
        while True:
            try:
                yield await suspend(1)
            except Trouble as error:
                log("caught", error.args, await suspend(2))

    stream = strict()
    log(await anext(stream))
    log(await stream.athrow(Trouble("x")), await suspend("between"))
    await stream.aclose()
    return [x async for x in stream]


async def two_loops_over_two_streams():
    async for a in numbers(2):
        async for b in numbers(2, a):
            if b > 1:
                break
            log(a, b, await suspend((a, b)))


async def targets_of_async_for():
    async def pairs():
        yield 1, (2, 3)
        yield await suspend(4), "xy"

    table = {}
    async for table["a"], (b, *c) in pairs():
        log(table, b, c, await suspend(5))
    return table, b, c


async def an_exception_in_the_body_leaves_the_stream_alone():
    stream = numbers(3)
    try:
        async for x in stream:
            raise Trouble(await suspend(x))
    except Trouble:
        log(exc())
    return [x async for x in stream]


async def generators_of_the_project_keep_their_place():
    values = (x * 2 for x in [1, 2, 3])
    log(next(values), await suspend(1))

    def counting(limit):
        try:
            for number in range(limit):
                got = yield number
                log("got", got)
        finally:
            log("closed")

    counter = counting(3)
    next(counter)
    await suspend(2)
    log(counter.send("a"), await suspend(3))
    return list(counter), list(values)


async def an_async_generator_expression_held_in_a_local():
    values = (await suspend(x) async for x in numbers(3) if x)
    seen = []
    async for value in values:
        seen.append(value)
        await ask(value)
    return seen, [y async for y in (await suspend(z) for z in (1, 2))]
