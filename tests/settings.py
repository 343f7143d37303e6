"""Settings of the test suite: the product's own, with what a test must not wait for or share taken out."""

from __future__ import annotations

from ghostwire_site.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
