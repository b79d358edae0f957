"""The files of a finished run: rows as Parquet, a log for people as CSV, candidates as FHIR. Same input, same bytes."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from trialmatch.config import BASE
from trialmatch.eligibility.verdict import ELIGIBLE, LIKELY, POSSIBLE
from trialmatch.fhir.searchset import VERDICT
from trialmatch.prescreen.judge import Held, Row

#: Columns of matches.parquet: name, type, meaning. The fields of :class:`Row` in their order.
MATCHES: tuple[tuple[str, pa.DataType, str], ...] = (
    ("patient", pa.string(), "reference of the Patient, `Patient/<id>`"),
    ("study", pa.string(), "id of the study"),
    ("cohort", pa.string(), "the cohort the verdict comes from, null where the study has none"),
    (
        "cohorts",
        pa.list_(pa.struct([("id", pa.string()), ("verdict", pa.string())])),
        "every cohort of the study with its own verdict",
    ),
    ("verdict", pa.string(), "`eligible`, `likely` or `possible`"),
    ("score", pa.float64(), "0 to 1, falling with the rank order"),
    ("rank", pa.int32(), "place among this patient's studies, 1 is best"),
    (
        "counts",
        pa.struct([(name, pa.int32()) for name in ("met", "unmet", "unknown", "blocking")]),
        "leaves that are met, unmet, unknown, and unknown so that they keep the verdict open",
    ),
    ("unmet", pa.list_(pa.string()), "linkIds of the unmet leaves"),
    ("missing", pa.list_(pa.string()), "linkIds of the blocking leaves"),
    ("evidence", pa.list_(pa.string()), "references of the records that the findings rest on"),
    ("reason", pa.string(), "the verdict in one sentence"),
    ("needs", pa.list_(pa.string()), "what would settle each of the missing, in words"),
)

#: Columns of findings.parquet, what a later ``--since`` compares with. The fields of :class:`Held` in their order.
FINDINGS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("patient", pa.string(), "reference of the Patient"),
    ("study", pa.string(), "id of the study"),
    ("verdict", pa.string(), "the verdict, `ineligible` ones too"),
    ("statuses", pa.string(), "one letter a leaf in the order of the study: `m` met, `u` unmet, `?` unknown"),
    (
        "shown",
        pa.list_(pa.struct([("linkId", pa.string()), ("words", pa.string())])),
        "the leaves that rest on records, with what these show",
    ),
)

#: Columns of screening-log.csv.
COUNTS = ("met", "unmet", "unknown", "blocking")
LOG = ("study", "title", "patient", "verdict", "cohort", "score", "rank", *COUNTS, "reason", "missing")

#: What a spreadsheet would take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_ORDER = {ELIGIBLE: 0, LIKELY: 1, POSSIBLE: 2}


def schema(columns: Sequence[tuple[str, pa.DataType, str]]) -> pa.Schema:
    """The Arrow schema of a table."""
    return pa.schema([pa.field(name, kind) for name, kind, _ in columns])


def table(columns: Sequence[tuple[str, pa.DataType, str]], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows as an Arrow table."""
    turned = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    arrays = [pa.array(column, kind) for column, (_, kind, _) in zip(turned, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema(columns))


def write_parquet(
    path: Path, columns: Sequence[tuple[str, pa.DataType, str]], groups: Iterable[Sequence[Sequence[Any]]]
) -> None:
    """Groups of rows as one Parquet file, one row group each; no times or machine names get in."""
    with pq.ParquetWriter(path, schema(columns), compression="zstd", version="2.6", store_schema=False) as writer:
        for rows in groups:
            if rows:
                writer.write_table(table(columns, rows))


def write_log(path: Path, rows: Iterable[Row], titles: Mapping[str, str]) -> None:
    """The screening log: by study, best first; UTF-8 with the mark that Excel wants, nothing taken for a formula."""
    ordered = sorted(rows, key=lambda row: (row.study, _ORDER[row.verdict], -(row.score or 0.0), row.patient))
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(LOG)
        for row in ordered:
            cells: list[Any] = [row.study, titles.get(row.study, ""), row.patient, row.verdict, row.cohort or ""]
            cells += [row.score, row.rank, *(row.counts[name] for name in COUNTS), row.reason]
            cells.append("; ".join(f"{item} {words}" for item, words in zip(row.missing, row.needs, strict=True)))
            writer.writerow([cell(one) for one in cells])


def cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; line breaks and control characters become blanks."""
    if not isinstance(value, str):
        return value
    plain = value if value.isprintable() else "".join(one if one.isprintable() else " " for one in value)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain


def subjects(rows: Iterable[Row]) -> Iterator[bytes]:
    """Candidates as R4 ResearchSubjects with status ``candidate``, one a line, in the order of the rows.

    The id is made from patient and study, so that sending them again changes what is there.
    """
    for row in rows:
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{BASE}/ResearchSubject/{row.study}/{row.patient}")
        yield orjson.dumps(
            {
                "resourceType": "ResearchSubject",
                "id": str(name),
                "extension": [{"url": VERDICT, "valueCode": row.verdict}],
                "status": "candidate",
                "study": {"reference": f"ResearchStudy/{row.study}"},
                "individual": {"reference": row.patient},
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )


def write_subjects(path: Path, rows: Iterable[Row]) -> None:
    """Candidates as NDJSON."""
    with path.open("wb") as stream:
        for line in subjects(rows):
            stream.write(line)


def verdicts(path: Path) -> Iterator[tuple[str, str, str]]:
    """The patient, study and verdict of every finding."""
    columns = ["patient", "study", "verdict"]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=8192, columns=columns):
            yield from zip(*(batch[name].to_pylist() for name in columns), strict=True)


def held_rows(path: Path, wanted: Container[tuple[str, str]]) -> Iterator[Held]:
    """The findings of some patients and studies."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=1024):
            keys = zip(batch["patient"].to_pylist(), batch["study"].to_pylist(), strict=True)
            places = [place for place, key in enumerate(keys) if key in wanted]
            if places:
                yield from (Held(**row) for row in batch.take(pa.array(places)).to_pylist())
