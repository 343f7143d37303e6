"""Names of tags."""

from __future__ import annotations

import re
from typing import Final

from mesh.errors import ValidationError

_TAG: Final = re.compile(r"tag:[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


def validate_tag(tag: str) -> str:
    """Returns a tag in lower case: ``tag:`` and a name of letters, digits and hyphens that begins with a letter.

    Raises ValidationError for anything else.
    """
    normal = tag.lower()
    if not _TAG.fullmatch(normal):
        raise ValidationError(f"{tag[:80]!r} is no tag: write tag: and a name of letters, digits and hyphens.")
    return normal
