"""Hypothesis profiles: "ci" is quick and always the same, "thorough" (HYPOTHESIS_PROFILE=thorough) looks further."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Examples are whole patients with whole studies: their time varies, building one is slow by hypothesis' measure, and
# those that touch an open question go.
_BY_DESIGN = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
COMMON = {"deadline": None, "suppress_health_check": _BY_DESIGN}

settings.register_profile("ci", derandomize=True, max_examples=40, database=None, **COMMON)
settings.register_profile("thorough", max_examples=3000, print_blob=True, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
