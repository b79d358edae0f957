"""What the demo hospital is there to show: for each patient the verdict on NCT06892145 and the leaf it is about.

The expected answers were written from the charts and the printed trial, before the program was run on them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest
from trialmatch import attestations
from trialmatch.config import Settings
from trialmatch.demo import INDEX_DATE, attestations_path, hospital_path
from trialmatch.demo.generate import CASES
from trialmatch.eligibility.facts import Attestation
from trialmatch.fhir.patient.records import Records
from trialmatch.fhir.patient.sources import from_path
from trialmatch.usecases.match import Engine, Question, match_patient

STUDY = "NCT06892145"
AS_OF = date.fromisoformat(INDEX_DATE)

# One line a patient: verdict | the leaves the chart is about, each as "linkId status basis".
EXPECTED = """
lupus-likely-01       | likely     | I9.a.2 met evidence; I1 unknown judgement; E2.a1 unknown anchor-unknown
lupus-likely-02       | likely     | I9.a.1.a.1 met evidence; E15.a met not-applicable; E10.a met evidence
lupus-likely-03       | likely     | I9.a.1.a.3.a.1 met evidence; I7.a met evidence; I6.2.a met evidence
lupus-postmeno-01     | likely     | I9.a.1.a.2.a met evidence; E13 met evidence
lupus-gilbert-01      | likely     | I6.4.a.1 unmet evidence; I6.4.a.2.1 met evidence; I6.4.a.2.2 met evidence
lupus-gilbert-02      | likely     | I6.4.a.2.2 unknown no-record
lupus-hbv-01          | likely     | E6.a.a.2 unmet evidence; E6.a.b met evidence
lupus-hbv-02          | possible   | E6.a.a.2 unmet evidence; E6.a.b unknown missing-data
lupus-mixed-01        | likely     | I3.c1.a met evidence; I3.c1.c met evidence; I6.3.a met evidence
lupus-merged-01       | likely     | I4 met evidence
lupus-merged-old      | likely     | I4 met evidence
lupus-missing-01      | possible   | I6.1 unknown missing-data; I6.5.a unknown missing-data; E6.c unknown missing-data
lupus-stale-01        | possible   | I6.3.a unknown stale; I4 unknown stale
lupus-norange-01      | possible   | I6.2.a unknown unusable; I6.3.a unknown unusable; I3.c1.b unknown unusable
lupus-preliminary-01  | possible   | I6.3.a unknown provisional; I6.3.b met evidence
lupus-provisional-01  | possible   | I3.a unknown provisional
lupus-vague-01        | possible   | E10.a unknown imprecise; E7.2.b unknown imprecise; I3.c1.e unknown imprecise
lupus-textonly-01     | possible   | I3.a unknown unusable
lupus-localcode-01    | possible   | I6.2.a unknown missing-data
lupus-mislabelled-01  | possible   | I5.a unknown unusable; I5.b unknown missing-data
lupus-onedrug-01      | likely     | I3.c1.c unknown open-list; I3.c1.d unknown no-record
lupus-nodose-01       | possible   | I3.c1.b unknown unusable
lupus-oxygen-01       | likely     | I6.5.a met evidence; I6.5.b1 unmet evidence; I6.5.b2 unknown judgement
lupus-serology-01     | possible   | I5.a unmet evidence; I5.b unknown missing-data
lupus-urinetest-01    | possible   | I9.a.2 unknown missing-data
lupus-mother-01       | possible   | I6.3.a unknown stale; I6.3.b unknown stale
lupus-nosex-01        | possible   | I6.2.a unknown unusable; I6.2.b met evidence; I9.a.2 unknown missing-data
lupus-young-01        | ineligible | I2 unmet evidence
lupus-renal-01        | ineligible | I6.2.a unmet evidence; I6.2.b unmet evidence
lupus-liver-01        | ineligible | I6.3.a unmet evidence; I6.3.b met evidence
lupus-quiet-01        | ineligible | I4 unmet evidence
lupus-seronegative-01 | ineligible | I5.a unmet evidence; I5.b unmet evidence
lupus-cart-01         | ineligible | E4.a unmet evidence; E4.c unmet evidence
lupus-stroke-01       | ineligible | E10.a unmet evidence; E11 met evidence
lupus-vaccine-01      | ineligible | E13 unmet evidence
lupus-hiv-01          | ineligible | E6.c unmet evidence; E6.d unmet evidence
lupus-pregnant-01     | ineligible | I9.a.2 unmet evidence
lupus-melanoma-01     | ineligible | E12.a1 unmet evidence
lupus-heart-01        | ineligible | I6.1 unmet evidence; E7.1.a2 unmet evidence
lupus-dialysis-01     | ineligible | I6.2.a unmet evidence; E2.a1 unknown anchor-unknown
lupus-deceased-01     | ineligible |
lupus-refuted-01      | ineligible | I3.a unmet evidence
druglupus-01          | ineligible | I3.a unmet no-record
overlap-01            | ineligible | I4 unmet evidence
ra-01                 | ineligible | I3.a unmet no-record
psoriasis-01          | ineligible | I3.a unmet no-record
"""

Leaf = tuple[str, str, str]


def expected() -> Iterator[tuple[str, str, tuple[Leaf, ...]]]:
    for line in EXPECTED.strip().splitlines():
        patient, verdict, about = (part.strip() for part in line.split("|"))
        found = (tuple(leaf.split()) for leaf in about.split("; ") if leaf)
        yield patient, verdict, tuple((link, status, basis) for link, status, basis in found)


ROWS = tuple(expected())

VERDICTS = {"eligible", "likely", "possible", "ineligible", "undetermined"}
# All but source-failed: files either hold a record or do not.
BASES = {
    "evidence", "attested", "no-record", "missing-data", "stale", "unusable", "provisional", "imprecise", "judgement",
    "open-list", "not-computable", "anchor-unknown", "not-applicable",
}  # fmt: skip


@cache
def engine() -> Engine:
    return Engine.start(Settings())


@cache
def records() -> Records:
    return from_path(hospital_path())


@cache
def answer(patient: str, attested: bool = False) -> dict[str, Any]:
    """The match document of one demo patient."""
    answers: list[Attestation] = []
    if attested:
        answers = attestations.read(json.loads(attestations_path().read_text("utf-8")), "attestations", UTC, None)
    question = Question(AS_OF, attestations=tuple(answers), everything=True)
    found = match_patient(engine(), records(), patient, question, "demo")
    assert found.complete
    assert not found.problems
    return found.document(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))


def leaves(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """linkId → item, for every item of the tree."""
    found = {}
    for item in items:
        found[item["linkId"]] = item
        found |= leaves(item.get("children", []))
    return found


def match_of(patient: str, attested: bool = False) -> dict[str, Any]:
    (match,) = (match for match in answer(patient, attested)["matches"] if match["study"]["id"] == STUDY)
    return match


@pytest.mark.parametrize(("patient", "verdict", "about"), ROWS, ids=[row[0] for row in ROWS])
def test_each_patient_shows_what_the_chart_was_written_for(patient: str, verdict: str, about: tuple[Leaf, ...]) -> None:
    match = match_of(patient)
    items = leaves(match["items"])
    found = {link: (items[link]["status"], items[link]["basis"]) for link, _, _ in about}
    assert found == {link: (status, basis) for link, status, basis in about}
    assert match["verdict"] == verdict, match["missing"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_patient_is_answered(case: Any) -> None:
    assert {match["verdict"] for match in answer(case.id)["matches"]} <= VERDICTS


def test_with_attestations_one_patient_is_eligible() -> None:
    match = match_of("lupus-likely-01", attested=True)
    assert (match["verdict"], match["score"], match["missing"]) == ("eligible", 1.0, [])


def test_every_verdict_and_basis_occurs() -> None:
    documents = [answer(case.id) for case in CASES]
    documents.append(answer("lupus-likely-01", attested=True))
    matches = [match for document in documents for match in document["matches"]]
    assert {match["verdict"] for match in matches} == VERDICTS
    bases = {item.get("basis") for match in matches for item in leaves(match["items"]).values()}
    assert bases >= BASES
