"""The shipped mappings and profiles hold together: valid FHIR R5, no dangling union, no unknown code, unit or word."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import simple_icd_10_cm as icd
from fhir.resources.codesystem import CodeSystem
from fhir.resources.structuredefinition import StructureDefinition
from fhir.resources.valueset import ValueSet
from trialmatch.eligibility.units import Units

ROOT = Path(__file__).resolve().parents[2]
BASE = "https://trialmatch.example.org/fhir"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
SHAPES = {
    "http://snomed.info/sct": r"\d{6,18}",
    "http://loinc.org": r"(\d{1,6}-\d|LA\d+-\d)",
    "http://www.nlm.nih.gov/research/umls/rxnorm": r"\d{3,7}",
    "http://www.whocc.no/atc": r"[A-V]\d\d([A-Z]([A-Z](\d\d)?)?)?",
    "http://hl7.org/fhir/sid/cvx": r"\d{2,3}",
    ICD10CM: r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?",
    "urn:local:trial-score": r"[A-Za-z0-9_]+",
    "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration": r"[A-Z]+",
    f"{BASE}/CodeSystem/concept": r"[A-Za-z0-9-]+",
    "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips": r"no-known-[a-z-]+",
}


def _load(folder: str) -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_text("utf-8")) for path in sorted((ROOT / folder).glob("*.json"))}


VALUE_SETS = _load("mappings/valuesets")
CODE_SYSTEMS = _load("profiles/codesystems")
STRUCTURES = _load("profiles/structuredefinitions")
TABLES = _load("mappings")
CONCEPTS = {one["code"]: one for one in CODE_SYSTEMS["concept.json"]["concept"]}


def _extension(element: dict[str, Any], name: str) -> Any:
    for one in element.get("extension", ()):
        if one["url"] == f"{BASE}/StructureDefinition/{name}":
            return next(value for key, value in one.items() if key.startswith("value"))
    return None


def _entries() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    for name, value_set in VALUE_SETS.items():
        for part in value_set["compose"]["include"]:
            for entry in part.get("concept", ()):
                yield name, part["system"], part, entry


def _codes(concept: str, system: str, part: str = "include") -> set[str]:
    return {
        entry["code"]
        for one in VALUE_SETS[f"{concept}.json"]["compose"].get(part, ())
        if one.get("system") == system
        for entry in one.get("concept", ())
    }


def _members(concept: str) -> set[str]:
    return {
        url.rsplit("/", 1)[1]
        for part in VALUE_SETS[f"{concept}.json"]["compose"]["include"]
        for url in part.get("valueSet", ())
    }


def _properties(code: str) -> dict[str, Any]:
    return {one["code"]: one.get("valueCode", one.get("valueBoolean")) for one in CONCEPTS[code]["property"]}


def _table(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((key, entry) for key, entry in TABLES[name].items() if not key.startswith("_"))


def test_every_file_is_valid_r5() -> None:
    for resource in VALUE_SETS.values():
        ValueSet.model_validate(resource)
    for resource in CODE_SYSTEMS.values():
        CodeSystem.model_validate(resource)
        assert resource["caseSensitive"] is True and resource["content"] == "complete", resource["url"]
    for resource in STRUCTURES.values():
        model = ValueSet if resource["resourceType"] == "ValueSet" else StructureDefinition
        model.model_validate(resource)


def test_value_sets_are_named_after_their_concept() -> None:
    assert {name.removesuffix(".json") for name in VALUE_SETS} == set(CONCEPTS)
    for name, value_set in VALUE_SETS.items():
        concept = name.removesuffix(".json")
        assert value_set["url"] == f"{BASE}/ValueSet/{concept}"
        assert value_set["id"] == concept and value_set["status"] == "active" and value_set["description"].endswith(".")
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", concept)


def test_unions_and_exclusions_name_value_sets_that_exist_and_never_go_round() -> None:
    def walk(concept: str, seen: tuple[str, ...]) -> None:
        assert concept not in seen, seen
        assert f"{concept}.json" in VALUE_SETS, (seen, concept)
        for member in _members(concept):
            walk(member, (*seen, concept))

    for name, value_set in VALUE_SETS.items():
        walk(name.removesuffix(".json"), ())
        for part in value_set["compose"].get("exclude", ()):
            assert part.get("concept") or all(url.rsplit("/", 1)[1] in CONCEPTS for url in part["valueSet"])


def test_every_code_has_the_shape_of_its_system_a_source_and_a_review() -> None:
    reviews = {one["code"] for one in CODE_SYSTEMS["review.json"]["concept"]}
    for name, system, part, entry in _entries():
        assert re.fullmatch(SHAPES[system], entry["code"]), (name, entry)
        assert entry["display"] and _extension(entry, "source"), (name, entry)
        review = _extension(entry, "review")
        assert review in reviews, (name, entry)
        assert (review == "needs-review") == (_extension(part, "review") == "needs-review"), (name, entry)


def test_no_code_stands_twice_in_one_value_set() -> None:
    seen = Counter((name, system, entry["code"]) for name, system, _, entry in _entries())
    assert [key for key, times in seen.items() if times > 1] == []


def test_icd_10_cm_codes_are_those_of_the_library() -> None:
    for name, system, _, entry in _entries():
        if system == ICD10CM:
            assert icd.is_valid_item(entry["code"]), (name, entry)
    for name in VALUE_SETS:
        for code in _codes(name.removesuffix(".json"), ICD10CM, "exclude"):
            assert icd.is_valid_item(code), (name, code)


def test_snomed_ct_identifiers_carry_their_check_digit() -> None:
    for name, system, _, entry in _entries():
        if system == "http://snomed.info/sct":
            assert _verhoeff(entry["code"]), (name, entry)


def test_loinc_codes_carry_their_check_digit() -> None:
    for name, system, _, entry in _entries():
        if system == "http://loinc.org" and not entry["code"].startswith("LA"):  # answers follow another rule
            number, check = entry["code"].split("-")
            assert _mod10(number) == int(check), (name, entry)


@pytest.mark.parametrize(
    ("concept", "takes", "leaves"),
    [
        ("sle", "M32.14", "M32.0"),
        ("rheumatoid-arthritis", "M05.79", "M06.1"),
        ("rheumatoid-arthritis", "M06.9", "M06.4"),
        ("systemic-sclerosis", "M34.81", "M34.2"),
        ("pemphigus", "L10.0", "L10.5"),
        ("cardiomyopathy", "I42.0", "I25.5"),
        ("transplant-history", "Z94.0", "Z94.7"),
        ("transplant-history", "Z94.84", "Z94.5"),
        ("tuberculosis-active", "A15.0", "Z22.7"),
        ("immunodeficiency", "D83.9", "D84.821"),
        ("congenital-immunodeficiency", "D81.9", "D84.81"),
        ("stroke-any", "I63.9", "G45.9"),
        ("malignancy-range-icd", "C44.91", "D05.10"),
        ("cirrhosis", "K74.60", "K74.3"),
        ("heart-failure", "I50.22", "I42.0"),
        ("infection", "J18.9", "B18.1"),
    ],
)
def test_icd_10_cm_families(concept: str, takes: str, leaves: str) -> None:
    def held(code: str) -> bool:
        family = {code, *icd.get_ancestors(code)}
        return bool(family & _codes(concept, ICD10CM)) and not family & _codes(concept, ICD10CM, "exclude")

    assert held(takes) and not held(leaves)


def test_malignancy_writes_the_whole_chapter_out() -> None:
    whole = {code for code in icd.get_all_codes() if icd.is_category(code) and "C00" <= code <= "C96"}
    assert _codes("malignancy-range-icd", ICD10CM) == whole


def test_groups_that_the_trials_rest_on() -> None:
    drugs = "cyclophosphamide mycophenolate azathioprine methotrexate methotrexate-onco cyclosporine tacrolimus"
    assert _members("immunosuppressant") == {*drugs.split(), "sirolimus", "leflunomide"}
    assert not _members("cd19-directed") & {"rituximab-cd20", "obinutuzumab-cd20"}
    assert _members("live-vaccine") == {one for one in CONCEPTS if one.startswith("live-vaccine-")}
    assert not _members("other-autoimmune-disease") & {"sle", "lupus-nephritis", "cns-lupus"}
    assert "G72.49" in _codes("inflammatory-myopathy", ICD10CM, "exclude")
    assert _members("stroke") == {"stroke-any", "cerebral-infarction", "cerebral-hemorrhage"}


def test_positive_negative_and_equivocal_answers_do_not_overlap() -> None:
    answers = {
        kind: {(system, entry["code"]) for name, system, _, entry in _entries() if name == f"result-{kind}.json"}
        for kind in ("positive", "negative", "equivocal")
    }
    assert all(answers.values())
    assert sum(map(len, answers.values())) == len(set().union(*answers.values()))


def test_concepts_have_a_kind_and_names_of_their_own() -> None:
    kinds = {"condition", "observation", "drug", "procedure", "immunization", "result", "route"}
    owner: dict[tuple[str, str], str] = {}
    for code, concept in CONCEPTS.items():
        properties = _properties(code)
        assert properties["kind"] in kinds, code
        if properties.get("group"):
            continue  # groups and second names share the names of their members
        for name in [concept["display"], *(one["value"] for one in concept.get("designation", ()))]:
            first = owner.setdefault((properties["kind"], name.lower()), code)
            assert first == code, (name, first, code)


def test_second_names_are_the_concept_that_they_name_and_nothing_else() -> None:
    """What a site adds to either is added to both, which would be wrong of a group that is wider than its member."""
    second = {code: _properties(code)["same-as"] for code in CONCEPTS if "same-as" in _properties(code)}
    assert second["creatinine"] == "creatinine-serum"
    assert not second.keys() & {*second.values()}
    for name, concept in second.items():
        (part,) = VALUE_SETS[f"{name}.json"]["compose"]["include"]
        assert part == {"valueSet": [f"{BASE}/ValueSet/{concept}"]}, name
        assert "exclude" not in VALUE_SETS[f"{name}.json"]["compose"]
        assert CONCEPTS[name]["definition"].endswith((f": the same codes as {concept}.", f"The same as {concept}."))


def test_bindings_and_code_systems_fit() -> None:
    urls = {resource["url"] for resource in STRUCTURES.values()}
    systems = {resource["url"] for resource in CODE_SYSTEMS.values()}
    for resource in STRUCTURES.values():
        if resource["resourceType"] == "ValueSet":
            assert {part["system"] for part in resource["compose"]["include"]} <= systems
            continue
        for element in resource["differential"]["element"]:
            if "binding" in element:
                assert element["binding"]["valueSet"] in urls, resource["url"]
    for resource in CODE_SYSTEMS.values():
        assert resource["valueSet"] in urls and resource["count"] == len(resource["concept"])
        assert len({one["code"] for one in resource["concept"]}) == resource["count"]


def test_every_extension_of_the_language_is_defined() -> None:
    defined = {one["id"] for one in STRUCTURES.values() if one.get("type") == "Extension"}
    on_criteria = [
        "absence",
        "applicability",
        "cohort",
        "daily-dose",
        "distinct-by",
        "open-list",
        "printed-as",
        "reading",
        "validity",
    ]
    assert defined == {*on_criteria, "exclusions-not-in-record", "source", "review", "supporting-code", "match-verdict"}


def test_every_unit_is_ucum() -> None:
    units = Units({})
    for wild, ucum in TABLES["units.json"]["spellings"].items():
        assert units.is_ucum(ucum), (wild, ucum)


@pytest.mark.parametrize(
    ("ucum", "wild"),
    [
        ("10*3/uL", "K/uL K/mcL k/ul x10(3)/mcL 10^3/uL thou/uL 10e3/uL"),
        ("10*9/L", "x10^9/L 10^9/L 10E9/L G/L ×10⁹/L"),
        ("10*6/uL", "M/uL"),
        ("/uL", "#/mm3 /cumm cells/uL cells/µL"),
        ("[iU]/L", "IU/L"),
        ("u[iU]/mL", "mcU/mL uIU/mL µIU/mL"),
        ("umol/L", "µmol/L μmol/L mcmol/L"),
        ("mm[Hg]", "mmHg"),
        ("g/dL", "gm/dL G/DL"),
        ("ug/L", "mcg/L µg/L"),
        ("log10:[iU]/mL", "logIU/mL {Log_IU}/mL"),
        ("{copies}/mL", "copies/mL"),
        ("mL/min/{1.73_m2}", "mL/min/1.73m2 mL/min/1.73m²"),
        ("mg/d", "mg/24h mg/day"),
        ("g/g", "g/gCr mg/mg"),
        ("[lb_av]", "lb lbs"),
        ("{score}", "score points (score)"),
        ("%", "percent %pred"),
        ("a", "years yrs 岁"),
        ("s", "sec seconds"),
    ],
)
def test_spellings(ucum: str, wild: str) -> None:
    assert {TABLES["units.json"]["spellings"].get(one) for one in wild.split()} == {ucum}


def test_analytes_name_concepts_and_units_that_are_known() -> None:
    units, spellings = Units({}), TABLES["units.json"]["spellings"]
    for concept, entry in _table("analytes.json"):
        assert concept in CONCEPTS, concept
        for one in entry.get("conversions", ()):
            assert units.is_ucum(one["from"]) and units.is_ucum(one["to"]) and one["source"], concept
            assert one["from"] not in spellings and one["to"] not in spellings, concept
            assert Fraction(one["factor"]) > 0 and Fraction(one.get("offset", "0")) >= 0, concept
        assert all(units.is_ucum(unit) for pair in entry.get("units", {}).items() for unit in pair), concept
        assert all(units.is_ucum(unit) for unit in entry.get("scaleOfUnit", ())), concept
        assert entry.get("scale") is None or entry["scale"] in entry["scales"], concept
        assert "ordinalPattern" not in entry or re.compile(entry["ordinalPattern"]).groups == 1, concept


def test_constants_of_the_language() -> None:
    analytes = dict(_table("analytes.json"))
    assert analytes["creatinine-serum"]["conversions"][0]["factor"] == "88.4"
    assert analytes["bilirubin-total"]["conversions"][0]["factor"] == "17.1"
    assert analytes["upcr"]["conversions"][0]["factor"] == "113"
    assert analytes["hba1c"]["ucum"] is False
    assert analytes["ana"]["titreCutoff"] == 80
    assert analytes["mmt8"]["scales"] == [80, 150] and analytes["mmt8"]["assumed"] is False


def test_every_drug_concept_has_an_ingredient_and_a_mechanism() -> None:
    drugs = dict(_table("drugs.json"))
    single = {code for code in CONCEPTS if _properties(code)["kind"] == "drug" and not _properties(code).get("group")}
    assert set(drugs) == {code for code in single if not code.startswith("class-")}
    assert all(entry["ingredient"] and entry["mechanism"] for entry in drugs.values())
    assert drugs["mycophenolate-mofetil"]["ingredient"] == drugs["mycophenolic-acid"]["ingredient"]
    assert drugs["methylprednisolone"]["prednisoneEquivalentMg"] == "4"


def test_words_for_results_are_lower_case_and_mean_one_thing() -> None:
    words = TABLES["results.json"]
    kinds = {kind: set(words[kind]) for kind in ("positive", "negative", "equivocal")}
    assert all(word == word.lower() for said in kinds.values() for word in said)
    assert sum(map(len, kinds.values())) == len(set().union(*kinds.values()))
    assert set(words["interpretation"].values()) == set(kinds)


def _verhoeff(identifier: str) -> bool:
    """Whether SNOMED CT's check digit is right (Verhoeff: the dihedral group of the pentagon)."""
    step = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
    permuted = list(range(10))
    total = 0
    for digit in map(int, reversed(identifier)):
        total = _dihedral(total, permuted[digit])
        permuted = [permuted[one] for one in step]
    return total == 0


def _dihedral(left: int, right: int) -> int:
    if left < 5:
        return (left + right) % 5 if right < 5 else (left + right - 5) % 5 + 5
    return (left - 5 - right) % 5 + 5 if right < 5 else (left - right) % 5


def _mod10(number: str) -> int:
    """LOINC's check digit (Luhn)."""
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(number))]
    return -sum(one // 10 + one % 10 for one in doubled) % 10
