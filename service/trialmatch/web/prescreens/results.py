"""What prescreens leave, and how it is read: ``<prescreen_dir>/<run>/out`` is a folder that the command has written.

:func:`summary` is what came of a run that is done, :func:`rows` are all its candidates, :func:`ranked` some of a
study's. Whoever shows rows reads patients: :func:`audited` or :func:`seen` before, and only what it has let through.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from flask import g, request
from werkzeug.exceptions import NotFound

from trialmatch.config import Settings
from trialmatch.store import audit as audit_log
from trialmatch.store import runs
from trialmatch.store.database import Store
from trialmatch.store.runs import Run
from trialmatch.web import audit
from trialmatch.web.access.security import caller
from trialmatch.web.converters import FHIR_ID
from trialmatch.web.logs import log
from trialmatch.web.service import Service

Json = dict[str, Any]

#: What the folder of a run is called; others are not ours.
_RUN = re.compile(r"[0-9a-f]{32}")

#: Rows read at once.
_ROWS = 2_000

#: Patients named in one AuditEvent.
_NAMED = 1_000

#: Columns that order the rows of a study, and those that a page shows of a row.
_ORDER = ("study", "verdict", "score", "patient")
_SHOWN = ("patient", "verdict", "cohort", "counts", "reason", "needs")

#: Verdicts of rows, best first.
KEPT = ("eligible", "likely", "possible")

#: Parts of run.json that a summary leaves out: they are about single files and lines, or about this machine.
_LEFT_OUT = ("inputs", "faults", "repeated", "problems", "outputs", "timing", "export")


def root(settings: Settings) -> Path:
    """The folder of all runs (NotFound where the service carries out none)."""
    if settings.prescreen_dir is None:
        raise NotFound("the service carries out no prescreens")
    return Path(settings.prescreen_dir)


def folder(settings: Settings, run_id: str) -> Path:
    """Everything of a run."""
    return root(settings) / run_id


def results(settings: Settings, run: Run) -> Path:
    """The results of a run that is done (NotFound where they are not there, or not any more)."""
    out = folder(settings, run.id) / "out"
    if run.state != "done" or not (out / "run.json").is_file():
        raise NotFound("this run has no results")
    return out


def summary(settings: Settings, run: Run) -> Json:
    """What came of a run that is done: ``state``, ``asOf``, ``engine``, ``counts``, ``partial``, and by study
    ``setAside``, ``judged`` and the four verdicts."""
    found: Json = orjson.loads((results(settings, run) / "run.json").read_bytes())
    kept = {key: value for key, value in found.items() if key not in _LEFT_OUT}
    kept["studies"] = [{key: one[key] for key in one if key != "leaves"} for one in found["studies"]]
    return kept


def rows(settings: Settings, run: Run, study: str | None = None) -> Iterator[list[Json]]:
    """The rows of matches.parquet in pieces, in their order: patient by patient, or of one study."""
    with pq.ParquetFile(results(settings, run) / "matches.parquet") as file:
        for batch in file.iter_batches(batch_size=_ROWS):
            found = batch.to_pylist()
            yield found if study is None else [row for row in found if row["study"] == study]


def people(settings: Settings, run: Run) -> int:
    """How many patients have a row: those who may qualify for any of the studies."""
    with pq.ParquetFile(results(settings, run) / "matches.parquet") as file:
        return int(pc.count_distinct(file.read(columns=["patient"])["patient"]).as_py())


def ranked(settings: Settings, run: Run, wanted: Mapping[str, range]) -> dict[str, list[Json]]:
    """Of each of some studies the rows at some places of its order, which is that of the screening log: best first."""
    with pq.ParquetFile(results(settings, run) / "matches.parquet") as file:
        keys = file.read(columns=list(_ORDER))
        places = {study: _places(keys, study).slice(some.start, len(some)) for study, some in wanted.items()}
        found = _rows_at(file, sorted({place for some in places.values() for place in some.to_pylist()}))
    return {study: [found[place] for place in some.to_pylist()] for study, some in places.items()}


def _places(keys: pa.Table, study: str) -> pa.Array:
    """Where in the file the rows of a study are, best first."""
    mine = pc.indices_nonzero(pc.equal(keys["study"], study))
    some = keys.take(mine)
    columns = {
        "verdict": pc.index_in(some["verdict"], value_set=pa.array(KEPT)),
        "score": pc.negate(pc.fill_null(some["score"], 0.0)),
        "patient": some["patient"],
    }
    return mine.take(pc.sort_indices(pa.table(columns), sort_keys=[(name, "ascending") for name in columns]))


def _rows_at(file: pq.ParquetFile, places: list[int]) -> dict[int, Json]:
    """Rows by their place; only the row groups that hold one are read."""
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    found: dict[int, Json] = {}
    for number, end in enumerate(accumulate(sizes)):
        here = [place for place in places if end - sizes[number] <= place < end]
        if here:
            group = file.read_row_group(number, columns=list(_SHOWN))
            rows = group.take([place - end + sizes[number] for place in here]).to_pylist()
            found |= zip(here, rows, strict=True)
    return found


def audited(service: Service, run: Run, why: str) -> None:
    """Write down durably that the caller reads a run's results, with every patient in them, before they are seen."""
    with pq.ParquetFile(results(service.settings, run) / "matches.parquet") as file:
        column = file.read(columns=["patient"]).column("patient")
    seen(service, run, why, pa.chunked_array(column.chunks, pa.string()).unique().to_pylist())


def changed(path: Path) -> list[str]:
    """The patients whom a file of changes names."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return [row["patient"].removeprefix("'") for row in csv.DictReader(stream)]


def seen(service: Service, run: Run, why: str, patients: Iterable[str]) -> None:
    """Write down durably that the caller sees some of a run's results, about some patients, before they are seen."""
    named = list(dict.fromkeys(patients))
    for at in range(0, max(len(named), 1), _NAMED):
        record(service, run.id, run.request, why, "R", named[at : at + _NAMED])


def record(
    service: Service, run_id: str, asked: Json, why: str, action: str, patients: Iterable[str] = ()
) -> None:
    """An AuditEvent of something that the caller did with a run that was ``asked`` for; ``action`` is C, R or D."""
    act = audit.RunAccess(run_id, asked["source"], tuple(patients), action, why)
    event = audit.run_event(act, caller(), request.remote_addr, g.get("request_id"), service.now())
    audit_log.record(service.store, event)


def remove(settings: Settings, run_ids: Iterable[str]) -> None:
    """Remove everything of runs: what is right in the folder of runs and has their name. No link is followed out."""
    for run_id in run_ids:
        if settings.prescreen_dir is None or not FHIR_ID.fullmatch(run_id):
            continue
        path = folder(settings, run_id)
        if path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            log.warning("what a prescreen has left cannot be removed now", run=run_id)


def forgotten(settings: Settings, store: Store, before: datetime) -> list[str]:
    """Runs of which something is left that nobody needs: cancelled ones, and those that the store does not know (any
    more) and in whose folder nothing has happened since a time."""
    if settings.prescreen_dir is None or not root(settings).is_dir():
        return []
    found = []
    for path in root(settings).iterdir():
        if not _RUN.fullmatch(path.name):
            continue
        run = runs.get(store, path.name)
        if run.state == "cancelled" if run is not None else path.lstat().st_mtime < before.timestamp():
            found.append(path.name)
    return found
