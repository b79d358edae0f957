"""A thousand different diseases: the categories of ICD-10-CM, each as a concept of a site's own mappings.

A thousand real trials are about a thousand diseases, and a patient has a few of these at most. The shipped concepts are
many views of a few diseases, so that studies drawn from them crowd on the same patients: that is the dense case.

Source of the categories: ICD-10-CM, chapters 1 to 17 (A00 to Q99), public domain (CDC/NCHS);
``tests/unit/test_icd10cm.py`` holds them against the whole classification.
"""

from __future__ import annotations

import random
from pathlib import Path

import orjson
from trialmatch.terminology.systems import ICD10CM, VALUE_SET

#: The categories from A00 to Q99: after the letter, ranges and single ones.
_CATEGORIES = """
A 00-09 15 17-28 30-44 46 48-60 63-71 74-75 77-96 98-99
B 00-10 15-20 25-27 30 33-60 64-83 85-92 94-97 99
C 00-26 30-34 37-41 43-58 60-86 88 90-96 4A 7A 7B
D 00-07 09-53 55-78 80-84 86 89 3A
E 00-11 13 15-16 20-32 34-36 40-46 50-56 58-61 63-68 70-80 83-89
F 01-07 09-25 28-34 39-45 48 50-55 59-60 63-66 68-73 78-82 84 88-91 93-95 98-99
G 00-14 20-21 23-26 30-32 35-37 40 43-47 50-65 70-73 80-83 89-99
H 00-02 04-05 10-11 15-18 20-22 25-28 30-36 40 42-44 46-47 49-55 57 59-62 65-75 80-83 90-95
I 00-02 05-13 15-16 20-28 30-52 60-63 65-83 85-89 95-97 99 1A 5A
J 00-06 09-18 20-22 30-45 47 60-70 80-82 84-86 90-96 98-99 4A
K 00-06 08-09 11-14 20-23 25-31 35-38 40-46 50-52 55-68 70-77 80-83 85-87 90-92 94-95
L 00-05 08 10-14 20-30 40-45 49-60 62-68 70-76 80-95 97-99
M 00-02 04-08 10-27 30-36 40-43 45-51 53-54 60-63 65-67 70-72 75-77 79-81 83-97 99 1A
N 00-08 10-23 25-37 39-53 60-65 70-77 80-99
O 00-04 07-16 20-26 28-36 40-48 60-77 80 82 85-92 94 98-99 9A
P 00-05 07-15 19 22-29 35-39 50-61 70-72 74 76-78 80-81 83-84 90-96
Q 00-07 10-18 20-28 30-45 50-56 60-87 89-93 95-99 A0
"""

#: What a made hospital diagnoses in a quarter of its patients or more: of the seven diseases of ``hospital.py`` each
#: patient has three to six, and other made hospitals are as generous with colds, obesity and sinusitis. With a study
#: about each of them everybody would be a candidate of some study.
_COMMONEST = frozenset(["D64", "E11", "E66", "E78", "F32", "I10", "J02", "J20", "J32", "J45", "M19"])

#: Lupus, which is the shipped concept ``sle`` in the first study.
_FIRST = "M32"


def categories() -> list[str]:
    """All categories from A00 to Q99."""
    found = []
    for line in _CATEGORIES.split("\n"):
        letter, *parts = line.split() or [""]
        for part in parts:
            first, _, last = part.partition("-")
            numbers = [f"{number:02}" for number in range(int(first), int(last) + 1)] if last else [first]
            found += [f"{letter}{number}" for number in numbers]
    return sorted(found)


def different(number: int, folder: Path, seed: int = 1) -> list[str]:
    """Concepts of so many different diseases, lupus first; the folder gets the mappings that define the others.

    A concept is a category with all codes below it. Left out are the commonest diagnoses of made hospitals, which would
    make everybody a candidate of some study; what many candidates cost is measured by the dense case.
    """
    left = [one for one in categories() if one not in _COMMONEST and one != _FIRST]
    drawn = random.Random(seed).sample(left, number - 1)
    folder.mkdir(parents=True, exist_ok=True)
    entries = [{"resource": _value_set(one)} for one in drawn]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    (folder / "diseases.json").write_bytes(orjson.dumps(bundle))
    return ["sle", *map(_concept, drawn)]


def _concept(category: str) -> str:
    return f"icd-10-cm-{category.lower()}"


def _value_set(category: str) -> dict[str, object]:
    return {
        "resourceType": "ValueSet",
        "url": f"{VALUE_SET}{_concept(category)}",
        "status": "active",
        "title": f"ICD-10-CM {category}",
        "compose": {"include": [{"system": ICD10CM, "concept": [{"code": category}]}]},
    }
