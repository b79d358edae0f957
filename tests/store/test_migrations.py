"""How a change of the tables becomes a migration."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Column, ForeignKey, Table, Text
from trialmatch.store.tables import REVISION, Instant, metadata

from tests.store.new_migration import MIGRATIONS, begin


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations, to write to."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "100%", ignore=shutil.ignore_patterns("__pycache__")))


def test_the_newest_migration_is_the_one_that_the_code_names() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [REVISION]


def test_a_new_table_becomes_a_migration(folder: Path) -> None:
    """It follows the newest one, names no type of the package, and runs: the next one finds nothing to do."""
    table = Table(
        "things",
        metadata,
        Column("id", Text, primary_key=True),
        Column("run", ForeignKey("runs.id"), nullable=False),
        Column("at", Instant(), nullable=False),
    )
    try:
        first = begin("things that happen", folder)
        second = begin("nothing", folder)
    finally:
        metadata.remove(table)
    number = int(REVISION) + 1
    assert first.name == f"{number:04}_things_that_happen.py"
    words = first.read_text("utf-8")
    assert words.startswith('"""things that happen"""\n')
    assert f"revision = '{number:04}'\ndown_revision = '{REVISION}'\n" in words
    assert "sa.Column('at', sa.DateTime(timezone=True), nullable=False)" in words
    assert "trialmatch" not in words
    assert "\n    pass\n" in second.read_text("utf-8") and " op." not in second.read_text("utf-8")
