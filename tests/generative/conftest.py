"""Hypothesis profiles: "ci" is quick and always the same, "thorough" (HYPOTHESIS_PROFILE=thorough) looks further."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Examples are whole patients with whole studies: their time varies, and building one is slow by hypothesis' measure.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}

settings.register_profile("ci", derandomize=True, max_examples=40, database=None, **COMMON)
settings.register_profile("thorough", max_examples=3000, print_blob=True, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
