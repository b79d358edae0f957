"""The tree: leaves, Kleene's groups, attestations, what blocks, the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

from .answers import FALSE, STATUS, TRUE, UNKNOWN, Answer, NotCovered, decided, unknown
from .days import Anchors, completed_years, days_of
from .measurements import measurement
from .records import READERS, event_days, record_leaf
from .values import decide, exactly, limit_test
from .vocabulary import extension

Json = dict[str, Any]

AGE = ("http://loinc.org", "30525-0")
SEX = ("http://loinc.org", "46098-0")
FHIR_TYPES = "http://hl7.org/fhir/fhir-types"
#: A person can settle these; anything else that blocks is a gap in the data.
SETTLED_BY_A_PERSON = {"judgement", "no-record", "open-list", "not-computable", "anchor-unknown"}


@dataclass
class Node:
    """One characteristic, judged. ``truth`` is after its own exclude; ``status`` is the requirement's."""

    link_id: str
    truth: int
    status: str
    kind: str
    bases: frozenset[str]
    children: list[Node] = field(default_factory=list)
    is_group: bool = False
    blocking: bool = False


@dataclass
class Judgement:
    """The whole tree; ``verdicts`` are the acceptable ones."""

    nodes: dict[str, Node]
    truth: int
    verdicts: set[str]


@dataclass
class Situation:
    """Everything about the patient that a leaf can need."""

    resources: list[Json]
    patient: Json
    anchors: Anchors
    attestations: list[Json]


def judge(
    characteristics: list[Json],
    resources: list[Json],
    *,
    as_of: str,
    enrolment: str | None = None,
    infusion: str | None = None,
    attestations: list[Json] | None = None,
) -> Judgement:
    """Judge criteria by a patient's record. The top level is all-of; dates are whole days."""
    today = date.fromisoformat(as_of)
    anchors = Anchors(
        today,
        date.fromisoformat(enrolment) if enrolment else today,
        date.fromisoformat(infusion) if infusion else None,
    )
    patient = next((r for r in resources if r["resourceType"] == "Patient"), {"id": "p"})
    once = list({(r["resourceType"], r.get("id", id(r))): r for r in resources}.values())
    anchors = replace(anchors, events=events_named(characteristics, once, patient, today))
    situation = Situation(once, patient, anchors, in_force(attestations or [], today))
    top = [node_of(characteristic, situation, excludes_above=0) for characteristic in characteristics]
    truth = min((node.truth for node in top), default=TRUE)
    for node in top:
        mark_blocking(node, truth == UNKNOWN)
    nodes = {node.link_id: node for root in top for node in everything_under(root)}
    return Judgement(nodes, truth, verdicts_of(truth, list(nodes.values())))


def events_named(
    characteristics: list[Json], resources: list[Json], patient: Json, today: date
) -> dict[str, list[date] | None]:
    """The days of the events that windows hang on, by linkId."""
    everything = list(walk(characteristics))
    named = {entry["eventId"] for c in everything for entry in c.get("timeFromEvent", []) if "eventId" in entry}
    return {c["linkId"]: event_days(c, resources, patient, today) for c in everything if c["linkId"] in named}


def walk(characteristics: list[Json]) -> Iterator[Json]:
    """Every characteristic, groups and leaves."""
    for characteristic in characteristics:
        yield characteristic
        yield from walk(characteristic.get("definitionByCombination", {}).get("characteristic", []))


def everything_under(node: Node) -> list[Node]:
    """The node and all its descendants."""
    return [node] + [below for child in node.children for below in everything_under(child)]


def node_of(characteristic: Json, situation: Situation, excludes_above: int) -> Node:
    """Judge one characteristic. ``excludes_above`` counts the excludes (and at-most groups) among its ancestors."""
    own = 1 if characteristic.get("exclude") else 0
    sign = -1 if excludes_above % 2 else 1
    if "definitionByCombination" in characteristic:
        group = characteristic["definitionByCombination"]
        below = excludes_above + own + (group["code"] == "at-most")
        children = [node_of(member, situation, below) for member in group["characteristic"]]
        # A child's own truth: at-most counts as one more exclude for the status only.
        truth = combine(group["code"], group.get("threshold"), [child.truth for child in children])
        truth = -truth if own else truth
        bases: frozenset[str] = frozenset()
        if group["code"] == "any-of" and any(
            extension(member, "applicability") and child.truth == TRUE
            for member, child in zip(group["characteristic"], children, strict=True)
        ):
            bases = frozenset({"not-applicable"})
    else:
        children = []
        answer = attested(characteristic, leaf(characteristic, situation), situation, own, sign)
        truth, bases = (-answer.truth if own else answer.truth), answer.bases
    printed = extension(characteristic, "printed-as")
    kind = printed or ("exclusion" if (excludes_above + own) % 2 else "inclusion")
    is_group = "definitionByCombination" in characteristic
    return Node(characteristic["linkId"], truth, STATUS[truth * sign], kind, bases, children, is_group)


def combine(code: str, threshold: int | None, truths: list[int]) -> int:
    """Kleene's groups: the minimum, the maximum, the k-th largest, and the negation of the next one."""
    if code == "all-of":
        return min(truths)
    if code == "any-of":
        return max(truths)
    ranked = sorted(truths, reverse=True)
    assert threshold is not None
    if code == "at-least":
        return ranked[threshold - 1]
    if code == "at-most":
        # Of n members at least n + 1 can never be true, so at most n always holds.
        return -ranked[threshold] if threshold < len(ranked) else TRUE
    raise NotCovered(code)


def mark_blocking(node: Node, unknown_above: bool) -> None:
    """A leaf blocks if it is unknown and so is every group above it, the whole trial included."""
    node.blocking = unknown_above and node.truth == UNKNOWN and not node.is_group
    for child in node.children:
        mark_blocking(child, unknown_above and node.truth == UNKNOWN)


def verdicts_of(truth: int, nodes: list[Node]) -> set[str]:
    """The verdict; both of likely and possible where a blocking leaf's basis is not certain."""
    if truth == TRUE:
        return {"eligible"}
    if truth == FALSE:
        return {"ineligible"}
    blocking = [node.bases for node in nodes if node.blocking]
    if all(bases <= SETTLED_BY_A_PERSON for bases in blocking):
        return {"likely"}
    if any(not bases & SETTLED_BY_A_PERSON for bases in blocking):
        return {"possible"}
    return {"likely", "possible"}


# --- leaves -------------------------------------------------------------------------------------------------------


def leaf(characteristic: Json, situation: Situation) -> Answer:
    """What the record says to a leaf, before its own exclude."""
    if "definitionCodeableConcept" in characteristic:
        return unknown("judgement")
    if "definitionByTypeAndValue" not in characteristic:
        return unknown("not-computable")
    definition = characteristic["definitionByTypeAndValue"]
    (coding,) = definition["type"]["coding"]
    kind = (coding["system"], coding["code"])
    if kind == AGE:
        return age(definition, situation)
    if kind == SEX:
        return sex(definition, situation)
    if kind[0] == FHIR_TYPES:
        if kind[1] not in READERS:
            raise NotCovered(kind[1])
        return record_leaf(characteristic, situation.resources, situation.patient, situation.anchors)
    return measurement(characteristic, situation.resources, situation.patient, situation.anchors)


def age(definition: Json, situation: Situation) -> Answer:
    """Completed years at screening, decided where every possible birthday decides alike."""
    born = situation.patient.get("birthDate")
    if born is None:
        return unknown("missing-data")
    wanted = definition.get("valueQuantity") or definition["valueRange"]
    if "value" in wanted:
        limits: dict[str, Any] = {"comparator": wanted.get("comparator", "="), "value": exactly(wanted["value"])}
    else:
        limits = {end: exactly(quantity["value"]) for end, quantity in wanted.items()}
    holds, marks = limit_test(limits)
    years = {completed_years(day, situation.anchors.as_of) for day in days_of(born)}
    outcomes = {decide(Fraction(year), None, holds, marks) for year in years}
    (outcome, *more) = outcomes
    return unknown("imprecise") if more else decided(bool(outcome))


def sex(definition: Json, situation: Situation) -> Answer:
    """The administrative sex; "unknown" is no more than a missing one."""
    wanted = definition["valueCodeableConcept"]["coding"][0]["code"]
    recorded = situation.patient.get("gender")
    if recorded in ("male", "female"):
        return decided(recorded == wanted)
    if recorded in (None, "unknown"):
        return unknown("missing-data", "imprecise", "unusable")
    raise NotCovered(f"gender {recorded}")


# --- attestations -------------------------------------------------------------------------------------------------


def in_force(attestations: list[Json], today: date) -> list[Json]:
    """Those given by the as-of date and not run out, newest first."""
    valid = [
        a
        for a in attestations
        if days_of(a["at"])[0] <= today and ("until" not in a or days_of(a["until"])[0] >= today)
    ]
    return sorted(valid, key=lambda a: a["at"], reverse=True)


def attested(characteristic: Json, answer: Answer, situation: Situation, own: int, sign: int) -> Answer:
    """The answer after attestations: they settle what is unknown or only silent, never what evidence decides."""
    if answer.truth != UNKNOWN and answer.bases != {"no-record"}:
        return answer
    for attestation in situation.attestations:
        if attestation.get("linkId") == characteristic["linkId"]:
            status = 1 if attestation["answer"] == "met" else -1
            truth = status * sign * (-1 if own else 1)  # it answers the requirement: undo the excludes
            return decided(truth == TRUE, "attested")
    asked = {c["system"].rsplit("/", 1)[-1]: c["code"] for c in judgement_codings(characteristic)}
    for attestation in situation.attestations:
        if "linkId" in attestation or not asked:
            continue
        if all(attestation.get(part) == asked.get(part) for part in ("judgement", "concept")):
            return decided(attestation["answer"] == "met", "attested")
    return answer


def judgement_codings(characteristic: Json) -> list[Json]:
    """The judgement and the concept that a leaf asks a person about."""
    return characteristic.get("definitionCodeableConcept", {}).get("coding", [])


__all__ = ["Judgement", "Node", "NotCovered", "judge"]
