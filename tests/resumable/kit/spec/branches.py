"""`if`, `match`, conditional and boolean expressions, chained comparisons, walrus, `assert`."""

from .world import Box, ask, log, suspend, t


async def the_branch_taken_is_not_chosen_again():
    state = 1
    if state == 1:
        log("first", await suspend(1))
        state = 2
        log("first still", await suspend(2))
    elif state == 2:
        log("second", await suspend(3))
    else:
        log("third")
    return state


async def a_test_that_waits():
    if await suspend(0):
        log("no")
    elif await suspend(0) or await suspend(2) > 1:
        log("yes", await suspend(3))
    else:
        log("no")
    if not await suspend(0):
        return "end"


async def an_else_branch_deep_inside():
    for number in range(4):
        if number % 2:
            if number > 2:
                log("big", await suspend(number))
            else:
                log("odd", await suspend(number))
        else:
            if number:
                pass
            else:
                log("zero", await suspend(number))
            await suspend(9)
    return number


async def conditional_expressions_evaluate_one_side():
    a = await suspend(1) if await suspend(0) else await suspend(2)
    b = t(1, 5) if a == 2 else await suspend(3)
    return a, b, (await suspend(4) if b else t(2)) if a else t(3)


async def and_and_or_stop_where_the_answer_is_known():
    log(await suspend(0) and t(1))
    log(await suspend(1) or t(2))
    log(t(3, 1) and await suspend(0) and t(4))
    log(t(5, 0) or await suspend(0) or await suspend(7) or t(6))
    log(t(7, 1) and (await suspend(0) or await suspend(3)) and t(8, 9))
    return not (await suspend(0) or await suspend([])), await suspend([]) or "empty"


async def chained_comparisons_evaluate_each_operand_once():
    log(t(1, 1) < await suspend(2) < t(2, 3) < await suspend(4))
    log(t(3, 5) < await suspend(2) < t(4))
    log(await suspend(1) == await suspend(1) != await suspend(2) in [await suspend(2)])
    return await suspend(3) is None, None is not await suspend(0)


async def a_comparison_may_return_anything():
    class Odd:
        def __lt__(self, other):
            log("compare", other)
            return [other]

    return (Odd() < await suspend(1)), (Odd() < await suspend(2) < 3)


async def a_walrus_binds_in_the_function():
    if (a := await suspend(3)) > (b := 2):
        log(a, b, await suspend(1))
    while (c := await suspend(a)) > 1:
        a -= 1
        log(c)
    return a, b, c, [d := await suspend(4), d + 1], [e for x in [1, 2] if (e := x + await suspend(x))], e


async def an_assert_that_holds_and_one_that_does_not():
    assert await suspend(1), t(1)
    try:
        assert await suspend(0), await suspend("message")
    except AssertionError as error:
        log(error.args, await suspend(2))
    try:
        assert await suspend(0) == t(2, 1)
    except AssertionError as error:
        log(error.args)


async def _choose(subject):
    match subject:
        case 0 | 1 as number:
            return "small", number, await suspend(number)
        case int(number) if await suspend(number) > 5:
            return "big", await suspend(number)
        case int():
            return "middle", await suspend(3)
        case [first, *rest] if first == await suspend(1):
            await suspend(first)
            return "list", first, rest
        case [first, [second, third], *_]:
            return "nested", first, second, await suspend(third)
        case {"key": value, **others}:
            await suspend(value)
            return "mapping", value, others
        case Box(value=str(text)) | Box([text]):
            await suspend(text)
            return "box", text
        case None:
            return "none", await suspend(0)
        case "a" | "b":
            return await suspend("letter")
        case _:
            await suspend(7)
    return "other"


async def a_match_goes_on_in_the_case_it_chose():
    subjects = [0, 1, 7, 3, [1, 2, 3], [2, [3, 4], 5], {"key": 1, "more": 2}, Box("x"), Box([4]), None, "b", 1.5]
    return [await _choose(subject) for subject in subjects]


async def a_match_on_a_subject_that_waits():
    match await suspend(2), await suspend([3]):
        case 1, _:
            log("no")
        case (a, [b]):
            log(a, b, await suspend(4))
    return a, b


async def the_subject_may_change_while_its_case_waits():
    subject = [1, 2]
    match subject:
        case [a, b]:
            subject.append(await suspend(3))
            log(a, b)
            subject = None
            await suspend(4)
        case None:
            log("never")
    return subject


async def a_failed_guard_keeps_its_captures():
    match [1, await suspend(2)]:
        case [a, b] if await suspend(0):
            log("no")
        case [c, _]:
            log(a, b, c, await ask(1))


async def a_match_without_a_fitting_case():
    match await suspend(1):
        case 2:
            await suspend(2)
    return "through"
