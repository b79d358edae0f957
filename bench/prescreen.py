"""A prescreen against DuckDB merely parsing the same bytes, on a hospital of our own, in one run.

usage: python bench/prescreen.py [PATIENTS ...] [--keep DIR] [--jobs N]        (default: 10000)

For one study, the shipped studies and 1,000 studies: wall and CPU seconds of the command with all its processes, as
ratios to the floor; the largest resident memory of one process; the verdicts; and whether a sample of 500 patients
comes out as it does when each is matched alone (100 where there are 1,000 studies).

The last line compares with plain dictionaries: every line parsed by orjson
and every patient's facts evaluated one by one, measured on a tenth of the patients.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

from hospital import TODAY, hospital, studies_of_many_diseases
from trialmatch.config import Settings
from trialmatch.fhir.records import Records
from trialmatch.fhir.sources import take_line
from trialmatch.terminology import mappings
from trialmatch.usecases import Engine, Question, match_patient

#: What a reader of columns has to parse of each file at the least.
FLOOR = """
import duckdb, sys
folder, threads = sys.argv[1], sys.argv[2]
base = duckdb.connect()
base.execute(f"SET threads={threads}; SET preserve_insertion_order=false")
code = 'STRUCT(coding STRUCT("system" VARCHAR, code VARCHAR)[])'
subject = "STRUCT(reference VARCHAR)"
quantity = 'STRUCT("value" DOUBLE, code VARCHAR)'
columns = {
    "Patient": {"id": "VARCHAR", "gender": "VARCHAR", "birthDate": "VARCHAR"},
    "Condition": {"subject": subject, "code": code, "clinicalStatus": code, "onsetDateTime": "VARCHAR"},
    "MedicationRequest": {"subject": subject, "medicationCodeableConcept": code, "status": "VARCHAR",
                          "authoredOn": "VARCHAR"},
    "Observation": {"subject": subject, "code": code, "effectiveDateTime": "VARCHAR", "status": "VARCHAR",
                    "valueQuantity": quantity, "referenceRange": f"STRUCT(low {quantity}, high {quantity})[]"},
}
for name, those in columns.items():
    listed = ", ".join(f"{key}: '{kind}'" for key, kind in those.items())
    source = f"read_json('{folder}/{name}.ndjson', format='newline_delimited', columns={{{listed}}})"
    if name == "Patient":
        base.execute(f"CREATE TABLE Patient AS SELECT row_number() OVER () AS number, * FROM {source}")
    else:
        base.execute(f"CREATE TABLE {name} AS SELECT number, r.* EXCLUDE subject FROM {source} r "
                     "JOIN Patient ON Patient.id = substr(r.subject.reference, 9)")
"""


@dataclass(frozen=True)
class Spent:
    """What a command took: seconds of wall and CPU (with its children), MiB of its largest process."""

    wall: float
    cpu: float
    memory: int

    def against(self, floor: Spent) -> str:
        """In words, as ratios."""
        ratios = f"wall × {self.wall / floor.wall:.2f}, CPU × {self.cpu / floor.cpu:.2f}"
        return f"wall {self.wall:6.2f} s, CPU {self.cpu:6.2f} s ({ratios}), {self.memory} MiB"


def spent(call: list[str]) -> Spent:
    """Run a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    environment = {**os.environ, "TRIALMATCH_STUDY_BYTES": str(1 << 30)}
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, cpu, after.ru_maxrss >> 10)


def command(folder: Path, out: Path, jobs: int, *more: str) -> list[str]:
    """The call of the command."""
    call = [sys.executable, "-m", "trialmatch", "prescreen", str(folder), "--out", str(out)]
    return [*call, "--as-of", TODAY.isoformat(), "--jobs", str(jobs), *more]


def lines_of(folder: Path, wanted: set[str]) -> dict[str, list[bytes]]:
    """The lines of some patients."""
    found: dict[str, list[bytes]] = {one: [] for one in wanted}
    for path in sorted(folder.glob("*.ndjson")):
        with path.open("rb") as stream:
            for line in stream:
                resource_ = orjson.loads(line)
                whose = resource_["id"] if path.stem == "Patient" else resource_["subject"]["reference"][8:]
                if whose in found:
                    found[whose].append(line)
    return found


def alone(engine: Engine, lines: list[bytes], patient: str, only: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """What matching a patient alone says."""
    records = Records()
    for line in lines:
        take_line(line, "bench", None, records)
    matches = match_patient(engine, records, patient, Question(TODAY, only), "bench").matches
    return [(one.study.id, one.verdict, one.score, dict(one.counts)) for one in matches if one.study.items]


def checked(engine: Engine, folder: Path, out: Path, only: tuple[str, ...], sample: int) -> str:
    """The verdicts of a run, and whether a sample of patients comes out alike alone."""
    rows: dict[str, list[Any]] = {}
    verdicts: Counter[str] = Counter()
    for row in pq.read_table(out / "matches.parquet").to_pylist():
        rows.setdefault(row["patient"].removeprefix("Patient/"), []).append(row)
        verdicts[row["verdict"]] += 1
    for study in orjson.loads((out / "run.json").read_bytes())["studies"]:
        verdicts["ineligible"] += study["ineligible"]
    with (folder / "Patient.ndjson").open("rb") as stream:
        everybody = [orjson.loads(line)["id"] for line in stream]
    chance = random.Random(7)
    found = sorted(rows)
    asked = set(chance.sample(found, min(len(found), sample // 2)))
    asked |= set(chance.sample(everybody, min(len(everybody), sample - len(asked))))
    wrong = 0
    for patient, lines in lines_of(folder, asked).items():
        mine = sorted(rows.get(patient, []), key=lambda row: row["rank"])
        got = [(row["study"], row["verdict"], row["score"], row["counts"]) for row in mine]
        wrong += got != alone(engine, lines, patient, only)
    counts = ", ".join(f"{verdicts[name]} {name}" for name in ("eligible", "likely", "possible", "ineligible"))
    return f"{counts}; sample of {len(asked)}: {'all as alone' if not wrong else f'{wrong} DIFFER'}"


def dictionaries(engine: Engine, folder: Path, patients: int, only: tuple[str, ...]) -> float:
    """CPU seconds a patient of plain dictionaries."""
    with (folder / "Patient.ndjson").open("rb") as stream:
        wanted = {orjson.loads(line)["id"] for line in islice(stream, patients)}
    lines = lines_of(folder, wanted)
    start = time.process_time()
    for patient, own in lines.items():
        alone(engine, own, patient, only)
    return (time.process_time() - start) / patients


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="*", type=int, default=[10_000])
    parser.add_argument("--keep", type=Path, help="where the hospitals are made, and stay")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = given.keep or Path(scratch)
        for patients in given.patients or [10_000]:
            measure(work, patients, given.jobs, Path(scratch))


def measure(work: Path, patients: int, jobs: int, scratch: Path) -> None:
    """One size of hospital."""
    folder = work / f"hospital-{patients}"
    if not folder.exists():
        hospital(folder, patients)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{patients} patients, {size / 1e6:.0f} MB, {jobs} processes, {date.today()}")
    floors = [spent([sys.executable, "-c", FLOOR, str(folder), str(jobs)]) for _ in range(3)]
    floor = min(floors, key=lambda one: one.cpu)
    print(f"  floor          wall {floor.wall:6.2f} s, CPU {floor.cpu:6.2f} s, {floor.memory} MiB", flush=True)
    many = scratch / "studies"
    many.mkdir(exist_ok=True)
    terminology = mappings.load(Settings.read({}))
    diseases = sorted(one for one in terminology.sets.titles if _is_disease(terminology, one))
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": one} for one in studies_of_many_diseases(1000, diseases)],
    }
    (many / "studies.json").write_bytes(orjson.dumps(bundle))
    shipped = Engine.start(Settings.read({}))
    thousand = Engine.start(Settings.read({}, studies=str(many / "studies.json"), study_bytes=1 << 30))
    one = ("NCT06892145",)
    for name, engine, only, more in (
        ("one study", shipped, one, ("--study", one[0])),
        ("shipped ones", shipped, (), ()),
        ("1,000 studies", thousand, (), ("--studies", str(many / "studies.json"))),
    ):
        out = scratch / "out"
        runs = [spent(command(folder, out, jobs, *more)) for _ in range(2)]
        best = min(runs, key=lambda run: run.cpu)
        print(f"  {name:14} {best.against(floor)}")
        sample = 500 if len(engine.studies.studies) < 100 else 100  # alone, a thousand studies take their time
        print(f"                 {checked(engine, folder, out, only, sample)}", flush=True)
    each = dictionaries(shipped, folder, max(patients // 10, 1), one)
    print(f"  plain dictionaries, one study: {1000 * each:.2f} ms of CPU a patient, {each * patients:.0f} s for all")


def _is_disease(terminology: Any, concept: str) -> bool:
    """Whether a concept has codes of the classification of diseases, and none that the hospital is full of."""
    systems = {system for system, _ in terminology.sets.codes(concept)}
    return "http://hl7.org/fhir/sid/icd-10-cm" in systems and not concept.startswith("class-")


if __name__ == "__main__":
    main()
