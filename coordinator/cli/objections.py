"""Changes of the policy that it objects to itself: a stored test would break, a deny rule names what goes, ..."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from mesh.errors import ConflictError

OverrideOption = Annotated[
    bool,
    typer.Option(
        "--override", help="Also against objections: a test that breaks, a deny rule that names it. It is recorded."
    ),
]


@contextmanager
def naming_override() -> Iterator[None]:
    """Names the option to a person whose change was refused for objections, in place of the service's own words."""
    try:
        yield
    except ConflictError as error:
        words = " Force it to do it all the same."
        if words not in error.detail:
            raise
        raise ConflictError(error.detail.replace(words, " --override does it all the same.")) from error
