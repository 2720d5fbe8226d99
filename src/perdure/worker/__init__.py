"""Run the user's tasks: a supervisor that speaks to the server, and the processes that run the code."""
