"""For tests of tasks, and of Perdure itself."""
