"""The first reading of all bytes, spread over executors: each surveys pieces of files with a DuckDB of its own.

Who the patients are and who has records that gates ask for comes to the driver, which needs it to choose candidates.
The table of all records, by far the largest, does not: it is one Parquet file a piece in the work folder, where
executors look for records without a patient and for those that are there again, a share of them each. (Spark's own
joins and groups were tried for that: they take ten times as long.)
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from functools import partial as bound
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trialmatch.errors import BadInput
from trialmatch.prescreen.binding import Binder
from trialmatch.prescreen.columns import quoted
from trialmatch.prescreen.gates import Gate
from trialmatch.prescreen.inputs import RANGE, Input
from trialmatch.prescreen.shares import Piece, line_at
from trialmatch.prescreen.spark.tasks import local_folder
from trialmatch.prescreen.survey import Counted, Survey
from trialmatch.prescreen.workers import Workers, processors, shared

#: Memory of the DuckDB of a piece, in MiB. It has one thread and reads lines of at most 4 MiB; only for longer
#: ones it needs more than about 100.
_MEMORY = 400

#: The largest piece that a file is cut into, and bytes of it that are copied at once.
_PIECE, _COPIED = 128 << 20, 1 << 20

#: Records that are looked through together for those that are there again (about as many as in 10 GB), and pieces whose
#: records are looked through together for anything else.
_RECORDS, _PIECES = 8_000_000, 256

#: How many hashes there are.
_HASHES = 1 << 64


@dataclass(frozen=True)
class Surveyed:
    """What a survey of one piece found: what came to be counted, and tables as in :class:`Survey`."""

    counted: Counted
    persons: pa.Table
    gated: pa.Table
    claimed: pa.Table
    namings: dict[int, frozenset[int]]
    odd: NDArray[np.int64]
    records: Path


@dataclass(frozen=True)
class _Surveyed:
    """What is kept of one piece: its odd lines and the table of its records, with numbers as if it were a file."""

    start: int
    lines: int
    odd: NDArray[np.int64]
    records: Path


class Spread(Survey):
    """A survey that executors make; the driver holds patients and gates only."""

    def __init__(self, workers: Workers, scratch: Path, memory: int) -> None:
        super().__init__(processors(), scratch, memory)
        self.workers = workers
        self.folder = scratch / "records"
        self.surveyed: dict[int, list[_Surveyed]] = {}

    def read_all(self, files: Sequence[Input], binder: Binder, advance: Callable[[str, int], None]) -> None:
        """Survey all files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files = {number: Counted() for number in range(len(files))}
        shared = sum(file.size for file in files) > _RECORDS << 10
        do = bound(_survey, gates=tuple(binder.gates), folder=self.folder, ordered=shared)
        for piece, found in self.workers.each(do, _cut(files, self.workers.jobs)):
            self._take(piece, found)
            advance("survey", piece.stop - piece.start)
        for number, counted in self.files.items():
            if counted.unsure:
                self.files[number] = self._left(number)
                self.surveyed.pop(number, None)

    def _take(self, piece: Piece, found: Surveyed) -> None:
        number, counted = piece.number, self.files[piece.number]
        counted.lines += found.counted.lines
        counted.odd += found.counted.odd
        counted.unsure |= found.counted.unsure
        for kind, count in found.counted.types.items():
            counted.types[kind] = counted.types.get(kind, 0) + count
        kept = _Surveyed(piece.start, found.counted.lines, found.odd, found.records)
        self.surveyed.setdefault(number, []).append(kept)
        self.namings |= found.namings
        for table, target in (
            (found.persons, f"person SELECT id, linked, {number}"),
            (found.gated, "gated SELECT *"),
            (found.claimed, "claimed SELECT *"),
        ):
            if table.num_rows:
                self.base.register("found", table)
                self.base.execute(f"INSERT INTO {target} FROM found")
                self.base.unregister("found")

    def orphans(self) -> dict[str, int]:
        """By type: records whose subject is no patient that is there."""
        known = [self.folder / name for name in ("persons.parquet", "bearers.parquet")]
        rows = ("DISTINCT hash(id) AS subject FROM person", "DISTINCT claim FROM bearer")
        for path, told in zip(known, rows, strict=True):
            self.base.execute(f"COPY (SELECT {told}) TO {quoted(path)} (FORMAT parquet)")
        found: Counter[str] = Counter()
        pieces = self._pieces()
        parts = [tuple(pieces[at : at + _PIECES]) for at in range(0, len(pieces), _PIECES)]
        for _, counts in self.workers.each(bound(_orphans, known=known), parts):
            found.update(dict(counts))
        return dict(sorted(found.items()))

    def repeated(self) -> list[int]:
        """The hashes of the ids of records that are there more than once."""
        shares = 1 + sum(counted.lines for counted in self.files.values()) // _RECORDS
        other = self.folder / "other.parquet"
        self.base.execute(f"COPY (SELECT kind::VARCHAR AS kind, id FROM other) TO {quoted(other)} (FORMAT parquet)")
        pieces = [*self._pieces(), other]
        work = bound(_repeated, shares=shares, pieces=pieces)
        return sorted(one for _, hashes in self.workers.each(work, range(shares)) for one in hashes)

    def _before(self, number: int) -> Iterator[tuple[int, _Surveyed]]:
        """The pieces of a file, each with the number of lines before it."""
        before = 0
        for one in sorted(self.surveyed.get(number, ()), key=lambda one: one.start):
            yield before, one
            before += one.lines

    def odd(self, number: int) -> NDArray[np.int64]:
        """The odd lines of a file."""
        return np.concatenate([before + one.odd for before, one in self._before(number)])

    def _found(self, key: str) -> pa.Table:
        path = self.folder / f"sought-{uuid.uuid4().hex}.parquet"
        self.base.execute(f"COPY sought TO {quoted(path)} (FORMAT parquet)")
        base = [(one.records, number, before) for number in self.surveyed for before, one in self._before(number)]
        parts = [tuple(base[at : at + _PIECES]) for at in range(0, len(base), _PIECES)]
        tables = [pa.table({name: pa.array([], pa.int64()) for name in ("file", "line", "owner")})]
        tables += [table for _, table in self.workers.each(bound(_found, sought=path, key=key), parts)]
        return pa.concat_tables(tables).sort_by([(name, "ascending") for name in ("file", "line", "owner")])

    def _pieces(self) -> list[Path]:
        return sorted(one.records for found in self.surveyed.values() for one in found)


def _cut(files: Sequence[Input], cores: int) -> list[Piece]:
    """Files, cut into pieces of whole ranges where they are larger than a fair part of the work of a core."""
    fair = sum(file.size for file in files) // (4 * cores)
    size = RANGE * max(1, min(fair, _PIECE) // RANGE)
    found = []
    for number, file in enumerate(files):
        step = max(file.size, 1) if file.zipped or file.size <= fair else size
        for start in range(0, file.size, step):
            found.append(Piece(number, file, start, min(start + step, file.size)))
    return sorted(found, key=lambda piece: piece.start - piece.stop)


# What executors are given to do.


def _survey(piece: Piece, gates: tuple[Gate, ...], folder: Path, ordered: bool) -> Surveyed:
    _there(piece.file)
    binder, namings = _binder(gates)
    with _alone(piece) as file, _new(namings) as survey:
        counted = survey.read(piece.number, file, binder)
        path = folder / f"{piece.number:05}-{piece.start:014}.parquet"
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")  # another machine may be at the same piece
        order = " ORDER BY id" if ordered else ""  # by what Parquet says of the ids in a group a share of them is found
        survey.base.execute(
            f"COPY (SELECT kind::VARCHAR AS kind, id, subject, claim, line FROM record{order}) TO {quoted(aside)} "
            f"(FORMAT parquet, ROW_GROUP_SIZE {4096 if ordered else 122_880})"
        )
        os.replace(aside, path)
        gated: pa.Table = survey.base.sql("SELECT DISTINCT subject, claim, naming FROM gated").to_arrow_table()
        persons = survey.base.sql("SELECT id, linked FROM person").to_arrow_table()
        claimed = survey.base.sql("SELECT DISTINCT system, value FROM claimed").to_arrow_table()
        used = {naming: namings[naming] for naming in gated.column("naming").unique().to_pylist()}
        return Surveyed(counted, persons, gated, claimed, used, survey.odd(piece.number), path)


def _found(pieces: tuple[tuple[Path, int, int], ...], sought: Path, key: str) -> pa.Table:
    """Records that are sought; a piece is told by its path, its file, and how many lines stand before it."""
    records = " UNION ALL ".join(
        f"SELECT {number}::BIGINT AS file, line + {before}::BIGINT AS line, {key} FROM {_records([path])}"
        for path, number, before in pieces
    )
    with _new({}) as survey:
        found: pa.Table = survey.base.sql(
            "SELECT file, line, owner::BIGINT AS owner "
            f"FROM ({records}) AS record JOIN {_records([sought])} AS sought USING ({key})"
        ).to_arrow_table()
        return found


def _orphans(pieces: tuple[Path, ...], known: Sequence[Path]) -> list[tuple[str, int]]:
    persons, bearers = (_records([path]) for path in known)
    with _new({}) as survey:
        return survey.base.execute(
            f"SELECT kind, count(*) FROM {_records(pieces)} AS record ANTI JOIN {persons} AS person USING (subject) "
            f"ANTI JOIN {bearers} AS bearer USING (claim) WHERE kind NOT IN ('Patient', 'Medication') GROUP BY kind"
        ).fetchall()


def _repeated(share: int, shares: int, pieces: Sequence[Path]) -> list[int]:
    """Of the records whose ids have the ``share``-th part of all hashes."""
    first, end = (number * _HASHES // shares for number in (share, share + 1))
    with _new({}) as survey:
        found = survey.base.execute(
            f"SELECT DISTINCT id FROM {_records(pieces)} WHERE id BETWEEN {first} AND {end - 1} "
            "GROUP BY kind, id HAVING count(*) > 1"
        )
        return [one for (one,) in found.fetchall()]


def _records(pieces: Iterable[Path]) -> str:
    return f"read_parquet([{', '.join(map(quoted, pieces))}])"


def _there(file: Input) -> None:
    """The file must be the driver's: one that is missing here would pass for one that broke off."""
    try:
        size = file.path.stat().st_size
    except OSError as problem:
        raise BadInput(
            str(file.path), f"an executor cannot read it ({problem.strerror})", "a folder that all machines share"
        ) from None
    if size != file.size:
        raise BadInput(str(file.path), f"an executor sees {size} bytes", f"the {file.size} that the driver sees")


@lru_cache(maxsize=1)
def _binder(gates: tuple[Gate, ...]) -> tuple[Binder, dict[int, frozenset[int]]]:
    own = shared()
    return Binder(gates, own.terminology, own.settings), {}


@contextmanager
def _alone(piece: Piece) -> Iterator[Input]:
    """A piece of a file as a file: DuckDB reads files from their beginning to their end."""
    if piece.start == 0 and piece.stop == piece.file.size:
        yield piece.file
        return
    with tempfile.TemporaryDirectory(prefix="trialmatch-", dir=local_folder()) as folder:
        path = Path(folder) / piece.file.path.name
        with piece.file.path.open("rb") as source, path.open("wb") as target:
            start, stop = (line_at(source, at) for at in (piece.start, piece.stop))
            source.seek(start)
            for at in range(start, stop, _COPIED):
                target.write(source.read(min(_COPIED, stop - at)))
        yield replace(piece.file, path=path, size=path.stat().st_size)


@contextmanager
def _new(namings: dict[int, frozenset[int]]) -> Iterator[Survey]:
    with tempfile.TemporaryDirectory(prefix="trialmatch-", dir=local_folder()) as scratch:
        survey = Survey(1, Path(scratch), _MEMORY, namings)
        try:
            yield survey
        finally:
            survey.close()
