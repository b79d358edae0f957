"""A site's mappings that are not what they should be: one line with file, element and what is expected."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trialmatch import resources
from trialmatch.config import BASE, Settings
from trialmatch.errors import BadInput
from trialmatch.terminology import mappings
from trialmatch.terminology.shapes import BUNDLE, RESOURCES, TABLES, misshapen

from tests.unit.spoiling import spoilt

Json = dict[str, Any]

_CONCEPT_MAP: Json = {
    "resourceType": "ConceptMap",
    "group": [
        {
            "source": "urn:our-hospital:lab",
            "target": f"{BASE}/CodeSystem/concept",
            "element": [{"code": "LAB-4711", "target": [{"code": "sledai-2k", "relationship": "equivalent"}]}],
        }
    ],
}
_VALUE_SET: Json = {
    "resourceType": "ValueSet",
    "url": f"{BASE}/ValueSet/own",
    "extension": [
        {
            "url": f"{BASE}/StructureDefinition/supporting-code",
            "valueCoding": {"system": "http://snomed.info/sct", "code": "1"},
        }
    ],
    "compose": {
        "include": [
            {"system": "http://snomed.info/sct", "concept": [{"code": "2", "display": "Two"}]},
            {"valueSet": [f"{BASE}/ValueSet/stroke"]},
        ],
        "exclude": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "concept": [{"code": "I64"}]}],
    },
    "expansion": {"contains": [{"code": "3", "contains": [{"code": "4"}]}]},
}
_CODE_SYSTEM: Json = {
    "resourceType": "CodeSystem",
    "url": f"{BASE}/CodeSystem/concept",
    "concept": [
        {
            "code": "sle",
            "designation": [{"value": "butterfly disease"}],
            "property": [{"code": "kind", "valueCode": "condition"}],
        }
    ],
}

#: A site's folder: what is in it, by the name of the file.
SITE: dict[str, Json] = {
    "own.json": _VALUE_SET,
    "map.json": _CONCEPT_MAP,
    "names.json": _CODE_SYSTEM,
    "all.json": {
        "resourceType": "Bundle",
        "entry": [{"resource": one} for one in (_VALUE_SET, _CONCEPT_MAP, _CODE_SYSTEM)],
    },
    "units.json": {"spellings": {"GE/L": "g/L"}},
    "ucum.json": {"units": {"zz": {"factor": "1/100", "dimension": {"[length]": -3}}}},
    "analytes.json": {
        "alt": {
            "conversions": [{"from": "g/g", "to": "mg/mmol", "factor": "113", "offset": 0.5}],
            "units": {"[iU]/L": "U/L"},
            "scale": 10,
            "scales": [10, "20"],
            "scaleOfUnit": {"cm": 10},
            "grades": {"I": ["one"]},
            "ordinal": [{"system": "http://loinc.org", "code": "LA1-1", "value": 1}],
            "ordinalPattern": "class ([1-4])",
        }
    },
    "drugs.json": {"abatacept": {"ingredient": "abatacept", "mechanism": None, "prednisoneEquivalentMg": [4, "5"]}},
    "results.json": {"positive": ["oho"], "interpretation": {"OHO": "positive"}},
    "orders.json": {"orders": {"alt": "1742-6 urn:catalogue|7", "ana": ""}},
}


def _load(folder: Path, name: str, data: Any) -> None:
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    (folder / name).write_text(json.dumps(data), "utf-8")
    mappings.load(Settings.read({}, mappings=str(folder)))


def _refused(folder: Path, name: str, data: Any) -> str:
    """What is told, below the folder."""
    with pytest.raises(BadInput) as raised:
        _load(folder, name, data)
    (line,) = raised.value.lines
    return line.removeprefix(f"{folder}/")


def test_what_is_shipped_has_its_shapes() -> None:
    for place, content in [*resources.mappings(), *resources.code_systems()]:
        data, name = json.loads(content), place.rsplit("/", 1)[-1]
        assert list(misshapen(data, TABLES[name] if name in TABLES else RESOURCES[data["resourceType"]])) == [], place


@pytest.mark.parametrize("name", SITE)
def test_a_sound_folder_is_taken(tmp_path: Path, name: str) -> None:
    _load(tmp_path, name, SITE[name])


def _with(name: str, path: str, value: Any) -> tuple[str, Json]:
    """A file of the folder with one element replaced."""
    data: Any = copy.deepcopy(SITE[name])
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inner = data
    for step in way:
        inner = inner[step]
    inner[last] = value
    return name, data


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (_with("own.json", "url", 3), "own.json: url: a number; expected a string"),
        (_with("own.json", "compose", None), "own.json: compose: null; expected an object"),
        (
            _with("own.json", "compose/include/0/concept/0/code", 64),
            "own.json: compose.include[0].concept[0].code: a number; expected a string",
        ),
        (
            _with("own.json", "extension/0/valueCoding", {"code": "1"}),
            "own.json: extension[0].valueCoding.system: none; expected a string",
        ),
        (
            _with("own.json", "expansion/contains/0/contains", "4"),
            "own.json: expansion.contains[0].contains: a string; expected an array",
        ),
        (_with("map.json", "group", {}), "map.json: group: an object; expected an array"),
        (
            _with("map.json", "group/0/element/0/target/0/code", ["x"]),
            "map.json: group[0].element[0].target[0].code: an array; expected a string",
        ),
        (_with("names.json", "concept/0", {}), "names.json: concept[0].code: none; expected a string"),
        (_with("all.json", "entry/1", 7), "all.json: entry[1]: a number; expected an object"),
        (_with("all.json", "entry/0/resource", None), "all.json: entry[0].resource: null; expected an object"),
        (_with("all.json", "entry/0/resource/url", 7), "all.json: entry[0].resource: url: a number; expected a string"),
        (("units.json", {"spellings": {"GE/L": 1}}), "units.json: spellings.GE/L: a number; expected a string"),
        (
            _with("ucum.json", "units/zz/factor", "1/0"),
            "ucum.json: units.zz.factor: another value; expected a number above 0",
        ),
        (
            _with("analytes.json", "alt/conversions/0/factor", 0),
            "analytes.json: alt.conversions[0].factor: another value; expected a number above 0",
        ),
        (
            _with("analytes.json", "alt/ordinalPattern", "class ("),
            "analytes.json: alt.ordinalPattern: another value; expected a regular expression with one group",
        ),
        (_with("analytes.json", "alt", []), "analytes.json: alt: an array; expected an object"),
        (
            _with("drugs.json", "abatacept/prednisoneEquivalentMg", [4]),
            "drugs.json: abatacept.prednisoneEquivalentMg: an array; expected a number of mg above 0, or two of them",
        ),
        (_with("results.json", "positive/0", ""), "results.json: positive[0]: another value; expected a word"),
        (
            _with("results.json", "interpretation/OHO", "maybe"),
            "results.json: interpretation.OHO: another value; expected positive, negative, equivocal",
        ),
        (
            _with("orders.json", "orders/alt", ["1742-6"]),
            "orders.json: orders.alt: an array; expected codes separated by spaces",
        ),
    ],
)
def test_what_its_reader_would_stumble_over(tmp_path: Path, file: tuple[str, Json], told: str) -> None:
    assert _refused(tmp_path, *file) == told


def test_a_union_with_what_is_nowhere(tmp_path: Path) -> None:
    file = _with("all.json", "entry/0/resource/compose/include/1/valueSet/0", f"{BASE}/ValueSet/nowhere")
    assert _refused(tmp_path, *file) == (
        "all.json: entry[0].resource: compose.include.valueSet: “nowhere” is nowhere mapped; "
        "expected a ValueSet of the mappings"
    )


def test_a_folder_that_is_named_like_a_file(tmp_path: Path) -> None:
    (tmp_path / "own.json").mkdir()
    with pytest.raises(BadInput, match=r"own\.json: cannot be read \(Is a directory\)"):
        mappings.load(Settings.read({}, mappings=str(tmp_path)))


def test_a_resource_that_is_no_mapping(tmp_path: Path) -> None:
    assert _refused(tmp_path, "own.json", {"resourceType": ["x"]}).startswith(
        "own.json: another resourceType; expected a"
    )
    assert _refused(tmp_path, "own.json", {}).startswith("own.json: no resourceType; expected a ValueSet, ")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(SITE)), st.integers(0, 2**32))
def test_whatever_is_spoilt_is_taken_or_told(tmp_path: Path, name: str, seed: int) -> None:
    data = spoilt(SITE[name], random.Random(seed))
    try:
        _load(tmp_path / "site", name, data)
    except BadInput as problem:
        (line,) = problem.lines
        assert f"{name}:" in line and "; expected " in line and "\n" not in line


def test_a_bundle_s_shape_is_that_of_its_readers() -> None:
    assert list(misshapen({"entry": [{}]}, BUNDLE)) == [(".entry[0].resource", "none", "an object")]


def _read(folder: Path, **files: Json) -> mappings.Terminology:
    """The mappings with a site's files, by the names of these without their ending."""
    for name, data in files.items():
        (folder / f"{name}.json").write_text(json.dumps(data), "utf-8")
    return mappings.load(Settings.read({}, mappings=str(folder)))


def test_what_a_site_says_of_a_second_name_is_said_of_the_concept(tmp_path: Path) -> None:
    """``creatinine`` is another name of ``creatinine-serum``, ``neutrophils`` one of ``neutrophils-abs``.

    Of two entries for one concept, whichever comes up would otherwise decide; and an order would not be found by the
    name that a study happens to use.
    """
    analytes = {"creatinine": {"conversions": [{"from": "g/g", "to": "mg/mmol", "factor": "113"}]}}
    orders = {"orders": {"neutrophils-abs": "26499-4"}}
    read = _read(tmp_path, analytes=analytes, orders=orders)
    own = read.knowledge.analytes["creatinine-serum"].conversions
    assert "creatinine" not in read.knowledge.analytes
    assert {("g/g", "mg/mmol"), ("mg/dL", "umol/L")} <= own.keys()
    assert read.orders["neutrophils"] == read.orders["neutrophils-abs"] == (("http://loinc.org", "26499-4"),)


def test_a_value_set_of_a_second_name_adds_to_the_concept(tmp_path: Path) -> None:
    """Also where it is a copy of the shipped one, which takes the concept in, with a code more."""
    include = [{"valueSet": [f"{BASE}/ValueSet/stroke"]}, {"system": "urn:local", "concept": [{"code": "INS"}]}]
    url = f"{BASE}/ValueSet/cerebrovascular-accident"
    read = _read(tmp_path, own={"resourceType": "ValueSet", "url": url, "compose": {"include": include}})
    assert {"stroke", "cerebrovascular-accident"} <= read.sets.concepts("urn:local", "INS")
    assert not read.sets.tangled("stroke")


def test_a_map_to_a_concept_that_is_nowhere_is_told(tmp_path: Path) -> None:
    """``creatinin`` is misspelt. Concepts of the mappings, and of the site's own value sets and names, are none."""
    targets = ("creatinin", "alt", "own", "urticaria")
    element = [{"code": f"L{n}", "target": [{"code": one}]} for n, one in enumerate(targets)]
    concept = f"{BASE}/CodeSystem/concept"
    group = [{"source": "urn:local", "target": concept, "element": element}]
    read = _read(
        tmp_path,
        a_map={"resourceType": "ConceptMap", "group": group},
        b_set={"resourceType": "ValueSet", "url": f"{BASE}/ValueSet/own"},
        c_names={"resourceType": "CodeSystem", "url": concept, "concept": [{"code": "urticaria"}]},
    )
    place = f"{tmp_path / 'a_map.json'}: group[0].element[0].target[0].code"
    assert list(read.strange()) == [(place, "creatinin")]
