"""The `perdure` command: one file for each group of commands.

Only here may imports stand inside functions: what a command needs is loaded when it runs, so that
`perdure --help` is quick.
"""
