"""Small hospitals as folders of NDJSON, a prescreen of them, and what matching says patient by patient."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from trialmatch.config import Settings
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import from_path
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition
from trialmatch.prescreen import engine as prescreen
from trialmatch.prescreen.engine import Order, Summary
from trialmatch.terminology import mappings
from trialmatch.terminology.mappings import Terminology
from trialmatch.usecases.match import Engine, Question, match_patient

from tests.harness import NOW, study_bundle

Json = dict[str, Any]

AS_OF = date(2026, 3, 1)


def folder_of(path: Path, resources: Iterable[Json], names: Mapping[str, str] | None = None) -> Path:
    """A folder with one file a type (or as ``names`` says)."""
    path.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[str]] = {}
    for one in resources:
        name = (names or {}).get(one["resourceType"], f"{one['resourceType']}.ndjson")
        files.setdefault(name, []).append(json.dumps(one))
    for name, lines in files.items():
        (path / name).write_text("\n".join(lines) + "\n", "utf-8")
    return path


@dataclass(frozen=True)
class Screened:
    """A finished run."""

    out: Path
    summary: Summary

    @property
    def rows(self) -> dict[str, list[Json]]:
        """The rows of matches.parquet by patient, best first."""
        found: dict[str, list[Json]] = {}
        for row in pq.read_table(self.out / "matches.parquet").to_pylist():
            found.setdefault(row["patient"], []).append(row)
        return {patient: sorted(rows, key=lambda row: row["rank"]) for patient, rows in found.items()}

    @property
    def run(self) -> Json:
        """What run.json says."""
        return json.loads((self.out / "run.json").read_bytes())

    def counts(self) -> Json:
        """The counts of run.json."""
        return self.run["counts"]


def screened(engine: Engine, source: Path, out: Path, **given: Any) -> Screened:
    """Prescreen a folder in this process."""
    order = Order(source, out, given.pop("as_of", AS_OF), **given)
    return Screened(out, prescreen.run(order, engine.studies, engine.terminology, engine.settings))


def matched(engine: Engine, records: Records, patient: str, **given: Any) -> tuple[str, list[Json]]:
    """What matching the patient alone says: whom it is about, and rows in the columns of matches.parquet."""
    own = Records(records.by_type, copy.deepcopy(records.sources), list(records.problems), records.full_urls)
    question = Question(given.pop("as_of", AS_OF), **given)
    document = match_patient(engine, own, patient, question, "folder").document(NOW)
    about = document["patient"]
    return about, [in_columns(about, match) for match in document["matches"] if match["verdict"] != "undetermined"]


def in_columns(patient: str, match: Json) -> Json:
    """A match of the match document as a row."""
    best = [one["id"] for one in match["cohorts"] if one["verdict"] == match["verdict"]]
    why = match["why"].split(" Stands before ")[0]
    return {
        "patient": patient,
        "study": match["study"]["id"],
        "cohort": best[0] if best else None,
        "cohorts": [{"id": one["id"], "verdict": one["verdict"]} for one in match["cohorts"]],
        "verdict": match["verdict"],
        "score": match["score"],
        "rank": match["rank"],
        "counts": match["counts"],
        "unmet": [one["linkId"] for one in match["unmet"]],
        "missing": [one["linkId"] for one in match["missing"]],
        "evidence": list(dict.fromkeys(_references(match["items"]))),
        "reason": why,
        "needs": [one["need"] for one in match["missing"]],
    }


def _references(items: Iterable[Json]) -> Iterable[str]:
    for item in items:
        if item["children"]:
            yield from _references(item["children"])
        else:
            yield from (one["reference"] for one in item["evidence"])


def patients(source: Path) -> list[str]:
    """The ids of a folder's patients."""
    return sorted(from_path(source).patients())


def same(engine: Engine, source: Path, out: Path, **given: Any) -> Screened:
    """Prescreen a folder and hold every patient's rows against matching that patient alone."""
    done = screened(engine, source, out, **given)
    asked = {key: value for key, value in given.items() if key in ("as_of", "study_ids")}
    rows = done.rows
    records = from_path(source)
    about = set()
    for patient in sorted(records.patients()):
        person, expected = matched(engine, records, patient, **asked)  # of somebody replaced: the one who replaces
        assert rows.get(person, []) == expected, patient
        about.add(person)
    assert set(rows) <= about
    return done


def equal(first: Path, second: Path) -> None:
    """Two runs left the same bytes; in run.json only the timing may differ."""
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        if name == "run.json":
            runs = [json.loads((out / name).read_bytes()) for out in (first, second)]
            for run in runs:
                del run["timing"]
            assert runs[0] == runs[1]
        else:
            assert (first / name).read_bytes() == (second / name).read_bytes(), name


def shipped() -> Engine:
    """The engine with the shipped studies."""
    return Engine.start(Settings.read({}))


@lru_cache(maxsize=1)
def terminology() -> Terminology:
    """The shipped mappings."""
    return mappings.load(Settings.read({}))


def engine_of(studies: Sequence[list[Json]]) -> Engine:
    """An engine with studies around characteristics, called study-0, study-1, …"""
    definitions = []
    for number, characteristics in enumerate(studies):
        for entry in study_bundle(characteristics)["entry"]:
            resource = copy.deepcopy(entry["resource"])
            resource["id"] = f"{resource['id']}-{number}"
            if "url" in resource:
                resource["url"] += f"-{number}"
            if resource["resourceType"] == "ResearchStudy":
                resource["recruitment"]["eligibility"]["reference"] += f"-{number}"
            definitions.append(Definition(f"study {number}", resource))
    own = Settings.read({})
    return Engine(own, terminology(), study_files.load(definitions, terminology(), own))
