from __future__ import annotations

from django.db import models


class UsedChallenge(models.Model):
    """A challenge that proved something. Its replay meets the unique key. Kept until the challenge is too old."""

    nonce = models.BinaryField(max_length=16, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"challenge until {self.expires_at}"
