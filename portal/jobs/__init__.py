"""Jobs: acts on all nodes that match, planned from a list, watched, and undone."""
