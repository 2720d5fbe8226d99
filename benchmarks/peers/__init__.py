"""The same work done by peers, each in the way its own documentation advises."""
