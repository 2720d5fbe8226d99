"""`while` and `for`, with `else`, `break` and `continue`, nested, over every kind of target."""

from .world import Box, Countdown, ask, log, suspend, t


async def a_while_loop_tests_once_for_each_turn():
    n = 3
    while t(1, n):
        n -= 1
        log("turn", n, await suspend(n))
    return n


async def a_while_test_that_waits():
    n = 0
    while n < await suspend(3) and await suspend(1):
        n += await suspend(1)
        log(n)
    else:
        log("else", await suspend(n))
    return n


async def a_while_loop_left_by_break_skips_its_else():
    while True:
        if await suspend(1):
            break
        log("never")
    else:
        log("never")
    return await suspend(2)


async def continue_goes_to_the_next_test():
    n = 0
    while n < 4:
        n += 1
        if n % 2:
            await suspend(n)
            continue
        log("even", await suspend(n))
    return n


async def a_for_loop_goes_on_with_the_item_after_the_one_it_was_at():
    seen = []
    for item in [1, 2, 3]:
        log("before", item)
        seen.append(await suspend(item * 10))
        log("after", item)
    else:
        log("else", await suspend(0))
    return seen, item


async def the_target_is_not_bound_again_on_the_way_in():
    for item in [1, 2]:
        item += 10
        await suspend(item)
        log(item)
    for box.value in [1] if (box := Box(0)) else []:
        box.value = 7
        await suspend(1)
        log(box.value)


async def a_target_deleted_while_waiting_stays_deleted():
    for item in [1, 2]:
        del item
        await suspend(1)
        log("item" in locals())


async def a_list_that_grows_while_it_is_looped_over():
    items = [1, 2]
    for item in items:
        if len(items) < 5:
            items.append(await suspend(item + 2))
    return items


async def an_empty_loop_goes_to_its_else():
    for _ in await suspend([]):
        log("never")
    else:
        return await suspend("else")


async def break_and_continue_in_nested_loops():
    for a in range(3):
        for b in range(3):
            if b == a:
                await suspend((a, b))
                continue
            if a == 2 and await suspend(b) == 1:
                break
            log(a, b)
        else:
            log("whole", await suspend(a))
            continue
        log("cut", await suspend(a))
        break
    else:
        log("never")
    return a, b


async def a_loop_in_a_loop_over_the_same_iterator():
    numbers = iter([1, 2, 3, 4, 5])
    for a in numbers:
        for b in numbers:
            log(a, b, await suspend(a + b))
            if b % 2:
                break
    return list(numbers)


async def targets_are_unpacked():
    for a, (b, *c), d in [(1, (2, 3, 4), 5), (6, "xy", 7)]:
        log(a, b, c, d, await suspend(1))
    for [a, *_] in [[1], [2, 3]]:
        await suspend(a)
    return a, b, c, d


async def a_target_may_be_an_attribute_or_an_item():
    box, items = Box(0), [0, 0]
    for box.value in [1, 2]:
        log(box, await suspend(1))
    for items[t(1, 1)] in (3, 4):
        log(items, await suspend(2))
    for box.value, items[0] in [(5, 6)]:
        await suspend(3)
    return box, items


async def an_unpacking_that_fails_fails_at_its_item():
    try:
        for a, b in [(1, 2), (3,), (4, 5)]:
            log(a, b, await suspend(a))
    except ValueError as error:
        return str(error), await suspend(0)


async def an_iterator_of_the_project():
    for value in Countdown(3):
        log(value, await suspend(value))
    counter = Countdown(4)
    for value in counter:
        if await suspend(value) == 2:
            break
    return counter.value, list(counter)


async def an_old_style_sequence():
    class Squares:
        def __getitem__(self, index):
            if index > 2:
                raise IndexError
            return index * index

    return [x + await suspend(x) for x in Squares()]


async def what_is_looped_over_is_evaluated_once():
    for x in (log("once"), await suspend([1, 2, 3]))[1]:
        await suspend(x)
    for x in await ask(1), await ask(2):
        await suspend(x)


async def not_iterable_is_said_at_the_loop():
    try:
        for _ in await suspend(1):
            log("never")
    except TypeError as error:
        log(str(error), await suspend(2))


async def a_return_out_of_loops():
    for a in range(5):
        while True:
            for b in range(5):
                if await suspend(a + b) == 3:
                    return a, b
            break


async def a_while_loop_in_a_for_loop_s_else():
    for a in range(2):
        await suspend(a)
    else:
        while a > -2:
            a -= 1
            await suspend(a)
        else:
            for b in range(2):
                log(await suspend(b))
    return a, b
