"""The home region: the nearest, but no taking turns."""

from __future__ import annotations

import pytest

from mesh.relays import choose_home

KNOWN = {1, 2, 3}


@pytest.mark.parametrize(
    ("latencies", "current", "home"),
    [
        ({}, None, None),
        ({}, 2, 2),
        ({}, 9, None),
        ({9: 1.0}, None, None),
        ({9: 1.0}, 2, 2),
        ({1: 30.0, 2: 20.0}, None, 2),
        ({1: 20.0, 2: 20.0}, None, 1),
        ({1: 30.0, 2: 20.0, 9: 1.0}, None, 2),
        ({1: 30.0, 2: 20.0}, 1, 2),
        ({1: 29.9, 2: 20.0}, 1, 1),
        ({1: 100.0, 2: 85.0}, 1, 1),
        ({1: 100.0, 2: 80.0}, 1, 2),
        ({2: 20.0}, 1, 2),
        ({1: 30.0, 2: 20.0}, 2, 2),
        ({1: 1.0, 9: 0.1}, 9, 1),
    ],
)
def test_home(latencies: dict[int, float], current: int | None, home: int | None) -> None:
    assert choose_home(latencies, known=KNOWN, current=current) == home
