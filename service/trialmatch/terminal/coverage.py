"""Coverage on a terminal: codes and units that no mapping knows, and concepts that hardly any patient has."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from trialmatch.lines import Json, clean, plural
from trialmatch.terminal.page import shorten

#: Rows of each table unless everything is asked for.
SHOWN = 25

_SYSTEMS = {
    "http://loinc.org": "LOINC",
    "http://snomed.info/sct": "SNOMED CT",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD-10",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://www.whocc.no/atc": "ATC",
    "http://hl7.org/fhir/sid/cvx": "CVX",
}

_KINDS = {
    "Observation": "result",
    "Condition": "diagnosis",
    "AllergyIntolerance": "allergy",
    "MedicationRequest": "medication",
    "ResearchSubject": "study",
    "DocumentReference": "document",
    "ImagingStudy": "imaging",
}


def coverage_page(found: Json, width: int, everything: bool) -> Iterator[RenderableType]:
    """What the mappings know of a source, most frequent first."""
    yield Text(f"{plural(found['patients'], 'patient')}, {plural(found['records'], 'record')} looked at")
    yield ""
    yield from _codes(found["codes"], width, everything)
    yield from _units(found["units"], everything)
    yield from _concepts(found["concepts"], everything)


def _kind(row: Json) -> str:
    return _KINDS.get(row["kind"], str(row["kind"]).lower())


def _head(title: str, rows: list[Json], everything: bool) -> tuple[Text, list[Json]]:
    shown = rows if everything else rows[:SHOWN]
    more = len(rows) - len(shown)
    return Text(title + (f" (the first {len(shown)}; {more} more with --all)" if more else ""), style="bold"), shown


def _table(*columns: tuple[str, str]) -> Table:
    """Numbers and kinds keep their width; beside them texts go on in the next line rather than be cut."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, align in columns:
        fixed = align == "right" or name == "kind"
        table.add_column(name, justify="right" if align == "right" else "left", no_wrap=fixed, overflow="fold")
    return table


def _codes(codes: list[Json], width: int, everything: bool) -> Iterator[RenderableType]:
    if not codes:
        yield Text("Every coded record has a code that the mappings know.")
        yield ""
        return
    title, shown = _head(f"{plural(len(codes), 'code')} that no mapping knows", codes, everything)
    yield title
    table = _table(("n", "right"), ("patients", "right"), ("kind", ""), ("code", ""), ("display", ""), ("nearest", ""))
    for one in shown:
        system = _SYSTEMS.get(one["system"], one["system"])
        code = clean(f"{system} {one['code']}".strip())  # whole: it is to be copied into a ConceptMap
        words = one["code"].startswith("“")
        display = "" if words else clean(one["display"])
        table.add_row(
            str(one["records"]),
            str(one["patients"]),
            _kind(one),
            shorten(code, max(20, width // 3)) if words else code,
            shorten(display, max(16, width // 5)),
            one["nearest"] or "",
        )
    yield table
    yield Text("“nearest” is the concept of the most similar name: a hint for your ConceptMap, never used to match.")
    yield ""


def _units(units: list[Json], everything: bool) -> Iterator[RenderableType]:
    if not units:
        yield Text("Every unit is understood.")
        yield ""
        return
    title, shown = _head(f"{plural(len(units), 'unit')} that no spelling knows", units, everything)
    yield title
    table = _table(("results", "right"), ("unit", ""), ("of", ""))
    for one in shown:
        table.add_row(str(one["records"]), clean(one["unit"]), clean(", ".join(one["about"][:3])))
    yield table
    yield ""


def _concepts(concepts: list[Json], everything: bool) -> Iterator[RenderableType]:
    title, shown = _head("What the studies ask for, rarest first", concepts, everything)
    yield title
    table = _table(("patients", "right"), ("kind", ""), ("concept", ""), ("asked by", ""))
    for one in shown:
        table.add_row(str(one["patients"]), _kind(one), _named(one), clean(", ".join(one["studies"])))
    yield table


def _named(row: Json) -> str:
    """A concept by its code, which a ConceptMap names, and in words; a code of a standard with its system."""
    system, bar, code = row["concept"].partition("|")
    name, words = f"{_SYSTEMS.get(system, system)} {code}" if bar else system, row["label"]
    return clean(name if words in (name, code) else f"{name}: {words}")
