"""`try`, `except` and `else`; waits inside handlers; `raise`; contexts and causes."""

import sys

from .world import Trouble, ask, boom, exc, log, suspend, t, unwind


async def a_try_block_goes_on_inside_its_try():
    try:
        await suspend(1)
        log("inside")
        raise Trouble(await suspend(2))
    except Trouble as error:
        return error.args


async def an_error_given_instead_of_a_value_is_raised_at_the_wait():
    try:
        await suspend(1)
        await suspend(boom(1))
        log("never")
    except Trouble as error:
        log("caught", error.args, unwind(error))
    return await ask(2)


async def an_error_from_below_passes_through_all_frames():
    async def _below(depth):
        try:
            return await _below(depth - 1) if depth else await suspend(boom(depth))
        except Trouble:
            log("through", depth, await suspend(depth))
            raise

    try:
        await _below(2)
    except Trouble as error:
        return unwind(error)


async def the_else_block_runs_after_success_only():
    for number in range(2):
        try:
            if await suspend(number):
                raise Trouble(number)
        except Trouble:
            log("except", await suspend(1))
        else:
            log("else", await suspend(2))
            try:
                raise KeyError(await suspend(3))
            except LookupError:
                log("inner", await suspend(4))
        log("after", await suspend(5))


async def an_error_in_else_is_not_caught_by_the_same_try():
    try:
        try:
            await suspend(1)
        except Trouble:
            log("never")
        else:
            await suspend(boom(2))
    except Trouble as error:
        return error.args, await suspend(3)


async def a_wait_inside_except_then_bare_raise():
    try:
        try:
            raise Trouble("first")
        except Trouble:
            await suspend(1)
            log(exc())
            await suspend(2)
            raise
    except Trouble as error:
        log(unwind(error), error is sys.exc_info()[1])
        raise


async def raise_from_and_contexts_after_a_wait():
    try:
        try:
            raise Trouble("first")
        except Trouble as first:
            await suspend(1)
            raise KeyError("second") from first
    except KeyError as second:
        assert isinstance(second.__cause__, Trouble)
        assert second.__cause__ is second.__context__
        await suspend(2)
        assert second.__cause__ is second.__context__
        log(unwind(second))
        try:
            raise ValueError("third")
        except ValueError as third:
            await suspend(3)
            assert third.__context__ is second
            raise RuntimeError("fourth") from None


async def an_error_given_inside_a_handler_has_the_handled_one_as_context():
    try:
        raise Trouble("first")
    except Trouble:
        await suspend(boom("second"))


async def exc_info_is_the_innermost_handled_exception():
    log(exc())
    try:
        raise Trouble(1)
    except Trouble:
        log(exc(), await suspend(1), exc())
        try:
            raise KeyError(2)
        except KeyError:
            log(exc(), await suspend(2), exc())
        log(exc(), await suspend(3), exc())
    log(exc(), await suspend(4), exc())


async def a_called_coroutine_sees_its_caller_s_exception():
    async def _below():
        log(exc())
        await suspend(1)
        log(exc())
        try:
            raise
        except Trouble as error:
            return error.args

    try:
        raise Trouble("mine")
    except Trouble:
        return await _below()


async def the_name_is_unbound_after_its_handler():
    error = "before"
    try:
        raise Trouble(1)
    except Trouble as error:
        await suspend(1)
        log(error.args)
    try:
        log(error)
    except UnboundLocalError as missing:
        log(str(missing), await suspend(2))
    return "error" in locals(), "missing" in locals()


async def the_name_may_be_rebound_and_deleted_in_its_handler():
    try:
        raise Trouble(1)
    except Trouble as error:
        kept = error
        error = "rebound"
        await suspend(1)
        log(error, exc())
        del error
        await suspend(2)
        log("error" in locals(), exc())
    return unwind(kept), "error" in locals()


async def an_exception_kept_in_a_local_is_the_one_handled():
    try:
        raise Trouble([1])
    except Trouble as error:
        kept, box = error, {"error": error}
        await suspend(1)
        assert kept is error is box["error"] is sys.exc_info()[1]
        error.args[0].append(2)
        try:
            await suspend(2)
            raise
        except Trouble as again:
            assert again is kept
            return again.args


async def the_first_fitting_handler_is_taken():
    for kind in (KeyError, IndexError, Trouble, OSError):
        try:
            await suspend(1)
            raise kind("x")
        except KeyError:
            log("key", await suspend(2))
        except (IndexError, t(1, ZeroDivisionError)) as error:
            log("several", type(error).__name__, await suspend(3))
        except Exception as error:
            log("any", type(error).__name__, await suspend(4))
            if kind is OSError:
                raise


async def a_handler_s_type_that_waits():
    try:
        raise Trouble(1)
    except (KeyError if await suspend(1) else Trouble):
        log("never")
    except (Trouble, KeyError)[await suspend(0)] as error:
        log(error.args, await suspend(2))


async def a_bare_except():
    try:
        await suspend(boom(1))
    except:  # noqa: E722
        log(exc(), await suspend(2))
        return exc()


async def handlers_in_handlers():
    try:
        raise Trouble(1)
    except Trouble as a:
        try:
            await suspend(1)
            raise KeyError(2)
        except KeyError as b:
            try:
                raise ValueError(await suspend(3)) from a
            except ValueError as c:
                await suspend(4)
                log(unwind(c))
                assert c.__context__ is b
                assert b.__context__ is a
                assert c.__cause__ is a
            log(exc(), await suspend(5))
        log(exc(), "b" in locals(), await suspend(6), a.args)
    return exc()


async def leaving_a_handler_by_continue_break_and_return():
    async def _leave():
        for number in range(5):
            try:
                raise Trouble(number)
            except Trouble as error:
                if number == 0:
                    await suspend(1)
                    continue
                if number == 2:
                    await suspend(2)
                    return error.args, exc()
            log(number, exc(), "error" in locals())

    log(await _leave(), exc())
    while True:
        try:
            raise Trouble(await suspend(3))
        except Trouble:
            await suspend(4)
            break
    return exc()


async def a_loop_inside_a_handler():
    try:
        raise Trouble(1)
    except Trouble:
        for number in range(3):
            log(number, exc(), await suspend(number))
            if number:
                break
        else:
            log("never")
        raise KeyError(number) from None


async def retrying_until_it_works():
    tries = 0
    while True:
        try:
            tries += 1
            await suspend(boom(tries) if tries < 3 else tries)
            break
        except Trouble as error:
            log("again", error.args, await suspend("back off"))
    return tries


async def an_exception_with_a_note_and_attributes():
    try:
        error = Trouble(1)
        error.add_note("note")
        error.code = 7
        raise error
    except Trouble as caught:
        await suspend(1)
        log(caught.__notes__, caught.code, caught is error)


async def raising_an_exception_made_before_a_wait():
    error = Trouble("made")
    await suspend(1)
    try:
        raise error
    except Trouble as caught:
        await suspend(2)
        assert caught is error
        raise error from KeyError(await suspend(3))


async def raising_what_waits():
    try:
        raise await suspend(boom(1)) from await suspend(2)
    except Trouble:
        log(exc())
    try:
        raise {1: Trouble}[await suspend(1)](await suspend(2)) from KeyError(await suspend(3))
    except Trouble as error:
        return unwind(error)


async def nothing_to_raise_again():
    try:
        await suspend(1)
        raise
    except RuntimeError as error:
        return str(error), await suspend(2)


async def errors_of_operators_are_errors_like_others():
    for divisor in (1, 0):
        try:
            log(1 // divisor, await suspend(divisor))
            {}[await suspend("missing")]
        except (ZeroDivisionError, KeyError) as error:
            log(type(error).__name__, error.args, await suspend(1))
