"""The files that a prescreen reads: which there are, and what their names say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trialmatch.errors import BadInput
from trialmatch.fhir.resource_types import RESOURCE_TYPES
from trialmatch.files import readable

#: Bytes of a file that are read as one piece of work, and that one part of its digest stands for.
RANGE = 32 << 20


@dataclass(frozen=True)
class Input:
    """One file of NDJSON. ``kind`` is the resource type in its name, if that is one; ``size`` in bytes."""

    path: Path
    kind: str | None
    size: int
    changed: int

    @property
    def zipped(self) -> bool:
        """Whether it is compressed."""
        return self.path.name.endswith(".gz")

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The file in pieces of work; a compressed file is one."""
        if self.zipped:
            return [(0, self.size)]
        return [(start, min(start + RANGE, self.size)) for start in range(0, self.size, RANGE)]


def find(folder: Path) -> list[Input]:
    """The NDJSON files of a folder, by name.

    Raises BadInput where there is no such folder, no NDJSON in it, or a file that cannot be opened.
    """
    with readable(folder, "a readable folder"):
        if not folder.is_dir():
            found = "not a folder" if folder.exists() else "no such folder"
            expected = "a folder of Bulk Data NDJSON, or the URL of a server that offers $export"
            raise BadInput(str(folder), found, expected)
        paths = sorted(path for path in folder.iterdir() if path.name.removesuffix(".gz").endswith(".ndjson"))
    found_files = []
    for path in paths:
        with readable(path):
            if path.exists() and not path.is_file():
                continue  # whereas a link that leads nowhere is a file that cannot be read
            with path.open("rb"):
                told = path.stat()
        name = path.name.split(".", 1)[0]
        found_files.append(Input(path, name if name in RESOURCE_TYPES else None, told.st_size, told.st_mtime_ns))
    if not found_files:
        raise BadInput(str(folder), "no NDJSON in it", "files named like Patient.ndjson or Observation.000.ndjson.gz")
    return found_files
