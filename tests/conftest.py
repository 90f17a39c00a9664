"""Property tests are the same in every run; HYPOTHESIS_PROFILE=explore looks for new counterexamples."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("reproducible", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile(
    "explore", deadline=None, max_examples=1000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "reproducible"))
