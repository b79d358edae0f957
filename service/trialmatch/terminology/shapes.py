"""What value sets, concept maps and tables have to look like for their readers; what does not is told with its place.

A shape is ``str`` or ``bool``, a list of one shape, an object of shapes by name (``!``: it must be there), an
:class:`Each`, a :class:`Check`, or a function that chooses a shape by the value. What has no shape may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from trialmatch.config import BASE

#: On a ValueSet: a code that speaks for its concept without proving it.
SUPPORTING = f"{BASE}/StructureDefinition/supporting-code"


class Each(NamedTuple):
    """An object of which each element has one shape, but for comments, whose names begin with ``_``."""

    shape: Any


class Check(NamedTuple):
    """A value of which something must hold."""

    holds: Callable[[Any], bool]
    expected: str


_TYPES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}


def json_type(value: object) -> str:
    """The JSON type of a value, for messages."""
    return _TYPES.get(type(value), "null")


def misshapen(data: Any, shape: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """What has another shape than it should: its path below ``path``, what was found, what is expected."""
    pending = [(path, data, shape)]
    while pending:
        here, value, wanted = pending.pop()
        if callable(wanted) and not isinstance(wanted, type):
            wanted = wanted(value)
        if isinstance(wanted, Check):
            if not wanted.holds(value):
                yield (
                    here,
                    json_type(value) if isinstance(value, dict | list | None) else "another value",
                    wanted.expected,
                )
        elif isinstance(wanted, type):
            if not isinstance(value, wanted):
                yield here, json_type(value), _TYPES[wanted]
        elif not isinstance(value, list if isinstance(wanted, list) else dict):
            yield here, json_type(value), "an array" if isinstance(wanted, list) else "an object"
        elif isinstance(wanted, list):
            pending += [(f"{here}[{position}]", one, wanted[0]) for position, one in reversed([*enumerate(value)])]
        elif isinstance(wanted, Each):
            names = [name for name in value if not name.startswith("_")]
            pending += [(f"{here}.{name}", value[name], wanted.shape) for name in reversed(names)]
        else:
            for name, inner in reversed(wanted.items()):
                bare = name.removesuffix("!")
                if bare in value:
                    pending.append((f"{here}.{bare}", value[bare], inner))
                elif bare != name:
                    yield f"{here}.{bare}", "none", _expected(inner)


def _expected(shape: Any) -> str:
    if isinstance(shape, Check):
        return shape.expected
    return _TYPES.get(shape if isinstance(shape, type) else type(shape), "an object")


def _number(value: Any) -> Fraction | None:
    """A number, also one that is written as decimal or fraction; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None


def _above_zero(value: Any) -> bool:
    number = _number(value)
    return number is not None and number > 0


def _equivalent(value: Any) -> bool:
    bounds = value if isinstance(value, list) else [value, value]
    return value is None or (len(bounds) == 2 and all(map(_above_zero, bounds)))


def _pattern(value: Any) -> bool:
    try:
        return value is None or re.compile(value).groups == 1
    except (re.error, TypeError):
        return False


NUMBER = Check(lambda value: _number(value) is not None, "a number")
ABOVE_ZERO = Check(_above_zero, "a number above 0")
WORD = Check(lambda value: isinstance(value, str) and bool(value.strip()), "a word")
WHOLE = Check(lambda value: type(value) is int and value > 0, "a whole number above 0")
CODES = Check(lambda value: isinstance(value, str), "codes separated by spaces")
POWER = Check(lambda value: type(value) is int, "a whole number")

_POLARITIES = ("positive", "negative", "equivocal")

_CODE = {"code!": str, "display": str, "extension": [{"url": str}]}
_PART = {"system": str, "valueSet": [str], "concept": [_CODE]}
_CONTAINED: dict[str, Any] = {"system": str, "code": str}
_CONTAINED["contains"] = [_CONTAINED]


def _extension(value: Any) -> Any:
    supporting = isinstance(value, dict) and value.get("url") == SUPPORTING
    return {"url": str, "valueCoding!": {"system!": str, "code!": str}} if supporting else {"url": str}


VALUE_SET = {
    "url!": str,
    "title": str,
    "compose": {"include": [_PART], "exclude": [_PART]},
    "extension": [_extension],
    "expansion": {"contains": [_CONTAINED]},
}

CONCEPT_MAP = {
    "group": [
        {
            "source": str,
            "target": str,
            "element": [
                {"code": str, "target": [{"code": str, "display": str, "relationship": str, "equivalence": str}]}
            ],
        }
    ]
}

CODE_SYSTEM = {
    "concept": [{"code!": str, "display": str, "designation": [{"value!": str}], "property": [{"code!": str}]}]
}

_ANALYTE = {
    "conversions": [{"from!": str, "to!": str, "factor!": ABOVE_ZERO, "offset": NUMBER}],
    "ucum": bool,
    "units": Each(str),
    "unitless": bool,
    "titreCutoff": WHOLE,
    "detection": bool,
    "scale": ABOVE_ZERO,
    "assumed": bool,
    "scales": [ABOVE_ZERO],
    "linear": bool,
    "scaleOfUnit": Each(ABOVE_ZERO),
    "grades": Each([str]),
    "ordinal": [{"system!": str, "code!": str, "value!": NUMBER}],
    "ordinalPattern": Check(_pattern, "a regular expression with one group"),
}

_DRUG = {
    "ingredient": str,
    "mechanism": Check(lambda value: value is None or isinstance(value, str), "a string"),
    "prednisoneEquivalentMg": Check(_equivalent, "a number of mg above 0, or two of them"),
}

#: Tables by file name.
TABLES: dict[str, Any] = {
    "units.json": {"spellings": Each(str)},
    "ucum.json": {"units": Each({"factor!": ABOVE_ZERO, "dimension!": Each(POWER)})},
    "analytes.json": Each(_ANALYTE),
    "drugs.json": Each(_DRUG),
    "results.json": {
        **{words: [WORD] for words in (*_POLARITIES, "alone", "denying", "nothing")},
        "interpretation": Each(Check(lambda value: value in _POLARITIES, ", ".join(_POLARITIES))),
    },
    "orders.json": {"orders": Each(CODES)},
}

#: Resources by type, and a Bundle of them.
RESOURCES: dict[str, Any] = {
    "ValueSet": VALUE_SET,
    "ConceptMap": CONCEPT_MAP,
    "CodeSystem": CODE_SYSTEM,
}
BUNDLE = {"entry": [{"resource!": {"resourceType!": str}}]}
