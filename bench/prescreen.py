"""A prescreen against DuckDB merely parsing the same bytes, on a hospital of our own, in one run.

usage: python bench/prescreen.py [PATIENTS ...] [--keep DIR] [--jobs N] [--only LINE ...]      (default: 10000)
       python bench/prescreen.py --hospital DIR --as-of DATE [--jobs N]        an existing folder of NDJSON

For one study, the shipped studies, 1,000 studies of different diseases, and 1,000 studies that crowd on the same
patients (dense: of the diseases that are shipped): wall and CPU seconds of the command with all its processes, as
ratios to the floor and, of 1,000 studies, to one study; the largest resident memory of one process; how many pairs of
patient and study were judged, and CPU for each; the verdicts; and whether a sample of 500 patients comes out as it does
when each is matched alone (100 where there are 1,000 studies).

A hospital of our own has nobody with a disease of the thousand but lupus: the difference between one study and 1,000 of
different diseases is what the studies themselves cost. What their patients cost is in the pairs of the dense line.

The last lines: codes coverage, which reads every record of every patient into facts; and plain dictionaries, every line
parsed by orjson and every patient's facts evaluated one by one, measured on a tenth of the patients.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

from diseases import different
from hospital import TODAY, hospital, studies_of
from trialmatch.config import Settings, variable
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import take_line
from trialmatch.terminology import mappings
from trialmatch.usecases.match import Engine, Question, match_patient

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


#: Runs a command and tells its seconds of CPU and its memory: what a large process starts seems as large as that.
_TIMED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(done.returncode)
"""


def spent(call: list[str], **settings: str) -> Spent:
    """Run a command with settings."""
    environment = {**os.environ, **{variable(name): value for name, value in settings.items()}}
    start = time.perf_counter()
    timed = [sys.executable, "-c", _TIMED, *call]
    done = subprocess.run(timed, check=True, capture_output=True, text=True, env=environment)
    wall = time.perf_counter() - start
    cpu, memory = done.stdout.split()
    return Spent(wall, float(cpu), int(memory) >> 10)


def command(folder: Path, out: Path, jobs: int, *more: str, as_of: date = TODAY) -> list[str]:
    """The call of the command."""
    call = [sys.executable, "-m", "trialmatch", "prescreen", str(folder), "--out", str(out)]
    return [*call, "--as-of", as_of.isoformat(), "--jobs", str(jobs), *more]


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


def alone(
    engine: Engine, lines: list[bytes], patient: str, only: tuple[str, ...], as_of: date
) -> list[tuple[Any, ...]]:
    """What matching a patient alone says."""
    records = Records()
    for line in lines:
        take_line(line, "bench", None, records)
    matches = match_patient(engine, records, patient, Question(as_of, only), "bench").matches
    return [(one.study.id, one.verdict, one.score, dict(one.counts)) for one in matches if one.study.items]


def checked(engine: Engine, folder: Path, out: Path, only: tuple[str, ...], as_of: date, sample: int) -> str:
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
        wrong += got != alone(engine, lines, patient, only, as_of)
    counts = ", ".join(f"{verdicts[name]} {name}" for name in ("eligible", "likely", "possible", "ineligible"))
    return f"{counts}; sample of {len(asked)}: {'all as alone' if not wrong else f'{wrong} DIFFER'}"


def dictionaries(engine: Engine, folder: Path, patients: int, only: tuple[str, ...], as_of: date) -> float:
    """CPU seconds a patient of plain dictionaries."""
    with (folder / "Patient.ndjson").open("rb") as stream:
        wanted = {orjson.loads(line)["id"] for line in islice(stream, patients)}
    lines = lines_of(folder, wanted)
    start = time.process_time()
    for patient, own in lines.items():
        alone(engine, own, patient, only, as_of)
    return (time.process_time() - start) / patients


@dataclass(frozen=True)
class Load:
    """One line of the bench: which studies, and what they need besides the defaults."""

    name: str
    only: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)

    def engine(self) -> Engine:
        """The same, to match patients alone."""
        return Engine.start(Settings.read({variable(name): value for name, value in self.settings.items()}))


def loads(work: Path) -> list[Load]:
    """All lines of the bench; studies and mappings are written to ``work``."""
    mappings_ = work / "mappings"
    own = _written(work / "different.json", different(1_000, mappings_))
    terminology = mappings.load(Settings.read({}))
    shipped = sorted(one for one in terminology.sets.titles if _is_disease(terminology, one))
    chance = random.Random(1)
    dense = _written(work / "dense.json", ["sle", *(chance.choice(shipped) for _ in range(999))])
    return [
        Load("one study", ("NCT06892145",)),
        Load("shipped ones"),
        Load("1,000 studies", settings={**own, "mappings": str(mappings_)}),
        Load("1,000, dense", settings=dense),
    ]


def _written(file: Path, diseases: list[str]) -> dict[str, str]:
    """The settings for one study of each disease."""
    entries = [{"resource": one} for one in studies_of(diseases)]
    file.write_bytes(orjson.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return {"studies": str(file), "study_bytes": str(1 << 30)}


def _is_disease(terminology: Any, concept: str) -> bool:
    """Whether a concept has codes of the classification of diseases, and none that the hospital is full of."""
    systems = {system for system, _ in terminology.sets.codes(concept)}
    return "http://hl7.org/fhir/sid/icd-10-cm" in systems and not concept.startswith("class-")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patients", nargs="*", type=int, default=[10_000])
    parser.add_argument("--keep", type=Path, help="where the hospitals are made, and stay")
    parser.add_argument("--hospital", type=Path, help="an existing folder with a file for each type; it is only read")
    parser.add_argument("--as-of", type=date.fromisoformat, default=TODAY)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", nargs="+", metavar="LINE", help="of these lines, such as 'one study' '1,000 studies'")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.hospital:
            measure(given.hospital, given.jobs, Path(scratch), given.as_of, given.only)
            return
        for patients in given.patients or [10_000]:
            folder = (given.keep or Path(scratch)) / f"hospital-{patients}"
            if not folder.exists():
                hospital(folder, patients)
            measure(folder, given.jobs, Path(scratch), given.as_of, given.only)


def measure(folder: Path, jobs: int, scratch: Path, as_of: date, names: list[str] | None) -> None:
    """One hospital; all lines, or those with one of the names."""
    size = sum(path.stat().st_size for path in folder.iterdir())
    with (folder / "Patient.ndjson").open("rb") as stream:
        patients = sum(1 for _ in stream)
    print(f"{patients} patients, {size / 1e6:.0f} MB, {jobs} processes, {date.today()}")
    floors = [spent([sys.executable, "-c", FLOOR, str(folder), str(jobs)]) for _ in range(3)]
    floor = min(floors, key=lambda one: one.cpu)
    print(f"  floor          wall {floor.wall:6.2f} s, CPU {floor.cpu:6.2f} s, {floor.memory} MiB", flush=True)
    out, first = scratch / "out", None
    for load in loads(scratch):
        if names and load.name not in names:
            continue
        only = [part for study in load.only for part in ("--study", study)]
        call = command(folder, out, jobs, *only, as_of=as_of)
        best = min((spent(call, **load.settings) for _ in range(2)), key=lambda run: run.cpu)
        first = first or best
        print(f"  {load.name:14} {best.against(floor)}")
        if "studies" in load.settings:
            ratios = f"wall × {best.wall / first.wall:.2f}, CPU × {best.cpu / first.cpu:.2f}"
            print(f"                 against one study: {ratios}")
        print(f"                 {pairs(out, best)}", flush=True)
        sample = 100 if "studies" in load.settings else 500  # alone, a thousand studies take their time
        print(f"                 {checked(load.engine(), folder, out, load.only, as_of, sample)}", flush=True)
    if not names or "codes coverage" in names:
        call = [sys.executable, "-m", "trialmatch", "codes", "coverage", str(folder), "--jobs", str(jobs)]
        best = min((spent(call) for _ in range(2)), key=lambda run: run.cpu)
        print(f"  codes coverage {best.against(floor)}")
        print(f"                 {1000 * best.cpu / patients:.2f} ms of CPU a patient", flush=True)
    if names and "plain dictionaries" not in names:
        return
    each = dictionaries(Load("").engine(), folder, max(patients // 10, 1), ("NCT06892145",), as_of)
    print(f"  plain dictionaries, one study: {1000 * each:.2f} ms of CPU a patient, {each * patients:.0f} s for all")


def pairs(out: Path, took: Spent) -> str:
    """How many pairs of patient and study a run judged, and its CPU for each."""
    run = orjson.loads((out / "run.json").read_bytes())
    judged = sum(study["judged"] for study in run["studies"])
    each = f", {1000 * took.cpu / judged:.2f} ms of CPU a pair" if judged else ""
    return f"{run['counts']['candidates']} candidates, {judged} pairs judged{each}"


if __name__ == "__main__":
    main()
