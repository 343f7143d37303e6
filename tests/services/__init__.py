"""Real services for tests: each started once a run, on ports and in folders of its own, and ended with the run."""
