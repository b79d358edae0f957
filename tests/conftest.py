"""What all tests share: none of them sees the settings of the machine it runs on."""

from __future__ import annotations

import os

import pytest

KEEP = {"TRIALMATCH_SHARED"}  # names a folder with extra material; tests that want it skip without it


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("TRIALMATCH_") and name not in KEEP:
            monkeypatch.delenv(name)
