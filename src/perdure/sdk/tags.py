"""`tags`: labels of the run, to find it by."""

from __future__ import annotations

from perdure import wire
from perdure.core.errors import BadOption
from perdure.sdk import runtime

_MAX_LENGTH = 128


class RunTags:
    """The tags of the run that the code belongs to."""

    def add(self, *tags: str) -> None:
        """Add tags to the run; outside of runs nothing happens.

        A run has ten at most; what is above is not added, and the run's log says so.

        Raises:
            BadOption: a tag is empty or longer than 128 characters, or there are more than ten.
        """
        for tag in tags:
            if not 1 <= len(tag) <= _MAX_LENGTH:
                raise BadOption(option="tag", value=tag, expected=f"1 to {_MAX_LENGTH} characters")
        if len(tags) > wire.values.MAX_TAGS:
            raise BadOption(option="tags", value=tags, expected=f"at most {wire.values.MAX_TAGS}")
        host = runtime.current.get()
        if host is not None and tags:
            host.add_tags(list(tags))


tags = RunTags()
