"""What the tests of prescreening share."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from trialmatch.usecases.match import Engine

from tests.prescreen.hospital import shipped

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}

settings.register_profile("prescreen-ci", derandomize=True, max_examples=20, database=None, **COMMON)
settings.register_profile("prescreen-thorough", max_examples=500, print_blob=True, **COMMON)
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The shipped studies."""
    return shipped()
