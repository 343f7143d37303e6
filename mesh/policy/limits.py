"""How large a policy may be. Every limit is checked before any work whose cost grows with the input."""

from __future__ import annotations

MAX_RULES = 10_000
MAX_SELECTORS = 1_000
"""Selectors in the sources, or in the destinations, of one rule."""

MAX_PORT_RANGES = 256
MAX_CONDITIONS = 64
MAX_CONDITION_VALUES = 256
MAX_CLASSES = 8_192
"""Policy classes; past it the latest changers of posture count as unknown."""

MAX_NAME = 63
MAX_RULE_NAME = 100
MAX_TEXT = 1_024
"""Characters of a rule's comment."""

MAX_TESTS = 1_000
"""Stored assertions of a policy."""
