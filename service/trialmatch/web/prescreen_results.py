"""What prescreens leave, and how it is read: ``<prescreen_dir>/<run>/out`` is a folder that the command has written.

For pages: :func:`summary` is what came of a run that is done, :func:`rows` its candidates study by study. Whoever shows
rows reads patients: :func:`audited` before, and only what it has let through.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from flask import g, request
from werkzeug.exceptions import NotFound

from trialmatch.config import Settings
from trialmatch.store import audit as audit_log
from trialmatch.store.runs import Run
from trialmatch.web import audit
from trialmatch.web.security import caller
from trialmatch.web.service import Service

Json = dict[str, Any]

#: Rows read at once.
_ROWS = 2_000

#: Patients named in one AuditEvent.
_NAMED = 1_000

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


def audited(service: Service, run: Run, why: str) -> None:
    """Write down durably that the caller reads a run's results, with every patient in them, before they are seen."""
    with pq.ParquetFile(results(service.settings, run) / "matches.parquet") as file:
        column = file.read(columns=["patient"]).column("patient")
    patients = pa.chunked_array(column.chunks, pa.string()).unique().to_pylist()
    for at in range(0, max(len(patients), 1), _NAMED):
        record(service, run.id, run.request, why, "R", patients[at : at + _NAMED])


def record(
    service: Service, run_id: str, asked: Json, why: str, action: str, patients: Iterable[str] = ()
) -> None:
    """An AuditEvent of something that the caller did with a run that was ``asked`` for; ``action`` is C, R or D."""
    act = audit.RunAccess(run_id, asked["source"], tuple(patients), action, why)
    event = audit.run_event(act, caller(), request.remote_addr, g.get("request_id"), service.now())
    audit_log.record(service.store, event)


def remove(settings: Settings, run_ids: Iterable[str]) -> None:
    """Remove everything of runs."""
    for run_id in run_ids:
        if settings.prescreen_dir is not None:
            shutil.rmtree(folder(settings, run_id), ignore_errors=True)
