"""`finally`: waits inside it, however it was entered and however it is left."""

from .world import AsyncGuard, Guard, Trouble, ask, boom, exc, log, suspend, unwind


async def a_finally_entered_normally():
    try:
        await suspend(1)
    finally:
        log("finally", await suspend(2), exc())
        await suspend(3)
    return await suspend(4)


async def a_finally_entered_by_an_exception_goes_on_raising():
    try:
        try:
            await suspend(1)
            raise Trouble("out")
        finally:
            log("finally", exc(), await suspend(2), exc())
            await suspend(3)
        log("never")
    except Trouble as error:
        return unwind(error), await suspend(4)


async def a_finally_entered_by_return_returns():
    try:
        return await suspend(1), log("value")
    finally:
        log("finally", await suspend(2), exc())
    log("never")


async def the_value_of_a_return_is_kept_while_its_finally_waits():
    items = [1]
    try:
        return items
    finally:
        await suspend(1)
        items.append(2)
        items = None
        await suspend(2)


async def a_finally_entered_by_break_and_continue():
    for number in range(3):
        try:
            if number == 0:
                continue
            if number == 1:
                await suspend("one")
                break
        finally:
            log("finally", number, await suspend(number))
        log("never")
    else:
        log("never")
    return number


async def a_return_in_finally_wins():
    async def _win(way):
        for number in range(3):
            try:
                if way == "raise":
                    raise Trouble(await suspend(1))
                if way == "return":
                    return await suspend(2)
            finally:
                await suspend(3)
                if way != "through":
                    return ("finally", number)  # noqa: B012

    return [await _win(way) for way in ("raise", "return", "through")], exc()


async def break_and_continue_in_finally_swallow():
    seen = []
    for number in range(4):
        try:
            seen.append(await suspend(number))
            raise Trouble(number)
        finally:
            await suspend("f")
            if number < 2:
                continue  # noqa: B012
            break  # noqa: B012
    return seen, exc()


async def an_error_in_finally_has_the_first_as_context():
    try:
        raise Trouble("first")
    finally:
        await suspend(1)
        raise KeyError("second")


async def an_error_given_in_finally():
    try:
        return await suspend(1)
    finally:
        await suspend(boom(2))


async def finally_in_finally():
    try:
        try:
            raise Trouble(1)
        finally:
            try:
                await suspend(1)
                raise KeyError(2)
            except KeyError as error:
                log(unwind(error), await suspend(2))
            finally:
                log(exc(), await suspend(3), exc())
            log(exc(), await suspend(4))
    finally:
        log(exc(), await suspend(5), exc())


async def except_else_and_finally_together():
    async def _all(way):
        try:
            if await suspend(way):
                raise (Trouble if way == 1 else KeyError)(way)
        except Trouble:
            log("except", await suspend("e"), exc())
            if way == 1:
                return "except"
        else:
            log("else", await suspend("l"))
            return "else"
        finally:
            log("finally", await suspend("f"), exc())
        return "end"

    for way in (0, 1, 2):
        log(await _all(way))


async def return_through_several_finally_blocks():
    async def _through():
        for _ in range(2):
            try:
                with Guard("g"):
                    try:
                        async with AsyncGuard("a"):
                            return await suspend("value")
                    finally:
                        log("inner", await suspend(1))
            finally:
                log("outer", await suspend(2))

    return await _through()


async def break_through_several_finally_blocks():
    while True:
        try:
            try:
                await suspend(0)
                break
            finally:
                log("inner", await suspend(1))
        finally:
            log("outer", await suspend(2))
    return await ask(3)


async def a_finally_replaces_a_return_by_an_exception():
    try:
        try:
            return await suspend(1)
        finally:
            raise Trouble(await suspend(2))
    except Trouble as error:
        return unwind(error), await suspend(3)


async def a_loop_in_a_finally():
    try:
        await suspend(boom(0))
    finally:
        for number in range(3):
            if number == 1:
                continue
            log(number, exc(), await suspend(number))
        while number:
            number -= 1
            try:
                await suspend(number)
            finally:
                await suspend("inner")


async def a_finally_in_a_handler():
    try:
        raise Trouble("first")
    except Trouble:
        try:
            await suspend(1)
        finally:
            log(exc(), await suspend(2), exc())
        try:
            raise KeyError("second")
        finally:
            log(exc(), await suspend(3), exc())


async def a_finally_without_a_wait_around_a_wait():
    try:
        await suspend(1)
        raise Trouble(1)
    finally:
        log("finally", exc())


async def a_finally_whose_branches_wait():
    for number in range(3):
        try:
            if number == 1:
                raise Trouble(number)
        except Trouble:
            pass
        finally:
            if number:
                log("some", await suspend(number))
            else:
                log("none")
            log("done", number)


async def exc_info_after_a_swallowing_finally_inside_a_handler():
    try:
        raise Trouble("outer")
    except Trouble:
        for _ in range(1):
            try:
                raise KeyError("inner")
            finally:
                await suspend(1)
                break  # noqa: B012
        log(exc(), await suspend(2), exc())
        raise


async def a_break_that_its_finally_overrules_leaves_the_loop_going():
    async def stream():
        for number in range(3):
            yield await suspend(number)

    for number in [1, 2, 3]:
        try:
            await suspend(number)
            break
        finally:
            if await suspend(number - 3):
                continue  # noqa: B012
    async for other in stream():
        try:
            break
        finally:
            if await suspend(other - 2):
                continue  # noqa: B012
    return number, other
