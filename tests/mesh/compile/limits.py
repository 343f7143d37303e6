"""Fewer policy classes than there may be, so that small networks reach the limit."""

from __future__ import annotations

from functools import partial
from importlib import import_module

import pytest

from mesh.compile import build, evolve
from mesh.compile.crowding import classify_within_limit


def limit_classes(patch: pytest.MonkeyPatch, limit: int) -> None:
    """At most ``limit`` policy classes, until ``patch`` is undone."""
    lint = import_module("mesh.explain.lint")  # its package gives this name to the function
    for module in (build, evolve, lint):
        patch.setattr(module, "MAX_CLASSES", limit)
    patch.setattr(build, "classify_within_limit", partial(classify_within_limit, limit=limit))
