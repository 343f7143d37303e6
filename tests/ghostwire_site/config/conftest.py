from __future__ import annotations

from collections.abc import Callable

import pytest

from ghostwire_site.config.document import parse_document
from ghostwire_site.config.environment import read_overrides
from ghostwire_site.config.load import Loaded, build

Build = Callable[..., Loaded]


@pytest.fixture
def build_config() -> Build:
    """Build a configuration from YAML text and variables, as the file and the environment would give it."""

    def build_from(text: str = "", **variables: str) -> Loaded:
        return build(parse_document(text, name="ghostwire.yaml"), read_overrides(variables))

    return build_from
