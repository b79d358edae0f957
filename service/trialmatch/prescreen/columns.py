"""The columns of a survey: what is asked of each line, as expressions of DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from trialmatch.prescreen.binding import ELEMENTS

_TARGET = "STRUCT(reference VARCHAR, identifier JSON)"

#: Elements that are read of every line.
BASE = {"resourceType": "VARCHAR", "id": "VARCHAR"} | dict.fromkeys(("subject", "patient", "individual"), _TARGET)

#: What a record refers to as its patient.
REFERENCE = (
    "CASE WHEN resourceType IN ('Immunization', 'AllergyIntolerance') THEN patient.reference "
    "WHEN resourceType = 'ResearchSubject' THEN coalesce(individual.reference, subject.reference) "
    "ELSE coalesce(subject.reference, patient.reference) END"
)

#: The id in that reference, relative or absolute, of a version or not (records.is_about says the same).
SUBJECT = (
    "CASE WHEN starts_with(reference, 'Patient/') AND NOT contains(substr(reference, 9), '/') "
    "AND NOT contains(reference, '?') THEN substr(reference, 9) WHEN contains(reference, '?') THEN NULL "
    r"""ELSE nullif(regexp_extract(reference, '^(?:.*/)?Patient/([^/"\\]+?)(?:/_history/[^/]*)?$', 1), '') END"""
)

#: The business identifier by which it names the patient.
IDENTIFIER = (
    "CASE WHEN resourceType IN ('Immunization', 'AllergyIntolerance') THEN patient.identifier "
    "WHEN resourceType = 'ResearchSubject' THEN coalesce(individual.identifier, subject.identifier) "
    "ELSE coalesce(subject.identifier, patient.identifier) END"
)

#: What of it counts: a system and a value that are strings.
SYSTEM, VALUE = (
    f"CASE WHEN json_type(identifier, '$.{key}') = 'VARCHAR' THEN identifier->>'$.{key}' END"
    for key in ("system", "value")
)

#: In how many elements it may say whose it is.
TARGETS = "(subject IS NOT NULL)::INT + (patient IS NOT NULL)::INT + (individual IS NOT NULL)::INT"


def naming(kind: str) -> str:
    """A hash of what names a record and of the JSON types of the rest."""
    return f"hash({quoted(kind)}, {', '.join(_elements(kind))})"


def texts(kind: str) -> str:
    """A list of the same."""
    return f"[{', '.join(_elements(kind))}]"


def by_kind(kinds: Sequence[str], what: Callable[[str], str]) -> str:
    """An expression that differs by the type of a record; NULL for types that are not among ``kinds``."""
    cases = " ".join(f"WHEN {quoted(kind)} THEN {what(kind)}" for kind in kinds)
    return f"CASE resourceType {cases} END" if kinds else "NULL"


def source(path: Path, columns: dict[str, str], *, zipped: bool, longest: int) -> str:
    """The lines of a file as rows of these columns; those that are no JSON have nothing but NULL."""
    listed = ", ".join(f"{_column(key)}: {quoted(kind)}" for key, kind in columns.items())
    return (
        f"read_json({quoted(path)}, format='newline_delimited', columns={{{listed}}}, "
        f"ignore_errors=true, maximum_object_size={longest}, compression='{'gzip' if zipped else 'none'}')"
    )


def quoted(text: str | Path) -> str:
    """A string, or the name of a file, as SQL has it."""
    return "'" + str(text).replace("'", "''") + "'"


def _elements(kind: str) -> list[str]:
    """What names a record, word for word, and the JSON types of the rest."""
    named, shaped = ELEMENTS[kind]
    return [f"{_column(key)}::VARCHAR" for key in named] + [
        f"json_structure({_column(key)})::VARCHAR" for key in shaped
    ]


def _column(key: str) -> str:
    return f'"{key}"'
