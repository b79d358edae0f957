"""The first reading of all bytes: DuckDB parses every line and keeps a few columns of it.

What a survey knows afterwards: how many records of which type each file holds, whose they are and in which line they
stand; which patients have a record that a gate asks for; by which business identifiers records name their patients
(``claim``), and who bears those; ids that occur twice; which lines need a closer look (``odd``): no JSON, no known
type, no id, or a subject that is neither plainly ``Patient/<id>`` nor an identifier alone. Those lines are read again
by :mod:`trialmatch.prescreen.closer`, with the very function that reads a folder for a single patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trialmatch.errors import TrialmatchError
from trialmatch.fhir.patient.records import CONTEXT_TYPES, FACT_TYPES
from trialmatch.fhir.resource_types import RESOURCE_TYPES
from trialmatch.prescreen import columns
from trialmatch.prescreen.bearers import Bearers
from trialmatch.prescreen.binding import ELEMENTS, Binder
from trialmatch.prescreen.blocks import Rows, by_file, merged
from trialmatch.prescreen.closer import Identifier
from trialmatch.prescreen.columns import quoted
from trialmatch.prescreen.inputs import Input

#: Types that are looked at; Encounter is one of FACT_TYPES, too.
KINDS = tuple(dict.fromkeys((*FACT_TYPES, *CONTEXT_TYPES)))
_OTHERS = sorted(RESOURCE_TYPES.difference(KINDS, ["Bundle"]))  # may stand in a line, too

#: The longest line that is read, in bytes: DuckDB holds a few buffers of twice the size. A file with a longer line is
#: tried with the second size; one with even longer lines is read line by line.
_LONGEST = (4 << 20, 64 << 20)

#: Odd lines of a file that are looked at one by one; with more, all of it is.
_ODD = 100_000

#: Records of a file whose namings are bound before all of it is read.
_SAMPLE = 10_000

@dataclass
class Counted:
    """What one file holds: ``lines`` with something in them, ``odd`` ones, and records that are not, by type.

    ``unsure``: nothing is said, all of it has to be read line by line.
    """

    lines: int = 0
    odd: int = 0
    types: dict[str, int] = field(default_factory=dict)
    unsure: bool = False


class Survey:
    """A survey under way, and what it found."""

    def __init__(
        self, threads: int, scratch: Path, memory: int, namings: dict[int, frozenset[int]] | None = None
    ) -> None:
        """``scratch`` is where DuckDB may put what does not fit into ``memory`` (in MiB).

        ``namings`` are those that an earlier survey of the same studies has bound; it learns what this one binds.
        """
        self.base = duckdb.connect()
        self.scratch = scratch
        scratch.mkdir(parents=True, exist_ok=True)
        self.base.execute(f"SET threads={threads}")
        self.base.execute(f"SET memory_limit='{memory}MiB'")
        self.base.execute("SET temp_directory=" + quoted(scratch))
        for name, types in {"kind": KINDS, "other_kind": _OTHERS}.items():
            self.base.execute(f"CREATE TYPE {name} AS ENUM ({', '.join(map(quoted, types))})")
        self.base.execute(
            "CREATE TABLE record "
            "(file USMALLINT, kind kind, id UBIGINT, subject UBIGINT, claim UBIGINT, line UINTEGER)"
        )
        self.base.execute("CREATE TABLE other (kind kind, id UBIGINT)")
        self.base.execute("CREATE TABLE odd (file USMALLINT, line UINTEGER)")
        self.base.execute("CREATE TABLE person (id VARCHAR, linked BOOLEAN, file USMALLINT)")
        self.base.execute("CREATE TABLE gated (subject UBIGINT, claim UBIGINT, naming UBIGINT)")
        self.bearers = Bearers(self.base)
        self.base.execute("CREATE TABLE met (naming UBIGINT, gated BOOLEAN)")
        self.namings = {} if namings is None else namings
        self._learn(self.namings)
        self.files: dict[int, Counted] = {}
        self._longest = _LONGEST[0]

    def close(self) -> None:
        """Let go of what DuckDB holds."""
        self.base.close()

    def read_all(self, files: Sequence[Input], binder: Binder, advance: Callable[[str, int], None]) -> None:
        """Survey all files."""
        for number, file in enumerate(files):
            self.read(number, file, binder)
            advance("survey", file.size)

    def read(self, number: int, file: Input, binder: Binder) -> Counted:
        """Survey one file."""
        kinds = sorted({gate.kind for gate in binder.gates})
        counted = self._read(number, file, [kind for kind in kinds if file.kind in (kind, None)], binder)
        if not counted.unsure and file.kind is not None:
            hidden = [kind for kind in kinds if kind != file.kind and kind in counted.types]
            persons = file.kind != "Patient" and "Patient" in counted.types
            if hidden or persons:  # types that its name does not say
                self._forget(number, "record", "odd")
                everything = Input(file.path, None, file.size, file.changed)
                counted = self._read(number, everything, kinds, binder)
        self.files[number] = counted
        return counted

    def _read(self, number: int, file: Input, kinds: Sequence[str], binder: Binder) -> Counted:
        try:
            with room(self.scratch):
                for kind in kinds:
                    self._sample(file, kind, binder)
                return self._records(number, file, kinds, binder)
        except duckdb.InvalidInputException:
            if self._longest == _LONGEST[-1]:
                return self._left(number)
            self._left(number)
            self._longest = _LONGEST[-1]
            try:
                return self._read(number, file, kinds, binder)
            finally:
                self._longest = _LONGEST[0]
        except duckdb.Error:
            return self._left(number)

    def _left(self, number: int) -> Counted:
        """A file that DuckDB cannot read (broken compression, a line that is too long) is read line by line."""
        self._forget(number, "record", "odd", "person")
        return Counted(unsure=True)

    def _forget(self, number: int, *tables: str) -> None:
        for table in tables:
            self.base.execute(f"DELETE FROM {table} WHERE file = ?", [number])

    def _sample(self, file: Input, kind: str, binder: Binder) -> None:
        """Bind the namings of the first records of a kind, so that few are new when all are read."""
        named, shaped = ELEMENTS[kind]
        read = dict.fromkeys((*named, *shaped), "JSON") | {"resourceType": "VARCHAR"}
        sample = f"(SELECT * FROM {self._source(file, read)} LIMIT {_SAMPLE})"
        self._bind(
            f"SELECT {quoted(kind)} AS kind, {columns.naming(kind)} AS naming, {columns.texts(kind)} AS texts "
            f"FROM {sample} WHERE resourceType = {quoted(kind)}",
            binder,
        )

    def _bind(self, rows: str, binder: Binder) -> None:
        """Bind the distinct namings among rows of ``kind``, ``naming`` and ``texts`` that were not met before."""
        found = self.base.execute(f"SELECT kind, naming, any_value(texts) FROM ({rows}) GROUP BY kind, naming")
        fresh = []
        while batch := found.fetchmany(1000):
            for kind, hashed, said in batch:
                if hashed not in self.namings:
                    named = len(ELEMENTS[kind][0])
                    self.namings[hashed] = binder.of_survey(kind, said[:named], said[named:])
                    fresh.append(hashed)
        self._learn(fresh)

    def _unmet(self, rows: str, binder: Binder) -> None:
        """Bind the namings of a file that none before had: those are read again, with what they say."""
        self.base.execute(
            "CREATE OR REPLACE TEMP TABLE unmet AS SELECT DISTINCT naming FROM read ANTI JOIN met USING (naming) "
            "WHERE naming IS NOT NULL"
        )
        if self._one("SELECT count(*) FROM unmet"):
            self._bind(
                f"SELECT kind::VARCHAR AS kind, naming, texts FROM ({rows}) SEMI JOIN unmet USING (naming)", binder
            )

    def _learn(self, namings: Iterable[int]) -> None:
        told = list(namings)
        gated = [bool(self.namings[one]) for one in told]
        self.base.execute("INSERT INTO met SELECT unnest(?::UBIGINT[]), unnest(?::BOOLEAN[])", [told, gated])

    def _records(self, number: int, file: Input, kinds: Sequence[str], binder: Binder) -> Counted:
        read = dict(columns.BASE)
        persons = file.kind in ("Patient", None)
        if persons:
            read["link"] = "JSON"
        for kind in kinds:
            read |= dict.fromkeys((*ELEMENTS[kind][0], *ELEMENTS[kind][1]), "JSON")
        wide = f"""
            SELECT TRY_CAST(resourceType AS kind) AS kind, resourceType, id, {columns.REFERENCE} AS reference,
                   {columns.IDENTIFIER} AS identifier, {columns.TARGETS} AS targets,
                   {"link IS NOT NULL" if persons else "false"} AS linked,
                   {columns.by_kind(kinds, columns.naming)} AS naming,
                   {columns.by_kind(kinds, columns.texts)} AS texts
            FROM {self._source(file, read)}"""
        narrow = f"""
            SELECT kind, resourceType, id, linked, naming, targets, reference,
                   identifier IS NULL OR json_type(identifier) = 'OBJECT' AS sound,
                   {columns.SYSTEM} AS system, {columns.VALUE} AS value,
                   CASE WHEN kind = 'Patient' THEN id ELSE {columns.SUBJECT} END AS subject
            FROM ({wide})"""
        told = f"""
            SELECT *, CASE WHEN kind IS NULL THEN TRY_CAST(resourceType AS other_kind) IS NULL
                           WHEN id IS NULL THEN true
                           WHEN kind IN ('Patient', 'Medication') THEN false
                           WHEN targets <> 1 OR NOT sound THEN true
                           WHEN subject IS NOT NULL THEN false
                           ELSE reference IS NOT NULL OR system IS NULL OR value IS NULL END AS odd
            FROM ({narrow})"""
        self.base.execute(  # in the order of the lines, whatever threads read them: a rowid is the number of a line
            "CREATE OR REPLACE TEMP TABLE read AS "
            "SELECT kind, CASE WHEN kind IS NULL THEN resourceType END AS other, odd, hash(id) AS id, "
            "CASE WHEN subject IS NOT NULL THEN hash(subject) END AS subject, "
            "CASE WHEN kind = 'Patient' THEN subject END AS person, linked, naming, system, value, "
            "CASE WHEN system IS NOT NULL AND value IS NOT NULL THEN hash(system, value) END AS claim "
            f"FROM ({told})"
        )
        self.base.execute(
            f"INSERT INTO record SELECT {number}, kind, id, subject, claim, rowid FROM read "
            "WHERE kind IS NOT NULL AND NOT odd"
        )
        self.bearers.claimed("read")
        if persons:
            self.base.execute(
                f"INSERT INTO person SELECT person, linked, {number} FROM read WHERE kind = 'Patient' AND NOT odd"
            )
        if kinds:
            self._unmet(f"SELECT kind, naming, texts FROM ({wide})", binder)
            self.base.execute(
                "INSERT INTO gated SELECT DISTINCT subject, claim, naming FROM read "
                "WHERE NOT odd AND naming IN (SELECT naming FROM met WHERE gated)"
            )
        self.base.execute(f"INSERT INTO odd SELECT {number}, rowid FROM read WHERE odd")
        counts = "SELECT coalesce(kind::VARCHAR, other), odd, count(*) FROM read GROUP BY ALL"
        rows = self.base.execute(counts).fetchall()
        self.base.execute("DROP TABLE read")
        counted = Counted()
        for kind, odd, number_of in rows:
            counted.lines += number_of
            if odd:
                counted.odd += number_of
            else:
                counted.types[kind] = counted.types.get(kind, 0) + number_of
        return counted if counted.odd <= _ODD else self._left(number)

    def _source(self, file: Input, read: dict[str, str]) -> str:
        return columns.source(file.path, read, zipped=file.zipped, longest=self._longest)

    # What a survey found.

    def add_persons(self, number: int, persons: Sequence[tuple[str, bool]]) -> None:
        """Patients that were found in a closer look, and whether they have links."""
        self.base.execute(
            f"INSERT INTO person SELECT unnest(?::VARCHAR[]), unnest(?::BOOLEAN[]), {number}",
            [[identity for identity, _ in persons], [linked for _, linked in persons]],
        )

    def add_records(self, ids: Mapping[tuple[str, str], int]) -> None:
        """The types and ids of records that were found in a closer look, and how many there are of each."""
        kinds, names = zip(*(key for key, count in ids.items() for _ in range(count)), strict=True) if ids else ((), ())
        self.base.execute(
            "INSERT INTO other SELECT TRY_CAST(unnest(?::VARCHAR[]) AS kind), hash(unnest(?::VARCHAR[]))",
            [kinds, names],
        )

    def read_bearers(self, file: Input) -> None:
        """Find the Patients of a file who bear an identifier by which records name their patients."""
        self.bearers.read(self._source(file, {"resourceType": "VARCHAR", "id": "VARCHAR", "identifier": "JSON"}))

    def persons(self) -> int:
        """How many patients there are."""
        return int(self._one("SELECT count(DISTINCT id) FROM person"))

    def linked(self) -> list[str]:
        """The ids of Patients with a link to another."""
        return [one for (one,) in self.base.execute("SELECT DISTINCT id FROM person WHERE linked").fetchall()]

    def everybody(self) -> Iterator[str]:
        """The ids of all patients."""
        found = self.base.execute("SELECT DISTINCT id FROM person")
        while rows := found.fetchmany(10_000):
            yield from (identity for (identity,) in rows)

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of ``ids`` that are patients."""
        self._told("asked", "VARCHAR", ids)
        return {one for (one,) in self.base.execute("SELECT id FROM asked SEMI JOIN person USING (id)").fetchall()}

    def gates(self, others: Iterable[str] = ()) -> Iterator[tuple[str, frozenset[int]]]:
        """Patients, and ``others`` that are none, with records that gates ask for, and which gates."""
        self._told("asked", "VARCHAR", others)
        found = self.base.execute(
            "SELECT who.id, list(DISTINCT naming) FROM gated "
            "JOIN (SELECT id FROM person UNION ALL SELECT id FROM asked) who ON gated.subject = hash(who.id) "
            "GROUP BY who.id "
            "UNION ALL SELECT bearer.id, list(DISTINCT naming) FROM gated JOIN bearer USING (claim) GROUP BY bearer.id"
        )
        while rows := found.fetchmany(10_000):
            for subject, namings in rows:
                yield subject, frozenset().union(*(self.namings[one] for one in namings))

    def odd(self, number: int) -> NDArray[np.int64]:
        """The odd lines of a file, counted as in :meth:`lines`."""
        rows = f"SELECT line::BIGINT AS line FROM odd WHERE file = {number} ORDER BY line"
        found: NDArray[np.int64] = self.base.sql(rows).to_arrow_table()["line"].to_numpy()
        return found

    def lines(
        self, owners: Mapping[str, Sequence[int]], identified: Mapping[Identifier, Sequence[int]]
    ) -> dict[int, Rows]:
        """By file: the lines of records about those who are named, each with the number of its owner, in their order.

        ``owners`` are numbers by id, ``identified`` by business identifier. Lines are counted from 0, and those with
        nothing in them are not.
        """
        pairs = [(identity, number) for identity, numbers in owners.items() for number in numbers]
        found = self._sought("subject", "hash(unnest(?::VARCHAR[]))", *_columns(pairs, 2))
        if identified:
            named = [(*one, number) for one, numbers in identified.items() for number in numbers]
            hashes = "hash(unnest(?::VARCHAR[]), unnest(?::VARCHAR[]))"
            for file, rows in self._sought("claim", hashes, *_columns(named, 3)).items():
                found[file] = merged(found[file], rows) if file in found else rows
        return found

    def identified(self, hashes: Sequence[int]) -> dict[int, Rows]:
        """By file: the lines of records whose ids have one of these hashes; their owners mean nothing."""
        return self._sought("id", "unnest(?::UBIGINT[])", hashes, [0] * len(hashes))

    def _sought(self, key: str, hashes: str, *values: Sequence[object]) -> dict[int, Rows]:
        """``values`` are those of ``hashes``, and the owners."""
        self.base.execute(
            f"CREATE OR REPLACE TEMP TABLE sought AS SELECT {hashes} AS {key}, unnest(?::UINTEGER[]) AS owner",
            values,
        )
        return by_file(self._found(key))

    def _found(self, key: str) -> pa.Table:
        """``file``, ``line`` and ``owner`` of the records that are in the table of what is sought."""
        found: pa.Table = self.base.sql(
            f"SELECT file, line, owner FROM record JOIN sought USING ({key}) ORDER BY file, line, owner"
        ).to_arrow_table()
        return found

    def _told(self, name: str, kind: str, values: Iterable[object]) -> None:
        """A table of ``id`` with what Python knows."""
        self.base.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT unnest(?::{kind}[]) AS id", [list(values)])

    def orphans(self) -> dict[str, int]:
        """By type: records whose subject is no patient that is there."""
        found = self.base.execute(
            "SELECT kind::VARCHAR, count(*) FROM record ANTI JOIN (SELECT hash(id) AS subject FROM person) p "
            "USING (subject) ANTI JOIN bearer USING (claim) "
            "WHERE kind NOT IN ('Patient', 'Medication') GROUP BY ALL ORDER BY ALL"
        )
        return dict(found.fetchall())

    def repeated(self) -> list[int]:
        """The hashes of the ids of records that are there more than once."""
        self.base.execute(
            "CREATE OR REPLACE TEMP VIEW every AS SELECT kind, id FROM record UNION ALL SELECT kind, id FROM other"
        )
        self.base.execute("CREATE OR REPLACE TEMP TABLE again AS SELECT id FROM every GROUP BY id HAVING count(*) > 1")
        found = self.base.execute(
            "SELECT DISTINCT id FROM every SEMI JOIN again USING (id) "
            "GROUP BY kind, id HAVING count(*) > 1 ORDER BY id"
        )
        return [one for (one,) in found.fetchall()]

    def _one(self, query: str) -> int:
        ((found,),) = self.base.execute(query).fetchall()
        return int(found)


@contextmanager
def room(scratch: Path) -> Iterator[None]:
    """Raises TrialmatchError where DuckDB lacks memory, or room in ``scratch`` for what does not fit into it."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise TrialmatchError(f"{scratch}: not enough memory, or no room for what does not fit into it") from None
    except duckdb.IOException as problem:
        if "No space left" in str(problem):
            raise TrialmatchError(f"{scratch}: cannot be written (No space left on device)") from None
        raise


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [[row[column] for row in rows] for column in range(width)]
