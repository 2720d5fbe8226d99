"""A suspended coroutine becomes bytes, and goes on in another process. See README.md beside this file."""
