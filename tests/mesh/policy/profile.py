"""How hard hypothesis tries: by default so that the whole suite stays quick, more where the environment asks for it."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("GHOSTWIRE_POLICY_EXAMPLES", "80"))
thorough = settings(max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
