"""The database: the only package that knows SQL.

`database` says what others may ask, `statements` how SQL is written, `connect` opens one.
"""
