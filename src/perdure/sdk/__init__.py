"""What task code touches: tasks, hooks, the context of a run, logs and metadata."""
