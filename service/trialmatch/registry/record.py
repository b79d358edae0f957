"""A ClinicalTrials.gov record (JSON of the API's version 2) held against the shape that the import reads.

The names are those of https://clinicaltrials.gov/data-api/about-api/study-data-structure. Elements that the import does
not read may be anything; of those it reads each has its JSON type, and enumerations that decide have a known value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from trialmatch.errors import BadInput, FaultyStudy
from trialmatch.terminology.shapes import WORD, Check, json_type, misshapen

Json = dict[str, Any]

#: Longer texts are refused: the registry allows 20,000 characters (https://prsinfo.clinicaltrials.gov/definitions.html).
LONGEST_TEXT = 40_000

EXPECTED = "a ClinicalTrials.gov record of API version 2 (protocolSection), or a page of them (studies)"

_NCT = re.compile(r"NCT\d{8}")
_AGE = re.compile(r"(\d{1,4}) (Year|Month|Week|Day|Hour|Minute)s?")
_SEXES = ("ALL", "FEMALE", "MALE")


class Age(NamedTuple):
    """An age as the record has it: a number and its unit in the singular."""

    number: int
    unit: str


def _age(value: Any) -> bool:
    return isinstance(value, str) and (value.strip() in ("", "N/A") or bool(_AGE.fullmatch(value.strip())))


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT


def _coordinate(value: Any) -> bool:
    return type(value) in (int, float) and -180 <= value <= 180


_FEWEST = Check(lambda value: type(value) is int and 0 <= value < 2**31, "a whole number, 0 or more")
_AGES = Check(_age, "a number and Years, Months, Weeks, Days, Hours or Minutes, or N/A")
_DATE = {"date": str}
_INTERVENTION = {"type": str, "name": str, "description": str, "armGroupLabels": [str]}
_ELIGIBILITY = {
    "eligibilityCriteria": Check(_text, f"a string of at most {LONGEST_TEXT} characters"),
    "healthyVolunteers": bool,
    "sex": Check(lambda value: value in _SEXES, ", ".join(_SEXES)),
    "genderBased": bool,
    "genderDescription": str,
    "minimumAge": _AGES,
    "maximumAge": _AGES,
    "studyPopulation": str,
}
_LOCATION = {
    "facility": str,
    "city": str,
    "state": str,
    "zip": str,
    "country": str,
    "geoPoint": {"lat!": Check(_coordinate, "degrees"), "lon!": Check(_coordinate, "degrees")},
}
_NCT_ID = Check(lambda value: isinstance(value, str) and bool(_NCT.fullmatch(value)), "NCT and eight digits")

#: What is read of a record.
SHAPE: Json = {
    "protocolSection!": {
        "identificationModule!": {
            "nctId!": _NCT_ID,
            "briefTitle!": WORD,
            "officialTitle": str,
            "acronym": str,
            "orgStudyIdInfo": {"id": str},
            "secondaryIdInfos": [{"id": str}],
        },
        "statusModule": {
            "overallStatus": str,
            "whyStopped": str,
            "startDateStruct": _DATE,
            "completionDateStruct": _DATE,
            "lastUpdatePostDateStruct": _DATE,
        },
        "sponsorCollaboratorsModule": {"leadSponsor": {"name": str}, "collaborators": [{"name": str}]},
        "descriptionModule": {"briefSummary": str, "detailedDescription": str},
        "conditionsModule": {"conditions": [str], "keywords": [str]},
        "designModule": {
            "studyType": str,
            "phases": [str],
            "designInfo": {
                "allocation": str,
                "interventionModel": str,
                "observationalModel": str,
                "primaryPurpose": str,
            },
            "enrollmentInfo": {"count": _FEWEST},
        },
        "armsInterventionsModule": {
            "armGroups": [{"label": str, "type": str, "description": str}],
            "interventions": [_INTERVENTION],
        },
        "eligibilityModule": _ELIGIBILITY,
        "contactsLocationsModule": {
            "centralContacts": [{"name": str, "phone": str, "email": str}],
            "locations": [_LOCATION],
        },
    }
}


@dataclass(frozen=True)
class Record:
    """One record whose elements have the shape above. ``module`` gives what stands in one, nothing if it is absent."""

    protocol: Json

    def module(self, name: str) -> Json:
        """A module of the protocol section, such as ``statusModule``."""
        found: Json = self.protocol.get(name, {})
        return found

    @property
    def id(self) -> str:
        """The NCT number."""
        return str(self.module("identificationModule")["nctId"])

    @property
    def criteria(self) -> str:
        """The eligibility criteria as free text, empty where there are none."""
        return str(self.module("eligibilityModule").get("eligibilityCriteria", "")).strip()

    def age(self, name: str) -> Age | None:
        """``minimumAge`` or ``maximumAge``; None where there is no limit."""
        found = _AGE.fullmatch(str(self.module("eligibilityModule").get(name, "")).strip())
        return Age(int(found[1]), found[2]) if found else None


def records(data: Any, place: str) -> list[Record]:
    """The records of a file, in its order.

    Raises BadInput for what is no record of version 2 at all, and FaultyStudy with a line for each element of a wrong
    shape, and each study that is there again.
    """
    entries = _entries(data, place)
    faults: list[str] = []
    seen: dict[str, str] = {}
    for path, entry in entries:
        before = len(faults)
        for where, found, expected in misshapen(_present(entry), SHAPE):
            faults.append(f"{place}: {f'{path}{where}'.removeprefix('.')}: {found}; expected {expected}")
        if len(faults) == before:
            number = Record(entry["protocolSection"]).id
            if number in seen:
                here = f"{place}: {path}.protocolSection.identificationModule.nctId"
                faults.append(f"{here}: {number} again (first in {seen[number]}); expected each study once")
            seen.setdefault(number, path)
    if faults:
        raise FaultyStudy(faults)
    return [Record(_present(entry["protocolSection"])) for _, entry in entries]


def _entries(data: Any, place: str) -> list[tuple[str, Json]]:
    """The records with their paths."""
    if not isinstance(data, dict):
        raise BadInput(place, json_type(data), EXPECTED)
    if "protocolSection" in data:
        return [("", data)]
    if "studies" in data:
        studies = data["studies"]
        if not isinstance(studies, list):
            raise BadInput(f"{place}: studies", json_type(studies), "an array of records")
        if not studies:
            raise BadInput(f"{place}: studies", "no study", "at least one record")
        return [(f"studies[{position}]", one) for position, one in enumerate(studies)]
    raise BadInput(place, _other(data), EXPECTED)


def _other(data: Json) -> str:
    """What a JSON object is that is no record of version 2."""
    if "FullStudiesResponse" in data or "StudyFieldsResponse" in data or "Study" in data or "clinical_study" in data:
        return "a record of the registry's old API (version 1)"
    if isinstance(data.get("resourceType"), str):
        return "a FHIR resource"
    return "no protocolSection and no studies"


def _present(value: Any) -> Any:
    """What is there: elements that are null are not."""
    if isinstance(value, dict):
        return {name: _present(inner) for name, inner in value.items() if inner is not None}
    return [_present(inner) for inner in value] if isinstance(value, list) else value
