"""What all tests share: none of them sees the settings of the machine it runs on."""

from __future__ import annotations

import os

import pytest

from tests.databases import (  # noqa: F401  (fixtures)
    database,
    empty_database,
    empty_postgres_database,
    postgres_database,
    postgres_server,
    postgres_tables,
    sqlite_tables,
)

# A folder with extra material, and a PostgreSQL server for tests: without them the tests that want them do otherwise.
KEEP = {"TRIALMATCH_SHARED", "TRIALMATCH_TEST_POSTGRES"}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TRIALMATCH_") and name not in KEEP:
            monkeypatch.delenv(name)
