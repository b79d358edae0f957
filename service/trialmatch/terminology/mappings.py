"""Reading ``mappings/`` and a site's folder laid over it into one :class:`Terminology`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from trialmatch import resources
from trialmatch.config import Settings
from trialmatch.eligibility.knowledge import Analyte, Drug, Knowledge, Wording
from trialmatch.eligibility.units import Linear, Unit, Units
from trialmatch.eligibility.values import Interval
from trialmatch.eligibility.wording import normal
from trialmatch.errors import BadInput
from trialmatch.files import json_files, readable
from trialmatch.terminology.names import Names
from trialmatch.terminology.shapes import BUNDLE, RESOURCES, TABLES, json_type, misshapen
from trialmatch.terminology.systems import LOINC, canonical
from trialmatch.terminology.valuesets import CodeSets, key


@dataclass(frozen=True)
class Terminology:
    """All mappings of a site: code sets, names, the evaluator's knowledge, and a digest of the files.

    ``orders``: with which codes (system, code) what a concept measures is ordered, several where it is several tests.
    """

    sets: CodeSets
    names: Names
    knowledge: Knowledge
    displays: Mapping[tuple[str, str], str]
    labels: Mapping[str, str]
    designations: Mapping[str, frozenset[str]]
    local_routes: frozenset[str]
    orders: Mapping[str, tuple[tuple[str, str], ...]]
    digest: str

    def answers(self, concept: str) -> frozenset[str]:
        """The words under which a concept is given as a result: its names, and the displays of its codes."""
        said = {self.labels[concept]} if concept in self.labels else set()
        said |= {self.displays[code] for code in self.sets.codes(concept) if code in self.displays}
        return frozenset(said | self.designations.get(concept, frozenset()))

    def strange(self) -> Iterator[tuple[str, str]]:
        """Concepts that only a site's ConceptMap names, each with the place; they may be misspelt."""
        return (one for one in self.sets.only_mapped() if one[1] not in self.designations)

    def label(self, concept: str) -> str:
        """The words for a concept or ``system|code``."""
        return label(concept, self.labels, self.displays)


def label(concept: str, labels: Mapping[str, str], displays: Mapping[tuple[str, str], str]) -> str:
    """The words for a concept or ``system|code``."""
    if concept in labels:
        return labels[concept]
    system, _, code = concept.partition("|")
    return displays.get((system, code), code or concept)


def load(settings: Settings) -> Terminology:
    """Read the shipped mappings and the site's folder.

    Raises BadInput naming the file and what is wrong with it.
    """
    digest = hashlib.sha256()
    tables: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
    sets = CodeSets(skip_unreviewed=settings.unreviewed_codes == "skip")
    names = Names()
    displays: dict[tuple[str, str], str] = {}
    labels: dict[str, str] = {}
    designations: dict[str, frozenset[str]] = {}
    origins: dict[str, str] = {}
    shipped = [*resources.mappings(), *resources.code_systems()]  # tests hold these against their shapes
    for number, (place, content) in enumerate([*shipped, *_site_files(settings)]):
        file = place.rsplit("/", 1)[-1]
        digest.update(file.encode("utf-8", "surrogateescape") + b"\0" + content)
        data = parsed(place, content)
        is_table = file in TABLES and data.get("resourceType") != "Bundle"
        if number >= len(shipped):
            _shaped(data, place, is_table)
        if is_table:
            _lay_over(tables[file], _by_concept(file, data, sets))
            continue
        for here, resource in _resources(data, place):
            kind = resource.get("resourceType")
            if kind == "ValueSet":
                sets.add_value_set(resource)
                origins[key(resource["url"])] = here
                _collect_displays(resource, displays, names)
            elif kind == "ConceptMap":
                sets.add_concept_map(resource, here)
            elif kind == "CodeSystem" and str(resource.get("url", "")).endswith("/concept"):
                _collect_names(resource, names, labels, designations)
                if number < len(shipped):
                    _collect_same(resource, sets)
    for concept, member in sets.missing():
        found = f"“{' '.join(member.split())}” is nowhere mapped"
        raise BadInput(f"{origins[concept]}: compose.include.valueSet", found, "a ValueSet of the mappings")
    for concept, title in sets.titles.items():
        labels.setdefault(concept, title)
        names.add(concept, "", [title])
    knowledge = _knowledge(tables, sets, labels, displays, settings)
    local = frozenset(f"{system}|{code}" for system, code in sets.codes("route-local"))
    orders = {concept: _order(codes) for concept, codes in tables["orders.json"].get("orders", {}).items()}
    return Terminology(sets, names, knowledge, displays, labels, designations, local, orders, digest.hexdigest())


_EXPECTED = "a ValueSet, a ConceptMap, a CodeSystem, a Bundle of them, or one of " + ", ".join(TABLES)


def _resources(data: dict[str, Any], place: str) -> list[tuple[str, dict[str, Any]]]:
    """The resource of a file, or those of its Bundle, each with its place."""
    if data.get("resourceType") != "Bundle":
        return [(place, data)]
    return [(f"{place}: entry[{n}].resource", entry["resource"]) for n, entry in enumerate(data.get("entry", ()))]


def _shaped(data: dict[str, Any], place: str, is_table: bool) -> None:
    """Raise BadInput for the first element of a file that its reader would stumble over."""
    if is_table:
        _hold(data, TABLES[place.rsplit("/", 1)[-1]], place)
        return
    if data.get("resourceType") == "Bundle":
        _hold(data, BUNDLE, place)
    for here, resource in _resources(data, place):
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or kind not in RESOURCES:
            raise BadInput(here, "no resourceType" if kind is None else "another resourceType", _EXPECTED)
        _hold(resource, RESOURCES[kind], here)


def _hold(data: dict[str, Any], shape: Any, place: str) -> None:
    for path, found, expected in misshapen(data, shape):
        raise BadInput(f"{place}: {path.removeprefix('.')}", found, expected)


def parsed(place: str, content: bytes) -> dict[str, Any]:
    """A JSON object out of a file; BadInput otherwise."""
    try:
        data = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as problem:
        raise BadInput(f"{place}:{problem.lineno}", f"no JSON ({problem.msg})", "a JSON object") from None
    if not isinstance(data, dict):
        raise BadInput(place, json_type(data), "a JSON object")
    return data


def _site_files(settings: Settings) -> Iterator[tuple[str, bytes]]:
    if settings.mappings is None:
        return
    folder = Path(settings.mappings)
    with readable(folder, _EXPECTED):
        for path in json_files(folder):
            yield str(path), path.read_bytes()


def _lay_over(base: dict[str, Any], over: dict[str, Any]) -> None:
    for name, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(name), dict):
            _lay_over(base[name], value)
        elif isinstance(value, list) and isinstance(base.get(name), list):
            base[name] = base[name] + value
        else:
            base[name] = value


def _collect_displays(resource: dict[str, Any], displays: dict[tuple[str, str], str], names: Names) -> None:
    for part in (resource.get("compose") or {}).get("include", ()):
        names.add_titles(key(resource["url"]), [one["display"] for one in part.get("concept", ()) if "display" in one])
        for entry in part.get("concept", ()):
            if "display" in entry:
                displays.setdefault((canonical(part.get("system", "")), entry["code"]), entry["display"])


def _collect_names(
    resource: dict[str, Any], names: Names, labels: dict[str, str], designations: dict[str, frozenset[str]]
) -> None:
    for concept in resource.get("concept", ()):
        properties = {
            one["code"]: next((v for k, v in one.items() if k != "code"), "") for one in concept.get("property", ())
        }
        labels[concept["code"]] = concept.get("display", concept["code"])
        said = [concept.get("display", "")] + [one["value"] for one in concept.get("designation", ())]
        names.add(concept["code"], str(properties.get("kind", "")), said)
        designations[concept["code"]] = frozenset(said) | designations.get(concept["code"], frozenset())


def _collect_same(resource: dict[str, Any], sets: CodeSets) -> None:
    for concept in resource.get("concept", ()):
        for one in concept.get("property", ()):
            if one["code"] == "same-as":
                sets.same(concept["code"], one["valueCode"])


def _by_concept(file: str, data: dict[str, Any], sets: CodeSets) -> dict[str, Any]:
    """A table whose keys are concepts by the names under which they are looked up."""
    if file in ("analytes.json", "drugs.json"):
        found: dict[str, Any] = {}
        for name, entry in data.items():
            _lay_over(found, {sets.meant(name): entry})
        return found
    if file == "orders.json" and isinstance(data.get("orders"), dict):
        return data | {"orders": {name: codes for one, codes in data["orders"].items() for name in sets.names(one)}}
    return data


def _common(entries: Mapping[str, Any]) -> dict[str, Unit]:
    """Units with their factors and dimensions."""
    return {
        code: Unit(Fraction(entry["factor"]), tuple(sorted(entry["dimension"].items())))
        for code, entry in entries.items()
    }


def _knowledge(
    tables: dict[str, dict[str, Any]],
    sets: CodeSets,
    labels: Mapping[str, str],
    displays: Mapping[tuple[str, str], str],
    settings: Settings,
) -> Knowledge:
    analytes = {name: _analyte(entry) for name, entry in _entries(tables["analytes.json"])}
    if settings.ana_titre is not None:
        analytes["ana"] = replace(analytes.get("ana", Analyte()), cutoff=settings.ana_titre)
    drugs = {
        name: Drug(
            entry.get("ingredient", name), entry.get("mechanism"), _equivalent(entry.get("prednisoneEquivalentMg"))
        )
        for name, entry in _entries(tables["drugs.json"])
    }
    return Knowledge(
        units=Units(tables["units.json"].get("spellings", {}), _common(tables["ucum.json"].get("units", {}))),
        concepts=sets.concepts,
        analytes=analytes,
        drugs=drugs,
        wording=_wording(tables["results.json"]),
        label=partial(label, labels=labels, displays=displays),  # not a lambda: it is sent to other processes
    )


def _entries(table: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    return ((name, entry) for name, entry in table.items() if not name.startswith("_"))


def _order(codes: str) -> tuple[tuple[str, str], ...]:
    """The codes of an order: of LOINC, or ``system|code``, separated by spaces."""
    pairs = (word.rpartition("|") for word in codes.split())
    return tuple((canonical(system) if bar else LOINC, code) for system, bar, code in pairs)


def _equivalent(mg: Any) -> Interval | None:
    if mg is None:
        return None
    bounds = mg if isinstance(mg, list) else [mg, mg]
    return Interval(Fraction(str(bounds[0])), Fraction(str(bounds[1])))


def _analyte(entry: dict[str, Any]) -> Analyte:
    conversions: dict[tuple[str, str], Linear] = {}
    for one in entry.get("conversions", ()):
        linear = Linear(Fraction(str(one["factor"])), Fraction(str(one.get("offset", "0"))))
        conversions[(one["from"], one["to"])] = linear
        conversions.setdefault((one["to"], one["from"]), linear.inverse())
    scale = entry.get("scale")
    pattern = entry.get("ordinalPattern")
    return Analyte(
        conversions=conversions,
        ucum=entry.get("ucum", True),
        same_units=entry.get("units", {}),
        bare=entry.get("unitless", False),
        cutoff=entry.get("titreCutoff"),
        detection=entry.get("detection", False),
        scale=None if scale is None else Fraction(str(scale)),
        assumed=entry.get("assumed", True),
        scales=tuple(Fraction(str(one)) for one in entry.get("scales", ())),
        linear=entry.get("linear", False),
        unit_scales={unit: Fraction(str(size)) for unit, size in entry.get("scaleOfUnit", {}).items()},
        grades={normal(name): grade for grade, said in entry.get("grades", {}).items() for name in [grade, *said]},
        ordinals={(canonical(o["system"]), o["code"]): Fraction(str(o["value"])) for o in entry.get("ordinal", ())},
        ordinal_pattern=re.compile(pattern, re.IGNORECASE) if pattern else None,
    )


#: Signs that may also be punctuation.
_SIGNS = ("-", "+")


def _wording(table: dict[str, Any]) -> Wording:
    alone = {word.lower() for word in table.get("alone", ())}

    def pattern(words: Iterable[str], alone: Collection[str] = alone) -> re.Pattern[str]:
        longest_first = sorted({" ".join(word.lower().split()) for word in words}, key=len, reverse=True)
        return re.compile("|".join(_whole(word, word in alone) for word in longest_first) or r"(?!)")

    return Wording(
        nothing=pattern(table.get("nothing", ())),
        denying=pattern(table.get("denying", ()), ()),
        negative=pattern(table.get("negative", ())),
        equivocal=pattern(table.get("equivocal", ())),
        positive=pattern(table.get("positive", ())),
        interpretation=dict(table.get("interpretation", {})),
    )


def _whole(word: str, alone: bool) -> str:
    """A word or phrase on its own: not inside a longer word (Chinese words have no boundaries).

    A sign is an answer only at the end ("QNS - quantity not sufficient"), a word that answers ``alone`` only as the
    whole text ("no sample received").
    """
    start = r"(?<![^\W_])" if re.match(r"[a-zà-ÿ0-9]", word) else r"(?<!\S)" if re.match(r"[+\-±(]", word) else ""
    end = r"(?![^\W_])" if re.search(r"[a-zà-ÿ0-9]$", word) else r"(?!\S)" if re.search(r"[+\-±)]$", word) else ""
    if alone:
        return rf"\A\W*{re.escape(word)}\W*\Z"
    if word in _SIGNS:
        end = r"\s*\Z"
    return start + re.escape(word) + end
