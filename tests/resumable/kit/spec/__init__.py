"""Claims, one file per family of constructs: each public `async def` is one, its name says what."""
