"""`gather` and `race`: a tree of branches that sleeps as one."""

import asyncio

from .world import Trouble, ask, boom, exc, gather, log, numbers, race, suspend


async def gather_gives_all_results_in_order():
    return await gather(ask(1), ask(2), ask(3))


async def gather_of_nothing_and_of_one():
    return await gather(), await gather(ask(1)), await suspend(2)


async def branches_that_wait_several_times():
    async def sums(count):
        total = 0
        for number in range(count):
            total += await suspend(number)
        return total

    log(await gather(sums(1), sums(3), sums(2)))
    return await suspend(5)


async def branches_that_end_without_waiting():
    async def at_once(x):
        log("at once", x)
        return x

    return await gather(at_once(1), ask(2), at_once(3)), await gather(at_once(4))


async def a_gather_in_a_gather():
    async def pair(x):
        a, b = await gather(ask(x), ask(x + 1))
        return a + b + await suspend(x)

    return await gather(pair(1), ask(10), pair(4))


async def branches_keep_sharing_objects():
    seen = []

    async def put(x):
        seen.append(await suspend(x))
        await suspend(0)
        seen.append(-x)

    await gather(put(1), put(2))
    seen.append(await suspend(3))
    return seen


async def the_first_error_cancels_the_other_branches():
    async def patient(x):
        try:
            while True:
                await suspend(x)
        finally:
            log("left", x)

    async def failing():
        await suspend(1)
        await suspend(boom("gather"))

    try:
        await gather(patient(2), failing())
    except Trouble as error:
        log(error.args, await suspend(3))
    return await ask(4)


async def cancelled_branches_are_waited_for():
    async def careful(x):
        try:
            while True:
                await suspend(x)
        except asyncio.CancelledError:
            log("cleaning", await suspend(("cleaning", x)))
            raise

    try:
        await gather(careful(1), ask(boom(2)), careful(3))
    except Trouble as error:
        return error.args, await suspend(4)


async def return_exceptions_puts_errors_among_the_results():
    results = await gather(ask(1), ask(boom("x")), ask(3), return_exceptions=True)
    log([type(each).__name__ for each in results], await suspend(1))
    return results[0], results[1].args, results[2]


async def the_first_of_a_race_wins():
    async def slow(x):
        try:
            for _ in range(5):
                await suspend(x)
        finally:
            log("lost", x)

    log(await race(slow(1), ask(2), slow(3)))
    return await suspend(4)


async def an_error_wins_a_race_too():
    async def slow(x):
        while True:
            await suspend(x)

    try:
        await race(slow(1), ask(boom(2)))
    except Trouble as error:
        return error.args, await suspend(3)


async def losers_are_waited_for():
    async def careful(x):
        try:
            while True:
                await suspend(x)
        finally:
            log("cleaned", await suspend(("cleaning", x)))

    return await race(careful(1), ask(2)), await suspend(3)


async def a_race_in_a_gather_in_a_loop():
    results = []
    for number in range(2):
        results.append(await gather(race(ask(number), ask(5)), ask(7)))
        log(number, results)
    return results


async def gather_in_a_handler_and_in_finally():
    try:
        raise Trouble("outer")
    except Trouble:
        log(await gather(ask(1), ask(2)), exc())
        try:
            await suspend(3)
        finally:
            log(await race(ask(4), ask(5)))
    return exc()


async def gather_as_an_operand():
    return sum(await gather(ask(1), ask(2))) + sum([x for x in await gather(*[ask(y) for y in (3, 4)])]) + await suspend(5)


async def branches_that_loop_over_streams():
    async def collect(count):
        return [x async for x in numbers(count)]

    return await gather(collect(2), collect(3))


async def a_branch_that_catches_its_own_error():
    async def safe(x):
        try:
            return await suspend(boom(x))
        except Trouble as error:
            return error.args[0], await suspend("again")

    return await gather(safe(1), safe(2))
