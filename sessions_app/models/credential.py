from __future__ import annotations

from django.db import models


class Credential(models.Model):
    """What every stored token shares: its keyed digest, and which pepper keyed it. The token itself is never kept."""

    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    pepper = models.CharField(max_length=16, editable=False)

    class Meta:
        abstract = True
