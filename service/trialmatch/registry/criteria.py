"""Criteria as characteristics: numbered, with their printed text, and with a definition where a rule has read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from trialmatch.registry import elements as r5
from trialmatch.registry.headings import EXCLUSION, UNKNOWN
from trialmatch.registry.record import Age, Record
from trialmatch.registry.rules import Rule, read
from trialmatch.registry.sections import Criterion, Eligibility
from trialmatch.registry.statements import Leaf, Reading, Statement
from trialmatch.registry.vocabulary import CONCEPTS
from trialmatch.terminology.mappings import Terminology

Json = dict[str, Any]

#: So many criteria of a record are offered to the rules; no record that was seen has a third of it.
_MOST_READ = 250

_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv")
_LETTERS = {"inclusion": "I", "exclusion": "E", UNKNOWN: "C"}
_UNITS = {"Year": "a", "Month": "mo", "Week": "wk", "Day": "d"}
_NO_SLUG = re.compile(r"[^A-Za-z0-9]+")


@dataclass
class Written:
    """The characteristics of a study, its cohorts (linkId and name), and how many criteria were read and left."""

    characteristics: list[Json] = field(default_factory=list)
    cohorts: list[tuple[str, str]] = field(default_factory=list)
    read: int = 0
    text: int = 0


class Writer:
    """Writes the characteristics of one study."""

    def __init__(self, terminology: Terminology) -> None:
        self.terminology = terminology
        self.written = Written()

    def study(self, record: Record, found: Eligibility) -> Written:
        """What the record's own fields say, and what its text says."""
        self.written.characteristics += self._fields(record)
        common = [one for one in found.criteria if one.cohort not in found.cohorts]
        self.written.characteristics += self._numbered(common, "")
        if found.cohorts:
            self._cohorts(found)
        return self.written

    def _fields(self, record: Record) -> Iterator[Json]:
        """Age and sex as the record's fields have them."""
        fields = record.module("eligibilityModule")
        for number, (text, definition) in enumerate(_of_fields(record, fields), start=1):
            self.written.read += definition is not None
            self.written.text += definition is None
            yield {"linkId": f"R{number}", "description": text, **(definition or {})}

    def _cohorts(self, found: Eligibility) -> None:
        groups = []
        taken: set[str] = set()
        for label, name in found.cohorts.items():
            slug = _slug(label, taken)
            own = [one for one in found.criteria if one.cohort == label]
            members = self._numbered(own, f"{slug}.")
            if not members:
                continue
            self.written.cohorts.append((slug, name))
            groups.append(
                {
                    "extension": [r5.extension("cohort", valueString=slug)],
                    "linkId": slug,
                    "description": name,
                    "definitionByCombination": {"code": "all-of", "characteristic": members},
                }
            )
        self.written.characteristics.append(
            {
                "linkId": "cohorts",
                "description": "One of the cohorts that the record's headings name",
                "definitionByCombination": {"code": "any-of", "characteristic": groups},
            }
        )

    def _numbered(self, criteria: Iterable[Criterion], prefix: str) -> list[Json]:
        """Criteria with linkIds by kind and position: I1, I2, E1 …"""
        counts: dict[str, int] = {}
        made = []
        for one in criteria:
            counts[one.kind] = counts.get(one.kind, 0) + 1
            made.append(self._one(one, f"{prefix}{_LETTERS[one.kind]}{counts[one.kind]}", nested=False))
        return made

    def _one(self, one: Criterion, link_id: str, *, nested: bool) -> Json:
        if one.members:
            return self._group(one, link_id, nested)
        one = replace(one, text=_described(one, link_id))
        found = self._read(one)
        if found is None:
            self.written.text += 1
            return _marked(one.kind, nested) | {"linkId": link_id, "description": one.text}
        self.written.read += 1
        rule, reading = found
        return _written(reading, one, link_id, rule, nested)

    def _read(self, one: Criterion) -> tuple[Rule, Reading] | None:
        if one.words is None or one.kind == UNKNOWN or self.written.read >= _MOST_READ:
            return None
        return read(one.words, one.kind, self.terminology)

    def _group(self, one: Criterion, link_id: str, nested: bool) -> Json:
        assert one.combination is not None
        members = [self._one(member, f"{link_id}.{at}", nested=True) for at, member in enumerate(one.members, start=1)]
        code, threshold = one.combination.code, one.combination.threshold
        least = {"threshold": threshold} if code == "at-least" else {}
        group: Json = {"code": code, **least, "characteristic": members}
        words = f"at least {threshold}" if least else code.replace("-", " ")
        return {
            **_marked(one.kind, nested, "inferred"),
            "linkId": link_id,
            "description": _described(one, link_id),
            "note": [{"text": f"Its list is read as {words}, as the text says."}],
            "definitionByCombination": group,
        }


def _described(one: Criterion, link_id: str) -> str:
    """The text of a criterion; its printed number stays where the linkId does not say the same."""
    bare = one.marker.strip("().").lower()
    number = re.sub(r".*\D", "", link_id)
    at = int(number)
    said = {number, chr(96 + at) if at < 27 else "", *_ROMAN[at - 1 : at]}
    return f"{one.marker} {one.text}" if bare[:1].isalnum() and bare not in said else one.text


def _slug(label: str, taken: set[str]) -> str:
    """A linkId for a cohort."""
    first = label.split(" ")[0]
    plain = first if first in CONCEPTS else _NO_SLUG.sub("-", label).strip("-") or "cohort"
    slug = next(one for one in (plain, *(f"{plain}-{number}" for number in range(2, 10_000))) if one not in taken)
    taken.add(slug)
    return slug


def _of_fields(record: Record, fields: Json) -> Iterator[tuple[str, Json | None]]:
    low, high = record.age("minimumAge"), record.age("maximumAge")
    if low and high and low.unit == high.unit and low.unit in _UNITS and low.number <= high.number:
        unit = _UNITS[low.unit]
        bounds = {"low": r5.quantity(str(low.number), unit), "high": r5.quantity(str(high.number), unit)}
        text = f"Minimum age: {fields['minimumAge'].strip()}. Maximum age: {fields['maximumAge'].strip()}"
        yield text, r5.age(valueRange=bounds)
    else:
        for name, sign, limit in (("minimumAge", "≥", low), ("maximumAge", "≤", high)):
            if limit:
                yield f"{name.removesuffix('Age').capitalize()} age: {fields[name].strip()}", _age(limit, sign)
    if fields.get("sex") in ("FEMALE", "MALE"):
        yield f"Sex: {fields['sex'].capitalize()}", r5.sex(fields["sex"].lower())
    for name, title in (("genderDescription", "Gender"), ("studyPopulation", "Study population")):
        if fields.get(name, "").strip():
            yield f"{title}: {fields[name].strip()}", None


def _age(limit: Age, sign: str) -> Json | None:
    """A limit of age; None for hours and minutes, which the language does not count."""
    unit = _UNITS.get(limit.unit)
    return r5.age(valueQuantity=r5.quantity(str(limit.number), unit, sign)) if unit else None


def _marked(kind: str, nested: bool, reading: str | None = None, more: Iterable[Json] = ()) -> Json:
    """What goes before a characteristic: its extensions, and whether it excludes."""
    extensions = [*more, *([r5.extension("reading", valueCode=reading)] if reading else [])]
    marks: Json = {"extension": extensions} if extensions else {}
    return marks | ({"exclude": True} if kind == EXCLUSION and not nested else {})


def _written(reading: Reading, one: Criterion, link_id: str, rule: Rule, nested: bool) -> Json:
    """A criterion that a rule has read. ``nested`` ones stand in a group, which excludes for all of them."""
    said = f"Read by the rule “{rule.name}” of the import: check it against the text."
    note = f"{said} {reading.note}".strip()
    flips = one.kind == EXCLUSION and reading.required
    body = _statement(reading.statement, link_id, one.text, _printed(one, reading, nested))
    exclude = bool(body.pop("exclude", False)) != (one.kind == EXCLUSION and not reading.required and not nested)
    if flips and nested:
        exclude = not exclude
    extensions = [*body.pop("extension", ()), r5.extension("reading", valueCode="inferred")]
    return {
        "extension": extensions,
        **({"exclude": True} if exclude else {}),
        **body,
        "linkId": link_id,
        "description": one.text,
        "note": [{"text": note}],
    }


def _printed(one: Criterion, reading: Reading, nested: bool) -> str | None:
    """How the record prints a criterion, where the logic of its definition alone would say otherwise."""
    if one.kind == EXCLUSION and reading.required:
        return "exclusion"
    statement = reading.statement
    return one.kind if statement.exclude else None


def _statement(statement: Statement, link_id: str, text: str, printed: str | None) -> Json:
    marks: list[Json] = []
    if statement.applicability:
        marks.append(r5.extension("applicability", valueBoolean=True))
    if printed:
        marks.append(r5.extension("printed-as", valueCode=printed))
    if isinstance(statement, Leaf):
        definition = dict(statement.definition)
        marks = [*definition.pop("extension", ()), *marks]
    else:
        members = [
            _statement(member, f"{link_id}.{_letter(at)}", _as_printed(member.text, text), printed)
            for at, member in enumerate(statement.members)
        ]
        definition = {"definitionByCombination": {"code": statement.code, "characteristic": members}}
    return {
        **({"extension": marks} if marks else {}),
        **({"exclude": True} if statement.exclude else {}),
        "linkId": link_id,
        "description": text,
        **definition,
    }


def _as_printed(part: str, text: str) -> str:
    """A part of a criterion as its text has it, or in the words of the rule."""
    line = " ".join(text.split())
    at = line.lower().find(part)
    return line[at : at + len(part)] if at >= 0 and part else part or text


def _letter(position: int) -> str:
    return chr(ord("a") + position) if position < 26 else f"a{position}"
