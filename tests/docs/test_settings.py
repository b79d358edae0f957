"""The page of settings is what the code says."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import trialmatch
from trialmatch.config import Settings, variable

from tests.docs.settings import PAGE, render


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == render(), "docs/settings.md is stale: run make docs"


def test_every_setting_has_a_row_and_a_meaning() -> None:
    page = render()
    for setting in fields(Settings):
        assert f"| `{variable(setting.name)}` |" in page
        assert setting.metadata["meaning"]


def test_no_variable_is_read_that_the_page_does_not_tell() -> None:
    """Whatever the code calls ``TRIALMATCH_…`` is on the page."""
    page = render()
    for path in Path(trialmatch.__file__).parent.rglob("*.py"):
        for name in re.findall(r"TRIALMATCH_[A-Z_]*[A-Z]", path.read_text("utf-8")):
            assert f"`{name}`" in page, f"{path.name} names {name}"
