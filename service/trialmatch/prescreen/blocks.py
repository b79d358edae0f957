"""Where lines stand: one quick reading of a file counts the lines that end in each block of it, and makes a digest.

A survey numbers records, DuckDB does not say at which byte a record stands. With these counts a numbered line is found
by reading its block only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from trialmatch.prescreen.inputs import Input

#: Bytes of a block, which is read to find a line in it; and blocks that are counted together, few enough for the
#: processor's caches.
BLOCK, _TOGETHER = 32 << 10, 4


@dataclass(frozen=True)
class Blocks:
    """One range of a file: the digest of its bytes, how many lines end in each block, whether the last line does."""

    start: int
    digest: bytes
    ends: NDArray[np.int64]
    ended: bool


def counted(file: Input, start: int, stop: int) -> Blocks:
    """Count the blocks of a range; of a packed file as it is packed."""
    ends, digest, held = [], xxhash.xxh3_128(), b"\n"
    with file.path.open("rb") as stream:
        stream.seek(start)
        for at in range(start, stop, BLOCK * _TOGETHER):
            held = stream.read(min(BLOCK * _TOGETHER, stop - at))
            digest.update(held)
            found = newlines(held)
            ends += [np.count_nonzero(found[block : block + BLOCK]) for block in range(0, len(held), BLOCK)]
    return Blocks(start, digest.digest(), np.array(ends, np.int64), held.endswith(b"\n"))


def newlines(held: bytes) -> NDArray[np.bool_]:
    """Which bytes end a line."""
    found: NDArray[np.bool_] = np.frombuffer(held, np.uint8) == ord("\n")
    return found


def digest_of(ranges: Sequence[Blocks]) -> str:
    """The digest of a file from those of its ranges: tells any change, though not a forger's."""
    return "xxh128:" + xxhash.xxh3_128_hexdigest(b"".join(one.digest for one in ranges))


class Lines:
    """The lines of a file, from its ranges in their order."""

    def __init__(self, ranges: Sequence[Blocks]) -> None:
        starts = [one.start + BLOCK * np.arange(len(one.ends), dtype=np.int64) for one in ranges]
        self._starts = np.concatenate([np.zeros(0, np.int64), *starts])
        self._ends = np.cumsum(np.concatenate([np.zeros(0, np.int64), *(one.ends for one in ranges)]))
        last = self._ends[-1] if len(self._ends) else 0
        self.count = int(last) + (0 if not ranges or ranges[-1].ended else 1)

    def blocks(self, lines: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of lines (from 0): the offset of a block each, and behind how many ends of lines in it the line begins."""
        block = np.searchsorted(self._ends, lines)
        before = np.concatenate([np.zeros(1, np.int64), self._ends])[block]
        return self._starts[block], lines - before


@dataclass(frozen=True)
class Rows:
    """Lines of a file, ascending, and whose each is."""

    lines: NDArray[np.int64]
    owners: NDArray[np.int64]


def by_file(table: pa.Table) -> dict[int, Rows]:
    """The rows of a table of ``file``, ``line`` and ``owner`` that is ordered by them."""
    files, lines, owners = (table[name].to_numpy().astype(np.int64) for name in ("file", "line", "owner"))
    found = {}
    for number in np.unique(files).tolist():
        own = slice(*np.searchsorted(files, [number, number + 1]))
        found[number] = Rows(lines[own], owners[own])
    return found


def rows_of(pairs: Sequence[tuple[int, int]]) -> Rows:
    """Rows from (line, owner), in their order."""
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    return merged(Rows(columns[:, 0], columns[:, 1]))


def merged(*rows: Rows) -> Rows:
    """All these rows, each once, in their order."""
    pairs = np.stack([np.concatenate([getattr(one, name) for one in rows]) for name in ("lines", "owners")])
    lines, owners = np.unique(pairs, axis=1)
    return Rows(lines, owners)
