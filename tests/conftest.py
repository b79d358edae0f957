"""What all tests share: none of them sees the settings of the machine it runs on."""

from __future__ import annotations

import os

import pytest

from tests.postgres import database, postgres_database, postgres_server  # noqa: F401  (fixtures)

# A folder with extra material, and a PostgreSQL server for tests: without them the tests that want them do otherwise.
KEEP = {"TRIALMATCH_SHARED", "TRIALMATCH_TEST_POSTGRES"}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TRIALMATCH_") and name not in KEEP:
            monkeypatch.delenv(name)
