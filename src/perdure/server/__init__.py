"""The server: HTTP in, a call of the engine, HTTP out; no rule of a run's life is here.

`app` is the whole application, `handles` what every request goes through, and one file for each
resource (`runs`, `workers`, `tasks`, `identity`, `health`) holds its handlers.  `run` starts a process.
"""
