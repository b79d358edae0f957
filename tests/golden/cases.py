"""Golden cases: a folder each with ``bundle.json``, ``expected.json``, ``description.md``, perhaps attestations.json.

``expected.json`` holds the study, the as-of date, the verdict and, for every item, its status and basis: these are
written by hand. Its wordings (``why``, ``need``, ``reason``) are what the program says, and
``python -m tests.golden.update`` renews those, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.golden import expect
from tests.harness import match_bundle
from tests.situations.builders import record
from tests.situations.rows import studies
from tests.situations.situation import walk

Json = dict[str, Any]

FOLDER = Path(__file__).parent
CASES = sorted(path.parent for path in FOLDER.glob("*/*/expected.json"))
#: What else a case may give, beside the study and the as-of date.
GIVEN = ("enrolment", "infusion")


def read(case: Path, name: str) -> Any:
    """One of a case's files, or None where it has none of that name."""
    path = case / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def name_of(case: Path) -> str:
    """``<study>/<case>``."""
    return case.relative_to(FOLDER).as_posix()


def match(case: Path, *, backwards: bool = False) -> Json:
    """The match of a case's patient with its study; ``backwards`` with the entries of the Bundle in reverse order."""
    expected = read(case, "expected.json")
    given = {key: expected[key] for key in GIVEN if key in expected}
    attestations = read(case, "attestations.json")
    if attestations is not None:
        given["attestations"] = attestations
    bundle = read(case, "bundle.json")
    if backwards:
        bundle["entry"].reverse()
    document = match_bundle(bundle, expected["patient"], study_ids=[expected["study"]], as_of=expected["asOf"], **given)
    return next(one for one in document["matches"] if one["study"]["id"] == expected["study"])


def decisions(found: Json) -> Json:
    """What was decided, without wordings: the part of a match that only a person changes."""
    return {
        "verdict": found["verdict"],
        "missing": [one["linkId"] for one in found["missing"]],
        "unmet": [one["linkId"] for one in found["unmet"]],
        "items": {item["linkId"]: (item["status"], item.get("basis")) for item in walk(found["items"])},
    }


def expected_decisions(expected: Json) -> Json:
    """The same of an ``expected.json``."""
    return {
        "verdict": expected["verdict"],
        "missing": [one["linkId"] for one in expected["missing"]],
        "unmet": expected["unmet"],
        "items": {item["linkId"]: (item["status"], item["basis"]) for item in expected["items"]},
    }


def write(study_id: str, patients: Iterable[Any], leaves: Callable[[Any], Mapping[str, str]]) -> None:
    """Write the cases of patients, every leaf of whom is known; ``tests.golden.update`` renews their wordings."""
    study = next(one for one in studies() if one.id == study_id)
    for patient in patients:
        case = FOLDER / study_id / f"{patient.cohort}-{patient.outcome}"
        case.mkdir(parents=True, exist_ok=True)
        answer = expect.expected(study, leaves(patient))
        assert answer["verdict"] == patient.outcome, (case.name, answer["verdict"])
        for name, content in (("bundle.json", record(*patient.facts)), ("expected.json", answer)):
            (case / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        (case / "description.md").write_text(f"# {patient.title}\n\n{patient.story}\n", encoding="utf-8")


def worded(expected: Json, found: Json) -> Json:
    """``expected`` with its wordings taken from a match; decisions stay as they are."""
    reasons = {item["linkId"]: item.get("reason") for item in walk(found["items"])}
    needs = {one["linkId"]: one.get("need") for one in found["missing"]}
    return {
        **expected,
        "why": found["why"],
        "missing": [{**one, "need": needs.get(one["linkId"])} for one in expected["missing"]],
        "items": [{**item, "reason": reasons.get(item["linkId"])} for item in expected["items"]],
    }
