"""What crosses a process boundary: endpoints, the models they take and give, and the error body."""
