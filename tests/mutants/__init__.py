"""Mutants of the policy engine: small faults, one at a time, that the tests must notice. Run by ``make mutants``."""
