"""How hard hypothesis tries: by default so that the whole suite stays quick, more where the environment asks for it.

CI tries other networks and policies each time, thousands in all; a failure prints the seed of its very example, as the
``reproduce_failure`` that repeats it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("GHOSTWIRE_POLICY_EXAMPLES", "120" if "CI" in os.environ else "80"))
thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # By default hypothesis tries the same ones in each run of CI.
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
