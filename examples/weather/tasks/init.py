"""Loaded before the tasks: hooks for all of them."""

from perdure import hooks, logger


@hooks.on_failure
async def tell(ctx, error):
    logger.error("gave up", task=ctx.task.id, error=str(error))
