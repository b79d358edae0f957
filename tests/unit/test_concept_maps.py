"""The shipped concept maps: valid FHIR R5, codes that are there, and nothing that means something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import simple_icd_10_cm as icd
from fhir.resources.conceptmap import ConceptMap
from trialmatch.config import Settings
from trialmatch.terminology import mappings
from trialmatch.terminology.systems import ATC, CONCEPT, ICD10, ICD10CM

FOLDER = Path(__file__).resolve().parents[2] / "mappings" / "conceptmaps"
MAPS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
ICD_10, FORMER_ATC = MAPS["icd-10"], MAPS["atc-former"]
SAME, OWN = ICD_10["group"]
SETS = mappings.load(Settings.read({})).sets


@pytest.mark.parametrize("name", sorted(MAPS))
def test_it_is_valid(name: str) -> None:
    ConceptMap.model_validate(MAPS[name])


def test_icd_10_is_mapped_to_icd_10_cm_and_to_concepts() -> None:
    assert [(group["source"], group["target"]) for group in ICD_10["group"]] == [(ICD10, ICD10CM), (ICD10, CONCEPT)]


def test_the_same_codes_mean_the_same() -> None:
    """One code each, which ICD-10-CM has and some concept names; those that were found to differ are not among them."""
    codes = [element["code"] for element in SAME["element"]]
    assert codes == sorted(set(codes)) and len(codes) > 500
    assert all(icd.is_valid_item(code) for code in codes)
    for element in SAME["element"]:
        assert element["target"] == [{"code": element["code"], "relationship": "equivalent"}]
    named = {code for concept in SETS.titles for system, code in SETS.codes(concept) if system == ICD10CM}
    excluded = {"M32.0", "L10.5", "M34.2", "Z94.5", "Z94.7", "K74.3"}
    assert excluded <= set(codes) and len(set(codes) - named) < 20
    assert not {"R65.2", "I12.0", "I13.2"} & set(codes)


def test_codes_of_icd_10_alone_are_of_known_concepts() -> None:
    codes = {element["code"]: [one["code"] for one in element["target"]] for element in OWN["element"]}
    assert not codes.keys() & {element["code"] for element in SAME["element"]}
    for element in OWN["element"]:  # concepts are called as their value sets are
        for target in element["target"]:
            path = FOLDER.parent / "valuesets" / f"{target['code']}.json"
            assert target["display"] == json.loads(path.read_text("utf-8"))["title"]
    for code, concepts in codes.items():
        assert all(concept in SETS for concept in concepts)
        assert set(concepts) <= SETS.concepts(ICD10, code)


def test_former_atc_codes_mean_the_substance_that_they_name() -> None:
    """A code that is still in use is none of them; each leads to the drug of its display."""
    (group,) = FORMER_ATC["group"]
    assert (group["source"], group["target"]) == (ATC, ATC)
    today = {code for concept in SETS.titles for system, code in SETS.codes(concept) if system == ATC}
    names = mappings.load(Settings.read({})).names
    for element in group["element"]:
        (target,) = element["target"]
        assert element["code"] not in today and target["code"] in today
        assert names.drugs_in(element["display"]) & SETS.concepts(ATC, element["code"])
