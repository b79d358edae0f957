"""What a client of the mCODE matching service asks for beside the patient: ZIP code and radius, phase, recruitment.

The values are those that its clients send (mcode/clinical-trial-matching-app and -engine): phases of
http://terminology.hl7.org/CodeSystem/research-study-phase, statuses of R4's ResearchStudy, miles.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from trialmatch.errors import BadRequest
from trialmatch.fhir.elements import Json, objects

PHASES = (
    "n-a", "early-phase-1", "phase-1", "phase-1-phase-2", "phase-2", "phase-2-phase-3", "phase-3", "phase-4",
)  # fmt: skip

#: R4's ResearchStudy.status, and the finer states of R5 (http://hl7.org/fhir/research-study-status), which are also
#: those of ClinicalTrials.gov.
STATUSES = (
    "active", "administratively-completed", "approved", "closed-to-accrual", "closed-to-accrual-and-intervention",
    "completed", "disapproved", "in-review", "temporarily-closed-to-accrual",
    "temporarily-closed-to-accrual-and-intervention", "withdrawn", "active-but-not-recruiting",
    "enrolling-by-invitation", "not-yet-recruiting", "recruiting", "suspended", "terminated", "unknown",
)  # fmt: skip

#: What clients send where they mean no filter at all.
_ANY = ("any", "all", "")

#: ClinicalTrials.gov's own words, in the spelling of :func:`normal`.
_OTHER_WORDS = {"na": "n-a", "not-applicable": "n-a", "active-not-recruiting": "active-but-not-recruiting"}


@dataclass(frozen=True)
class Query:
    """The filters; None where there is none. ``radius`` is in miles."""

    zip_code: str | None = None
    radius: float | None = None
    phase: str | None = None
    status: str | None = None

    @classmethod
    def read(cls, bundle: Json) -> Query:
        """The Parameters of a Bundle; the last one of a name counts. Raises BadRequest for values that are none."""
        found = dict(_parameters(bundle))
        return cls(
            _zip(found.get("zipCode")),
            _radius(found.get("travelRadius")),
            _code("phase", found.get("phase"), PHASES),
            _code("recruitmentStatus", found.get("recruitmentStatus"), STATUSES),
        )

    def takes(self, phases: Iterable[str], statuses: Iterable[str]) -> bool:
        """Whether a study of these phases and statuses passes; one that names none passes no filter."""
        phase_fits = self.phase is None or self.phase in phases
        return phase_fits and (self.status is None or self.status in statuses)


def _parameters(bundle: Json) -> Iterator[tuple[str, Any]]:
    for entry in bundle["entry"]:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or resource.get("resourceType") != "Parameters":
            continue
        for one in objects(resource, "parameter"):
            if isinstance(one.get("name"), str):
                yield one["name"], next((value for name, value in one.items() if name.startswith("value")), None)


def _zip(value: Any) -> str | None:
    """A US ZIP code; another country's postal code is kept too, though nobody here knows where it is."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > 20:
        raise BadRequest("Parameters.zipCode", "not a text of at most 20 characters", "a ZIP code such as 02139")
    return value.strip()


def _radius(value: Any) -> float | None:
    """Miles, as a number or (as the clients send it) as a text."""
    if value is None or value == "":
        return None
    try:
        miles = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        miles = math.nan
    if not 0 <= miles < math.inf:
        raise BadRequest("Parameters.travelRadius", "no number of miles", "a number of 0 or more")
    return miles


def _code(name: str, value: Any, allowed: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    word = normal(value) if isinstance(value, str) else None
    if word in _ANY:
        return None
    if word not in allowed:
        raise BadRequest(f"Parameters.{name}", "another value", f"one of {', '.join(allowed)}")
    return word


def normal(word: str) -> str:
    """A code in one spelling: ``Phase 1``, ``PHASE1`` and ``phase-1`` are one, ``NOT_YET_RECRUITING`` is R5's code."""
    plain = re.sub(r"[\s_/]+", "-", word.strip().lower())
    plain = re.sub(r"phase-?(\d)", r"phase-\1", plain).strip("-")
    return _OTHER_WORDS.get(plain, plain)


def phases(codes: Iterable[str]) -> set[str]:
    """The phases that a study's own codes stand for: one of phases 1 and 2 is of both, and of phase 1/2."""
    found = set()
    for code in map(normal, codes):
        found |= {code, *re.findall(r"(?<!early-)phase-\d", code)}
    return found
