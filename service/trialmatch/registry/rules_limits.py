"""Rules for results: limits with units, multiples of normal, scores, positive and negative tests, several joined."""

from __future__ import annotations

import re
from collections.abc import Callable

from trialmatch.registry import elements as r5
from trialmatch.registry.headings import EXCLUSION, INCLUSION
from trialmatch.registry.statements import Group, Leaf, Reading, Statement
from trialmatch.registry.vocabulary import MEASURES, TESTS, Measure, named
from trialmatch.terminology.mappings import Terminology

SUBJECT = (
    r"(?:(?:all\s+)?(?:patients?|subjects?|participants?|individuals?|persons?|people)\s+)?(?:(?:who|that)\s+)?"
    r"(?:(?:must|should|shall)\s+)?(?:(?:have|has|having|had|with|be|are|is)\s+)?(?:(?:an?|the)\s+)?"
)
_TOPIC = (
    r"(?:(?:adequate\s+)?(?:renal|kidney|hepatic|liver|cardiac|heart|pulmonary|bone marrow|h(?:a)?ematolog(?:ic|ical)"
    r"|coagulation|laboratory)(?:\s+functions?)?\s*[:,-]\s*)?"
)
_ADJECTIVES = r"(?:(?:serum|plasma|peripheral blood|blood|baseline|measured|resting)\s+)*"
_AFTER_NAME = (
    r"(?:\s*[:,]|\s+(?:counts?|levels?|values?|scores?|grade|of|is|are|was|must be|should be|has to be|activity))*"
)
_LIMIT = re.compile(
    rf"{SUBJECT}{_TOPIC}{_ADJECTIVES}(?P<name>[^≤≥<>]+?){_AFTER_NAME}\s*(?P<sign>[≤≥<>])\s*"
    r"(?P<number>\d[\d,]*(?:\.\d+)?)(?P<rest>[^≤≥<>]*)"
)
_ONLY_NORMAL = re.compile(
    rf"{SUBJECT}{_TOPIC}{_ADJECTIVES}(?P<name>[^≤≥<>]+?){_AFTER_NAME}\s*(?P<sign>[≤≥<>])\s*"
    r"(?P<rest>(?:the\s+)?(?:uln|upper limit).*)"
)
_OF_NORMAL = re.compile(
    r"\s*(?:-?\s*fold|x|×|\*|times)?\s*(?:the\s+)?(?:(?:institutional|local|laboratory|site's|age-adjusted)\s+)*"
    r"(?:(?P<upper>uln|upper limits? of (?:the )?(?:institutional |laboratory )?normal(?: range)?(?: \(uln\))?|"
    r"uln \(upper limit of normal\))"
    r"|lln|lower limits? of (?:the )?(?:institutional |laboratory )?normal(?: range)?(?: \(lln\))?)"
)
_BY_ECHO = re.compile(
    r"\s*\(?(?:(?:as )?(?:assessed|measured|determined|evaluated|confirmed) )?(?:by|on|per|with) (?:an? )?"
    r"(?:transthoracic )?(?:echocardiography|echocardiogram|echo)(?: \(echo\))?\)?"
)
_ECHO_FIRST = re.compile(r"(?:echocardiography|echocardiogram)\s+(?:indicates|shows|showing)\s+")
_COCKCROFT = re.compile(
    r"\s*,?\s*[(\[]?\s*(?:(?:as )?(?:calculated|estimated|determined|using|by|per|with|based on|according to|the)\s*)*"
    r"cockcroft\s*[-/&–]?\s*(?:and\s+)?gault(?:\s+(?:formula|equation|method))?\s*[)\]]?"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_JOINED = re.compile(r"\s*,\s*and/or\s+|\s*,\s*(and|or)\s+|\s+(and/or|and|or)\s+|\s*(/)\s*|\s*(,)\s*")

#: A power of ten that lost its sign, as in 1 × 109/L.
_GARBLED = re.compile(r"(?!10\s?[\^*⁰-⁹²³(e])\d")

#: Units whose letters are small in the spelling that rules read.
_CASES = ((re.compile(r"\b([dmµu]?)l\b"), r"\1L"), (re.compile(r"µ"), "u"), (re.compile(r"\biu\b"), "[iU]"))


def limit(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``ALT and AST ≤ 3 × ULN``, ``hemoglobin ≥ 9 g/dL``, ``SLEDAI-2K ≥ 8``."""
    words = _ECHO_FIRST.sub("", words)
    found = _LIMIT.fullmatch(words) or _ONLY_NORMAL.fullmatch(words)
    if found is None:
        return None
    parts = found.groupdict()
    number = _number(parts.get("number", "1"))
    names, joined = _names(parts["name"])
    if number is None or not names:
        return None
    leaves = [_leaf(name, parts["sign"], number, parts["rest"], terminology) for name in names]
    if any(leaf is None for leaf in leaves):
        return None
    if len(leaves) == 1:
        return Reading(leaves[0]) if leaves[0] else None
    code = _combined(joined, kind, names, parts["rest"])
    said = f"{parts['sign']} {number}{parts['rest'].replace('uln', 'ULN')}"
    members = tuple(
        Leaf(leaf.definition, f"{name.upper() if len(name) < 5 else name} {said}")
        for name, leaf in zip(names, leaves, strict=True)
        if leaf
    )
    return Reading(Group(code, members)) if code else None


def _number(text: str) -> str | None:
    """The number as JSON has it; None where its separators may mean two things (1.500, 1,5)."""
    whole, _, decimals = text.partition(".")
    if "," in whole and (decimals or not _THOUSANDS.fullmatch(whole)):
        return None
    if len(decimals) == 3 and whole.strip("0"):
        return None
    plain = (whole.replace(",", "").lstrip("0") or "0") + (f".{decimals}" if decimals else "")
    return plain if len(plain) <= 12 else None


def _names(text: str) -> tuple[list[str], set[str]]:
    """The phrases of what is measured, and what joins them."""
    one = named(text, MEASURES)
    if one:
        return [one], set()
    parts = _JOINED.split(text)
    names = [named(re.sub(rf"^{_ADJECTIVES}(?:the\s+)?", "", part), MEASURES) for part in parts[:: _JOINED.groups + 1]]
    joined = {word or "and/or" for word in _joints(parts)}
    return ([name for name in names if name], joined) if all(names) else ([], set())


def _joints(parts: list[str | None]) -> list[str | None]:
    step = _JOINED.groups + 1
    return [next((word for word in parts[at + 1 : at + step] if word), None) for at in range(0, len(parts) - 1, step)]


def _combined(joined: set[str], kind: str, names: list[str], rest: str) -> str | None:
    """How several measures under one limit are combined; None where the words may mean two things."""
    enzymes = {MEASURES[name].concept for name in names} == {"alt", "ast"}
    if "/" in joined and (joined != {"/"} or not enzymes or not _OF_NORMAL.fullmatch(rest)):
        return None
    if kind == INCLUSION:
        return "all-of" if joined <= {"and", ",", "/"} and joined != {","} else None
    return "any-of" if joined <= {"or", "and/or", ",", "/"} and joined != {","} else None


def _leaf(name: str, sign: str, number: str, rest: str, terminology: Terminology) -> Leaf | None:
    measure = MEASURES[name]
    normal = _OF_NORMAL.fullmatch(rest)
    if normal:
        if measure.unit in ("{score}", "kg"):
            return None
        bound = "UNL" if normal["upper"] else "LNL"
        return Leaf(r5.result(measure.concept, valueQuantity=r5.multiple(number, bound, sign)))
    more = {}
    if measure.concept == "creatinine-clearance":
        plain = _COCKCROFT.sub("", rest)
        if plain != rest:
            rest, more = plain, {"method": r5.method("cockcroft-gault")}
    if measure.concept == "lvef":
        rest = _BY_ECHO.sub("", rest)
    unit = _unit(rest.strip(), measure, terminology)
    return Leaf(r5.result(measure.concept, **more, valueQuantity=r5.quantity(number, unit, sign))) if unit else None


def _unit(text: str, measure: Measure, terminology: Terminology) -> str | None:
    """The UCUM unit that a limit is printed in, where it is one of this measure."""
    if measure.unit in ("{score}", "1"):
        allowed = ("", "points", "point", "score") if measure.unit == "{score}" else ("",)
        return measure.unit if text in allowed else None
    bare = re.sub(r"^[x×*]\s*(?=10)", "", text)
    if not measure.unit or not bare or _GARBLED.match(bare):
        return None
    bare = re.sub(r"(?<=10)\s(?=\^)|(?<=\^)\s|(?<=/)\s|\s(?=/)|(?<=m)\^(?=[23])", "", bare)
    cased = bare
    for pattern, replacement in _CASES:
        cased = pattern.sub(replacement, cased)
    units = terminology.knowledge.units
    for spelling in (cased, bare):
        unit = units.resolve(None, None, spelling)
        if unit and _converts(unit, measure, terminology):
            return unit
    return None


def _converts(unit: str, measure: Measure, terminology: Terminology) -> bool:
    knowledge = terminology.knowledge
    if not knowledge.units.is_ucum(unit):
        return False
    analytes = [knowledge.analyte(frozenset({measure.concept}))]
    analytes += [knowledge.analyte(frozenset({f"{measure.concept}-{kind}"})) for kind in ("serum", "total")]
    own = any(unit in pair for one in analytes for pair in one.conversions)
    return own or knowledge.units.conversion(unit, measure.unit) is not None


_PERFORMANCE = re.compile(
    rf"{SUBJECT}(?:adequate performance status\s*[:,]?\s*)?(?P<name>[a-z() ]+?)(?:\s*[:,]|\s+(?:scores?|grade|of|is|"
    rf"are|must be))*\s*(?:between\s+)?"
    r"(?P<numbers>0(?:\s*(?:-|to|or|and|,|/|,\s*or|,\s*and)\s*[1-4])+)(?:\s+points?)?"
)


def performance(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``ECOG performance status 0-2``, ``ECOG 0 or 1``: from 0 up to the last of them, with none left out."""
    found = _PERFORMANCE.fullmatch(words)
    if found is None or kind != INCLUSION:
        return None
    name = named(found["name"].replace(" (ps)", ""), MEASURES)
    if name is None or MEASURES[name].concept != "ecog":
        return None
    numbers = [int(one) for one in re.findall(r"\d", found["numbers"])]
    ranged = len(numbers) == 2 and re.search(r"-|to|between", found["numbers"]) is not None
    if "and" in found["numbers"] and "between" not in words:
        return None
    if not ranged and numbers != list(range(len(numbers))) and "between" not in words:
        return None
    return Reading(Leaf(r5.result("ecog", valueQuantity=r5.quantity(str(numbers[-1]), "{score}", "≤"))))


_TESTED = re.compile(
    rf"{SUBJECT}(?:(?:known|confirmed)\s+)?(?:(?:tested\s+)?(?P<before>positive|negative)(?:\s+(?:for|test for|"
    rf"result for))?\s+(?:serum\s+)?"
    r"(?P<name>.+?)(?:\s+(?:test|testing|serology))?|(?P<name2>.+?)(?:\s+test)?\s+(?:is\s+|are\s+|-\s*)?"
    r"(?P<after>positive|negative))"
)


def tested(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``HBsAg positive``, ``positive for HIV``."""
    found = _TESTED.fullmatch(words)
    if found is None:
        return None
    name = named(re.sub(r"^(?:the|serum)\s+", "", found["name"] or found["name2"]), TESTS)
    return Reading(Leaf(r5.polarity(TESTS[name], found["before"] or found["after"]))) if name else None


#: What joins criteria, what binds loosest first.
_JOINS = (
    (re.compile(r"\s*;\s*(?:and\s+)?"), "all-of"),
    (re.compile(r"\s*[,;]?\s+or\s+"), "any-of"),
    (re.compile(r"\s*,?\s+and\s+"), "all-of"),
)


def joined(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """Several of them, all joined by "or", or (in an inclusion) all by "and"; each is read to its last word."""
    for pattern, code in _JOINS:
        parts = [part.strip(" ,;") for part in pattern.split(words)]
        if len(parts) < 2 or (code == "all-of" and kind == EXCLUSION):
            continue
        read = [_clause(part, kind, terminology) for part in parts]
        members = [_named(one.statement, part) for one, part in zip(read, parts, strict=True) if one is not None]
        if len(members) == len(parts):
            return Reading(Group(code, tuple(members)))
    return None


def _clause(text: str, kind: str, terminology: Terminology) -> Reading | None:
    for rule in CLAUSES:
        reading = rule(text, kind, terminology)
        if reading is not None:
            return reading
    return None


def _named(statement: Statement, text: str) -> Statement:
    if isinstance(statement, Leaf):
        return Leaf(statement.definition, text)
    return Group(statement.code, statement.members, text)


#: Rules that read what "and" and "or" join.
CLAUSES: tuple[Callable[[str, str, Terminology], Reading | None], ...] = (limit, tested)
