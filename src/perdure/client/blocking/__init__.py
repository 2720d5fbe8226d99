# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""The client for blocking code; `./dev gen` writes it from the one for asyncio."""
