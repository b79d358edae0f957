"""Begins a migration from what the tables have become: ``python -m tests.store.new_migration "why"``.

Read what it wrote, finish it by hand, and put its number into ``trialmatch.store.tables.REVISION``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from trialmatch.store import database

MIGRATIONS = Path(database.__file__).with_name("migrations")


def begin(why: str, folder: Path = MIGRATIONS) -> Path:
    """Compare the tables with what the migrations make of an empty database; the new migration's file."""
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    (newest,) = ScriptDirectory.from_config(config).get_heads()
    with tempfile.TemporaryDirectory() as empty:
        engine = create_engine(f"sqlite:///{empty}/store.sqlite")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            made = command.revision(config, why, autogenerate=True, rev_id=f"{int(newest) + 1:04}")
        engine.dispose()
    assert made is not None and not isinstance(made, list)
    return Path(made.path)


if __name__ == "__main__":
    print(begin(sys.argv[1]))
