"""The rules: what may happen to a run, and when.  One file for each verb, over shared resources."""
