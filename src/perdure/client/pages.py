"""Going from one page of a list to the next."""

from collections.abc import Mapping
from typing import Any

from perdure.wire.runs import RunPage
from perdure.wire.waits import TokenPage


def next_filters(filters: Mapping[str, Any], page: RunPage | TokenPage) -> dict[str, Any] | None:
    """Return the filters that ask for the page after this one, or None when it was the last."""
    after = page.pagination.next
    return {**filters, "after": after} if after else None
