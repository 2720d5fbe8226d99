"""`except*`: waits in its blocks, what is caught, what is left over."""

from .world import Trouble, boom, exc, log, suspend, t, unwind


def _group(*errors):
    return ExceptionGroup("g", list(errors))


async def each_block_takes_its_part():
    try:
        await suspend(1)
        raise _group(Trouble(1), KeyError(2), Trouble(3))
    except* Trouble as errors:
        log(unwind(errors), await suspend(2), exc())
        await suspend(3)
    except* KeyError as errors:
        log(unwind(errors), await suspend(4))
    return await suspend(5), exc(), "errors" in locals()


async def what_no_block_takes_is_raised_again():
    try:
        try:
            raise _group(Trouble(1), KeyError(2), ValueError(3))
        except* Trouble:
            log("trouble", await suspend(1))
        except* ValueError:
            log("value", await suspend(2))
        finally:
            log("finally", exc(), await suspend(3))
    except ExceptionGroup as rest:
        return unwind(rest), await suspend(4)


async def errors_raised_in_the_blocks_are_grouped():
    try:
        try:
            raise _group(Trouble(1), KeyError(2), OSError(3))
        except* Trouble:
            await suspend(1)
            raise RuntimeError("new")
        except* KeyError:
            await suspend(2)
            raise
    except* RuntimeError as errors:
        log(unwind(errors), await suspend(3))
    except* OSError as errors:
        log(unwind(errors), await suspend(4))
    except* KeyError as errors:
        log(unwind(errors), await suspend(5))


async def an_error_alone_is_wrapped():
    try:
        await suspend(boom(1))
    except* Trouble as errors:
        log(type(errors).__name__, unwind(errors), await suspend(2))
    else:
        log("never")


async def the_else_block_of_except_star():
    try:
        await suspend(1)
    except* Trouble:
        log("never")
    else:
        log("else", await suspend(2))
    finally:
        log("finally", await suspend(3))


async def nested_groups_are_split():
    try:
        raise _group(Trouble(1), _group(KeyError(2), Trouble(3)), OSError(4))
    except* (Trouble, OSError) as errors:
        log(unwind(errors), await suspend(1))
        try:
            raise ValueError("inside")
        except ValueError:
            log(exc(), await suspend(2))
    except* KeyError as errors:
        log(unwind(errors), await suspend(3))


async def loops_and_nested_tries_inside_a_block():
    try:
        raise _group(Trouble(1), KeyError(2))
    except* Trouble:
        for number in range(3):
            if await suspend(number):
                continue
            try:
                await suspend(boom(number))
            except Trouble:
                log("inner", exc(), await suspend("again"))
    except* t(1, KeyError):
        log("key", exc())
    return number


async def two_blocks_leave_two_errors():
    try:
        raise _group(Trouble(1), KeyError(2))
    except* Trouble as a:
        await suspend(1)
        raise ValueError(1) from a
    except* KeyError:
        await suspend(boom(2))


async def one_new_error_alone_is_not_grouped():
    try:
        raise _group(Trouble(1), KeyError(2))
    except* Exception:
        await suspend(1)
        raise ValueError("alone")


async def a_clause_that_takes_nothing_leaves_all_to_the_next():
    try:
        raise _group(Trouble(1), KeyError(2))
    except* OSError:
        await suspend(1)
    except* Exception as errors:
        log(errors.exceptions, await suspend(2))
