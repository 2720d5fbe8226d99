"""A suspended coroutine becomes bytes, and goes on in another process. See README.md beside this file."""

from .decorate import resumable
from .describing import describe
from .errors import BadSnapshot, CodeChanged, NotResumable
from .explaining import Finding, explain, is_rewritten
from .joining import gather, race
from .leaving import abandon, abandoned, weigh
from .loader import install
from .snapshot import capture, pending, restore
from .waiting import Host, Pending, Raise, host, suspend

__all__ = [
    "BadSnapshot",
    "CodeChanged",
    "Finding",
    "Host",
    "NotResumable",
    "Pending",
    "Raise",
    "abandon",
    "abandoned",
    "capture",
    "describe",
    "explain",
    "gather",
    "host",
    "install",
    "is_rewritten",
    "pending",
    "race",
    "restore",
    "resumable",
    "suspend",
    "weigh",
]
