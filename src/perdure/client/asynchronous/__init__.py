"""The client for asyncio; `./dev gen` writes the one for blocking code from it."""
