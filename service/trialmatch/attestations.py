"""Attestations: answers of persons to criteria, read from JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, tzinfo
from typing import Any

from trialmatch.eligibility.dates import parse
from trialmatch.eligibility.facts import Attestation
from trialmatch.errors import BadInput
from trialmatch.fhir.elements import json_type
from trialmatch.fhir.study.faults import shown
from trialmatch.fhir.study.written import HALVES

_ALLOWED = {"study", "linkId", "judgement", "concept", "answer", "by", "at", "until"}


def read(data: Any, place: str, zone: tzinfo, only_study: str | None) -> list[Attestation]:
    """Attestations out of a JSON list.

    ``only_study`` is the study in play where there is exactly one; an answer by linkId may then leave it out. Raises
    BadInput naming the entry and what is expected.
    """
    if not isinstance(data, list):
        raise BadInput(place, json_type(data), "a list of attestations")
    return [_one(entry, f"{place}: [{position}]", zone, only_study) for position, entry in enumerate(data)]


def _one(entry: Any, place: str, zone: tzinfo, only_study: str | None) -> Attestation:
    if not isinstance(entry, dict):
        raise BadInput(place, json_type(entry), "an object")
    unknown = sorted(set(entry) - _ALLOWED)
    if unknown:
        raise BadInput(f"{place}.{shown(unknown[0], 64)}", "an unknown field", ", ".join(sorted(_ALLOWED)))
    for name, value in entry.items():
        if value is not None and not isinstance(value, str):
            raise BadInput(f"{place}.{name}", json_type(value), "a string")
        if value is not None and HALVES.search(value):
            raise BadInput(f"{place}.{name}", "half a surrogate pair", "a string of Unicode characters")
    if entry.get("answer") not in ("met", "unmet"):
        raise BadInput(f"{place}.answer", "another answer" if entry.get("answer") else "none", "met or unmet")
    link_id, judgement = entry.get("linkId"), entry.get("judgement")
    if bool(link_id) == bool(judgement):
        raise BadInput(place, "both linkId and judgement" if link_id else "neither linkId nor judgement", "one of them")
    study = entry.get("study")
    if link_id and not study:
        study = only_study
        if study is None:
            raise BadInput(f"{place}.study", "none", "the study whose linkId it is, or a run with one --study only")
    for name in ("by", "at"):
        if not entry.get(name):
            raise BadInput(f"{place}.{name}", "none", "who attests and when")
    return Attestation(
        met=entry["answer"] == "met",
        by=entry["by"],
        at=_day(entry["at"], f"{place}.at", zone),
        at_text=entry["at"][:10],
        until=_day(entry["until"], f"{place}.until", zone) if entry.get("until") else None,
        study=study,
        link_id=link_id,
        judgement=judgement,
        concept=entry.get("concept"),
    )


def _day(text: str, place: str, zone: tzinfo) -> date:
    """The day of a date or time; of a month or year the last one."""
    span = parse(text, zone)
    if span is None:
        raise BadInput(place, "no possible date", "an ISO 8601 date")
    return span.hi.date()


def in_force(attestations: Iterable[Attestation], as_of: date) -> list[Attestation]:
    """Those that hold on a day: given by then, and not run out."""
    return [one for one in attestations if one.at <= as_of and (one.until is None or one.until >= as_of)]


def by_link_id(attestations: Iterable[Attestation], study_ids: set[str]) -> dict[str, Attestation]:
    """The newest answer to each linkId of a study; answers of the same day that differ settle nothing."""
    mine = [one for one in attestations if one.link_id and one.study in study_ids]
    return _newest((str(one.link_id), one) for one in mine)


def by_judgement(
    attestations: Iterable[Attestation], study_ids: set[str] | None
) -> dict[tuple[str, str | None], Attestation]:
    """The newest answer to each judgement: those for every study, or (``study_ids``) for one study only."""
    mine = [
        one for one in attestations
        if one.judgement and ((one.study is None) if study_ids is None else (one.study in study_ids))
    ]  # fmt: skip
    return _newest(((str(one.judgement), one.concept), one) for one in mine)


def _newest(answers: Iterable[tuple[Any, Attestation]]) -> dict[Any, Attestation]:
    kept: dict[Any, list[Attestation]] = {}
    for key, one in answers:
        newest = kept.get(key, [])
        if not newest or one.at > newest[0].at:
            kept[key] = [one]
        elif one.at == newest[0].at:
            newest.append(one)
    return {key: ones[0] for key, ones in kept.items() if len({one.met for one in ones}) == 1}
