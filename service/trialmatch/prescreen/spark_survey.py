"""The first reading of all bytes, spread over executors: each surveys pieces of files with a DuckDB of its own.

Who the patients are and who has records that gates ask for comes to the driver, which needs it to choose candidates.
The table of all records, by far the largest, stays where it was made, as one Parquet file a piece in the work folder;
Spark itself looks there for records without a patient and for those that are there again.
"""

from __future__ import annotations

import os
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from functools import partial as bound
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from trialmatch.errors import BadInput
from trialmatch.prescreen.binding import Binder
from trialmatch.prescreen.fetch import Task, blocks, tasks
from trialmatch.prescreen.gates import Gate
from trialmatch.prescreen.inputs import Input
from trialmatch.prescreen.spark_tasks import local_folder
from trialmatch.prescreen.survey import KINDS, Counted, Survey
from trialmatch.prescreen.workers import processors, shared

if TYPE_CHECKING:
    from trialmatch.prescreen.spark_workers import SparkWorkers

#: Memory of the DuckDB of a piece, in MiB. It has one thread, and reads at most 32 MiB with lines of at most 4 MiB;
#: only for longer lines it needs more than about 100.
_MEMORY = 400

#: DuckDB's hashes are unsigned, Spark's numbers are not.
_SIGN = 1 << 63


@dataclass(frozen=True)
class Surveyed:
    """What a survey of one piece found: what came to be counted, and tables as in :class:`Survey`."""

    counted: Counted
    persons: pa.Table
    gated: pa.Table
    namings: dict[int, frozenset[int]]
    records: Path


class Spread(Survey):
    """A survey that executors make; the driver holds patients and gates only."""

    def __init__(self, workers: SparkWorkers, spark: SparkSession, scratch: Path, memory: int) -> None:
        super().__init__(processors(), scratch, memory)
        self.workers, self.spark = workers, spark
        self.folder = scratch / "records"
        self.records: dict[int, list[Path]] = {}

    def read_all(self, files: Sequence[Input], binder: Binder, advance: Callable[[str, int], None]) -> None:
        """Survey all files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files = {number: Counted() for number in range(len(files))}
        do = bound(_survey, gates=tuple(binder.gates), folder=self.folder)
        for task, found in self.workers.each(do, tasks(enumerate(files), set(), set())):
            self._take(task.number, found)
            advance("survey", task.stop - task.start)
        for number, counted in self.files.items():
            if counted.unsure:
                self.files[number] = self._left(number)
                self.records.pop(number, None)

    def _take(self, number: int, found: Surveyed) -> None:
        counted = self.files[number]
        counted.lines += found.counted.lines
        counted.odd += found.counted.odd
        counted.unsure |= found.counted.unsure
        for kind, count in found.counted.types.items():
            counted.types[kind] = counted.types.get(kind, 0) + count
        self.records.setdefault(number, []).append(found.records)
        self.namings |= found.namings
        for table, target in ((found.persons, f"person SELECT id, linked, {number}"), (found.gated, "gated SELECT *")):
            if table.num_rows:
                self.base.register("found", table)
                self.base.execute(f"INSERT INTO {target} FROM found")
                self.base.unregister("found")

    def _all(self) -> DataFrame:
        paths = [_uri(path) for found in self.records.values() for path in found]
        schema = "kind byte, id long, subject long"
        return self.spark.read.schema(schema).parquet(*paths) if paths else self.spark.createDataFrame([], schema)

    def orphans(self) -> dict[str, int]:
        """By type: records whose subject is no patient that is there."""
        persons = self.folder / "persons.parquet"
        ids = f"SELECT DISTINCT {_signed('hash(id)')} AS subject FROM person"
        self.base.execute(f"COPY ({ids}) TO '{_escaped(persons)}' (FORMAT parquet)")
        about = self._all().where(~sql.col("kind").isin(KINDS.index("Patient"), KINDS.index("Medication")))
        strangers = about.join(self.spark.read.parquet(_uri(persons)), "subject", "left_anti")
        found = strangers.groupBy("kind").count().collect()
        return dict(sorted((KINDS[kind], count) for kind, count in found))

    def repeated(self) -> list[tuple[str, int, bool]]:
        """Records that are there more than once: type, hash of the id, whether they are about different patients."""
        crossing = sql.min("subject") != sql.max("subject")
        counted = self._all().groupBy("kind", "id").agg(sql.count("*").alias("times"), crossing.alias("crossing"))
        again = counted.where("times > 1").select("kind", "id", "crossing").collect()
        return [(KINDS[kind], identity + _SIGN, bool(different)) for kind, identity, different in again]

    def ids(self, files: Sequence[Input], hashes: Sequence[int]) -> set[tuple[str, str]]:
        """The type and id of records whose id has one of these hashes."""
        sure = [(number, file) for number, file in enumerate(files) if not self.files[number].unsure]
        found = self.workers.each(bound(_ids, hashes=tuple(hashes)), tasks(sure, set(), set()))
        return {one for _, names in found for one in names}


# What executors are given to do.


def _survey(task: Task, gates: tuple[Gate, ...], folder: Path) -> Surveyed:
    _there(task.file)
    binder, namings = _binder(gates)
    with _alone(task) as file, _new(file, namings) as survey:
        counted = survey.read(task.number, file, binder)
        path = folder / f"{task.number:05}-{task.start:014}.parquet"
        aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")  # another machine may be at the same piece
        survey.base.execute(
            f"COPY (SELECT enum_code(kind)::TINYINT AS kind, {_signed('id')} AS id, {_signed('subject')} AS subject "
            f"FROM record) TO '{_escaped(aside)}' (FORMAT parquet)"
        )
        os.replace(aside, path)
        gated: pa.Table = survey.base.sql("SELECT DISTINCT subject, naming FROM gated").to_arrow_table()
        persons = survey.base.sql("SELECT id, linked FROM person").to_arrow_table()
        used = {naming: namings[naming] for naming in gated.column("naming").unique().to_pylist()}
        return Surveyed(counted, persons, gated, used, path)


def _ids(task: Task, hashes: tuple[int, ...]) -> set[tuple[str, str]]:
    with _alone(task) as file, _new(file, {}) as survey:
        survey.files[0] = Counted()
        return survey.ids([file], hashes)


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
def _alone(task: Task) -> Iterator[Input]:
    """A piece of a file as a file: DuckDB reads files from their beginning to their end."""
    if task.start == 0 and task.stop == task.file.size:
        yield task.file
        return
    with tempfile.TemporaryDirectory(prefix="trialmatch-", dir=local_folder()) as folder:
        path = Path(folder) / task.file.path.name
        with path.open("wb") as stream:
            for _, block in blocks(task, []):
                stream.write(block)
        yield replace(task.file, path=path, size=path.stat().st_size)


@contextmanager
def _new(file: Input, namings: dict[int, frozenset[int]]) -> Iterator[Survey]:
    with tempfile.TemporaryDirectory(prefix="trialmatch-", dir=local_folder()) as scratch:
        survey = Survey(1, Path(scratch), _MEMORY, namings)
        try:
            yield survey
        finally:
            survey.close()


def _signed(unsigned: str) -> str:
    return f"({unsigned}::HUGEINT - {_SIGN})::BIGINT"


def _uri(path: Path) -> str:
    """A path for Spark, for which it would be a pattern, and of Hadoop's file system where there is one."""
    return "file://" + re.sub(r"([\\{}\[\]*?])", r"\\\1", str(path))


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
