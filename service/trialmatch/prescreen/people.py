"""Who is who in a hospital, and who may be a candidate for any study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from trialmatch.fhir.elements import Json, Malformed, child, children
from trialmatch.prescreen.gates import Gate, Sieves
from trialmatch.prescreen.judge import Candidate
from trialmatch.prescreen.survey import Survey


def candidates(
    survey: Survey,
    sieves: Sieves,
    asked: Sequence[Gate],
    wide: Mapping[str, frozenset[int]],
    same: Mapping[str, frozenset[str]],
    replaced: set[str],
) -> tuple[list[Candidate], Counter[int]]:
    """Who may be a candidate for any study, by id; and for how many patients each study (by position) is in play.

    ``wide`` names gates by their position in ``asked``.
    """
    position = {gate: number for number, gate in enumerate(sieves.gates)}
    there = {number: position[gate] for number, gate in enumerate(asked) if gate in position}
    none: frozenset[int] = frozenset()
    sets: dict[frozenset[int], frozenset[int]] = {}
    found: list[Candidate] = []
    seen: Counter[frozenset[int]] = Counter()
    if sieves.open:
        ids: Iterable[str] = survey.everybody()
    else:
        likely = sorted(person for person, gates in wide.items() if any(gate in there for gate in gates))
        ids = survey.known(likely)
    for identity in ids:
        if identity in replaced:
            continue
        gates = wide.get(identity, none)
        kept = sets.setdefault(gates, frozenset(there[gate] for gate in gates if gate in there))
        if sieves.candidates(kept):
            found.append(Candidate(identity, same.get(identity, frozenset((identity,))), kept))
            seen[kept] += 1
    found.sort(key=lambda candidate: candidate.id)
    passed: Counter[int] = Counter()
    for kept, count in seen.items():
        for study in sieves.candidates(kept):
            passed[study] += count
    return found, passed


def everybody(survey: Survey, same: Mapping[str, frozenset[str]]) -> list[Candidate]:
    """Every patient by id, those that are replaced by another, too; each with all ids that may mean the same person."""
    persons = owners(same)
    none: frozenset[int] = frozenset()
    found = []
    for identity in sorted(survey.everybody()):
        ids = [same[person] for person in persons.get(identity, ()) if person in same]
        found.append(Candidate(identity, frozenset((identity,)).union(*ids), none))
    return found


def owners(same: Mapping[str, frozenset[str]]) -> dict[str, tuple[str, ...]]:
    """Persons by each id that means them, where there are several; whoever has the id himself is the first."""
    found: dict[str, list[str]] = {}
    for person, ids in same.items():
        for identity in ids:
            found.setdefault(identity, []).append(person)
    return {identity: (identity, *(one for one in persons if one != identity)) for identity, persons in found.items()}


def targets(patient: Json) -> list[str]:
    """The ids of the Patients that a Patient is linked to."""
    try:
        linked = [(child(link, "other") or {}).get("reference") for link in children(patient, "link")]
    except Malformed:
        return []  # the Patient's own reading reports it
    return [one.split("/_history/")[0].rsplit("/", 1)[-1] for one in linked if isinstance(one, str)]
