"""Which EvidenceVariable a study's reference means, where several could be meant."""

from __future__ import annotations

from typing import Any

import pytest
from trialmatch.config import Settings
from trialmatch.errors import FaultyStudy
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition
from trialmatch.terminology import mappings

SETTINGS = Settings.read({})
TERMINOLOGY = mappings.load(SETTINGS)

#: What only one of the shipped blocks is called.
SHIPPED = "hbv-infection"


def _variable(words: str, **named: Any) -> Definition:
    leaf = {"linkId": "1", "description": words}
    resource = {"resourceType": "EvidenceVariable", "status": "active", "characteristic": [leaf], **named}
    return Definition("here", resource)


def _study(reference: str) -> Definition:
    resource = {"resourceType": "ResearchStudy", "id": "s", "status": "active"}
    return Definition("here", {**resource, "recruitment": {"eligibility": {"reference": reference}}})


def _meant(reference: str, *variables: Definition) -> str:
    """The words of the variable that a reference led to."""
    (study,) = study_files.load([_study(reference), *variables], TERMINOLOGY, SETTINGS).studies
    assert study.items
    return study.items[0].text


A, B = _variable("A", id="a"), _variable("B", id="b", url="https://trials.example/EvidenceVariable/a")


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("EvidenceVariable/a", "A"),
        ("EvidenceVariable/b", "B"),
        ("https://r5.example/fhir/EvidenceVariable/b", "B"),
        ("https://r5.example/fhir/EvidenceVariable/b|2.0", "B"),
        # by A's id, and by B's URL: the one that comes first
        ("https://trials.example/EvidenceVariable/a", "A"),
    ],
)
def test_a_reference_by_id_or_url(reference: str, words: str) -> None:
    assert _meant(reference, A, B) == words


def test_the_first_of_several_is_meant() -> None:
    assert _meant("https://trials.example/EvidenceVariable/a", B, A) == "B"
    assert _meant("EvidenceVariable/a", A, _variable("another A", id="a")) == "A"


def test_a_study_s_own_block_comes_before_a_shipped_one() -> None:
    assert _meant(f"EvidenceVariable/{SHIPPED}", _variable("own", id=SHIPPED)) == "own"
    assert _meant(f"EvidenceVariable/{SHIPPED}") != "own"


@pytest.mark.parametrize(
    "reference", ["EvidenceVariable/c", "NoEvidenceVariable/a", "a", "EvidenceVariable/", "https://x/EvidenceVariable"]
)
def test_a_reference_to_nothing(reference: str) -> None:
    with pytest.raises(FaultyStudy) as raised:
        _meant(reference, A, B)
    assert f"“{reference}” is not there" in raised.value.lines[0]


def test_a_url_that_is_no_text_is_a_fault_like_others() -> None:
    with pytest.raises(FaultyStudy) as raised:
        _meant("EvidenceVariable/a", _variable("A", id="a", url=["x"]))
    assert [line.split(":")[1].strip() for line in raised.value.lines] == ["EvidenceVariable/a.url"]
