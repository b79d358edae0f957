"""Files and folders that a user names: what cannot be read is told with its place, and never passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trialmatch.errors import BadInput


@contextmanager
def readable(path: Path, expected: str = "a readable file") -> Iterator[None]:
    """An error of reading ``path``, or what lies under it, as BadInput."""
    try:
        yield
    except OSError as problem:
        place = os.fsdecode(problem.filename) if isinstance(problem.filename, str | bytes) else str(path)
        raise BadInput(place, f"cannot be read ({problem.strerror})", expected) from None


def is_folder(path: Path) -> bool:
    """Whether there is a folder of that name. Raises BadInput where that cannot be told."""
    with readable(path):
        return path.is_dir()


def json_files(folder: Path) -> list[Path]:
    """All that is named ``.json`` under a folder, by path. Raises OSError for a folder that cannot be read."""

    def refuse(problem: OSError) -> None:
        raise problem

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        found += [Path(place, name) for name in (*folders, *names) if name.endswith(".json")]
    return sorted(found)
