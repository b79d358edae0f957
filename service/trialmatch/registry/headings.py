"""What headings and lead-ins say: which section begins, of which cohort, and how what follows is combined."""

from __future__ import annotations

import re
from typing import NamedTuple

from trialmatch.registry.wording import spelled, vocabulary

INCLUSION, EXCLUSION, UNKNOWN = "inclusion", "exclusion", ""

_CRITERIA = r"criteri(?:a|on|um)s?"
_KIND = r"(?P<non>non[- ]?)?(?P<kind>in|ex)clusion(?:ary|s)?"
_BEFORE = (
    r"(?:(?:key|main|major|principal|core|general|common|primary|overall|basic|specific|additional|study|trial|"
    r"protocol|patients?|subjects?|participants?|eligibility|selected|important)(?:'s|s')?\s+)*"
)
_SECTION = re.compile(
    rf"(?:{_BEFORE}{_KIND}(?:\s+{_CRITERIA})?|{_CRITERIA}\s+(?:for|of)\s+(?:study\s+)?"
    rf"(?P<non2>non[- ]?)?(?P<kind2>in|ex)clusion)\s*(?P<tail>[^.?!]*)"
)
_MIXED = re.compile(rf"{_BEFORE}(?:inclusion|exclusion)\s*(?:/|&|and|or)\s*(?:inclusion|exclusion)(?:\s+{_CRITERIA})?")
_LABEL_ALONE = re.compile(rf"{_BEFORE}(?:eligibility\s+)?{_CRITERIA}|eligibility")

#: A heading inside a line, after the end of a sentence.
_INSIDE = re.compile(
    rf"(?:(?<=^)|(?<=[.;:)]\s)|(?<=\n))[ \t]*"
    rf"((?:\*\*)?{_BEFORE}(?:in|ex)clusion\s+{_CRITERIA}[^\n.:;]{{0,80}}:(?:\*\*)?)[ \t]*(?=\S)",
    re.IGNORECASE,
)

#: What a heading may add without limiting to whom it applies.
_EVERYBODY = re.compile(
    r"(?:(?:for|of|in|to)\s+)?(?:(?:all|the|this|both|study)\s+)*"
    r"(?:patients?|subjects?|participants?|individuals|volunteers|cohorts|arms|groups|parts|stud(?:y|ies)|trial|"
    r"enrol(?:l)?ment|entry|participation|screening)?\s*"
    r"(?:(?:include|includes|are|are as follows|as follows|following)(?: the following)?)?"
)

_COHORT = re.compile(
    r"(?:(?:for|of|in)\s+)?(?:(?:patients|subjects|participants)\s+(?:of|in)\s+)?(?:the\s+)?"
    r"(?P<label>(?:sub-?)?(?:part|cohort|arm|group|population|stratum|study)\s+"
    r"(?:[a-z]?\d{1,2}[a-z]?|[a-z]|[ivx]{1,4}|one|two|three|four|five)\b)(?:\s+only)?"
)


class Section(NamedTuple):
    """A heading of inclusions or exclusions. ``tail`` is what it adds, empty where that limits nothing."""

    kind: str
    tail: str


def section(text: str) -> Section | None:
    """The section that a line begins, if it is the heading of one."""
    if len(text) > 200:
        return None
    plain = spelled(text).rstrip(":- ").strip()
    if _MIXED.fullmatch(plain) or _LABEL_ALONE.fullmatch(plain):
        return Section(UNKNOWN, "")
    found = _SECTION.fullmatch(plain)
    if found is None:
        return None
    tail = found["tail"].strip(" :-")
    tail = tail[1:-1] if tail.startswith("(") and tail.endswith(")") else tail
    if tail and not (text.rstrip().endswith((":", ")")) or _EVERYBODY.fullmatch(tail) or cohort(tail)):
        return None  # a sentence about the criteria
    kind = found["kind"] or found["kind2"]
    excludes = kind == "ex" or bool(found["non"] or found["non2"])
    return Section(EXCLUSION if excludes else INCLUSION, "" if _EVERYBODY.fullmatch(tail) else tail)


def is_section(text: str) -> bool:
    """Whether a line is the heading of a section."""
    return section(text) is not None


def separated(text: str) -> str:
    """A text with each heading of a section on a line of its own."""
    return _INSIDE.sub(lambda found: f"\n\n{found[1]}\n\n", text)


def cohort(text: str) -> str | None:
    """The cohort that a heading names by a letter or number, such as ``part a``; None where it says more of it."""
    found = _COHORT.fullmatch(spelled(text).strip(" :-()"))
    return re.sub(r"\s+", " ", found["label"]) if found else None


#: Headings inside a section that say what its criteria are about, and limit nothing (among them those of the common
#: protocol template, https://www.transceleratebiopharmainc.com/assets/clinical-content-reuse-solutions/).
_TOPICS = frozenset(
    """
    age|age and sex|demographics|general|general criteria|disease characteristics|disease|diagnosis|consent
    |informed consent
    |type of participant and disease characteristics|type of patient and disease characteristics|sex|gender|weight|other
    |sex and contraceptive/barrier requirements|contraception|reproductive|medical conditions|medical history|others
    |prior/concomitant therapy|prior or concomitant therapy|prior therapy|concomitant therapy|prior treatment|infections
    |prior/concurrent clinical study experience|prior and concurrent clinical study experience|diagnostic assessments
    |other exclusions|other criteria|other exclusion criteria|other inclusion criteria|laboratory|laboratory criteria
    |laboratory values|laboratory tests|laboratory parameters|laboratory findings|laboratory abnormalities|comorbidities
    |performance status|renal|hepatic|cardiac|cardiovascular|pulmonary|hematologic|haematologic|renal function|infection
    |hepatic function|liver function|cardiac function|cardiovascular function|pulmonary function|bone marrow function
    |hematologic function|haematologic function|organ function|safety|administrative|life expectancy|disease activity
    |concomitant diseases|concomitant medications|previous treatments|study procedures|miscellaneous|medications
    |allergies|pregnancy|pregnancy and lactation|malignancy|cancer|disease related|disease-related
    |general exclusion criteria
    |disease-specific|patient characteristics|subject characteristics|participant characteristics
    """.replace("\n", "").replace("    ", "").strip().split("|")
)


def topic(text: str) -> bool:
    """Whether a heading only says what its criteria are about."""
    return spelled(text).rstrip(":- ").strip() in _TOPICS


#: Words of lead-ins that add nothing to how the criteria below are combined.
_NEUTRAL = vocabulary(
    """
    patient patients subject subjects participant participants individual individuals person persons people candidate
    candidates volunteer volunteers who whom that which they their those these must should shall will be is are have has
    meet meets meeting met fulfil fulfils fulfill fulfills fulfilling satisfy satisfies satisfying apply applies present
    presence considered eligible included inclusion enrolled entered recruited participate participation to for in into
    from if when only the this a an of as by with order at study trial entry enrolment enrollment eligibility criteria
    criterion conditions condition requirements requirement items item listed below following follows can may potential
    """
)
_AGAINST = vocabulary("not cannot excluded exclusion ineligible exclude excludes exclusionary would any")
_ORGANS = vocabulary(
    """
    adequate acceptable sufficient organ organs and function functions functional hematologic hematological haematologic
    haematological hematopoietic bone marrow hepatic liver renal kidney cardiac heart pulmonary lung coagulation system
    laboratory values parameters defined evidenced demonstrated indicated important
    """
)

_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_COUNT = rf"(?P<count>\d|{'|'.join(_NUMBERS)})(?:\s*\((?:\d|{'|'.join(_NUMBERS)})\))?"
_SIZE = r"(?:\d{1,2}|" + "|".join(_NUMBERS) + ")"
_OF = rf"\s+(?:of\s+)?(?:the\s+)?(?:(?P<before>{_SIZE})\s+)?following(?:\s+(?P<after>{_SIZE}))?"
_OF_FIXED = r"\s+of\s+(?:the\s+)?following"
_ALL = re.compile(rf"\b(?:all|each|every one)(?:\s+of)?\s+(?:the\s+)?following|\ball{_OF_FIXED}\b")
_BOTH = re.compile(rf"\bboth{_OF_FIXED}\b")
_ANY = re.compile(
    r"\b(?:any|any one|either|one or more|1 or more|≥\s?(?:1|one)|at least one|at least 1|one)(?:\s*\(1\))?(?:\s+of)?"
    r"\s+(?:the\s+)?following\b"
)
_AT_LEAST = re.compile(rf"(?:(?:≥\s?|at least\s+){_COUNT}|{_COUNT.replace('count', 'count2')}\s+or more){_OF}\b")
_PLAIN = re.compile(r"\b(?:the\s+following|as\s+follows|below|defined\s+(?:as|by))\b")


class Combination(NamedTuple):
    """How what follows a lead-in is combined; ``threshold`` for at-least, ``size`` where the lead-in counts members."""

    code: str
    threshold: int | None = None
    size: int | None = None


def combination(text: str, kind: str) -> Combination | None:
    """What a lead-in says of what follows it, where it says that with certainty; every other word is neutral.

    Lead-ins of exclusions may say "not", those of inclusions may speak of adequate organ function, which is all of it.
    """
    if kind == UNKNOWN:
        return None
    plain = spelled(text).rstrip(":- ").strip()
    found, rest = _quantified(plain)
    words = set(re.findall(r"[^\W_]+", rest.replace("'s", "")))
    if found is None or re.search(r"[<>≤≥]", rest):
        return None
    if kind == INCLUSION and words & _ORGANS:
        adequate = words & {"adequate", "acceptable", "sufficient", "important"} and words & {"function", "functions"}
        fine = adequate and words <= _NEUTRAL | _ORGANS and found.code == "all-of"
        return found if fine else None
    if not words <= (_NEUTRAL | _AGAINST if kind == EXCLUSION else _NEUTRAL):
        return None
    if kind == EXCLUSION and found == _LISTED:
        return Combination("any-of")
    demanded = bool(words & {"must", "should", "shall"}) and not words & {"not", "cannot"}
    if kind == EXCLUSION and (found.code == "all-of" or demanded):
        return None
    return found


#: "the following" without saying how many: a list of inclusions is to be met whole.
_LISTED = Combination("all-of", None, 0)


def _quantified(plain: str) -> tuple[Combination | None, str]:
    """The combination that a lead-in names, and its other words."""
    many = _AT_LEAST.search(plain)
    if many:
        number = many["count"] or many["count2"]
        threshold = _NUMBERS.get(number) or int(number)
        size = many["before"] or many["after"]
        counted = (_NUMBERS.get(size) or int(size)) if size else None
        code = Combination("any-of", None, counted) if threshold == 1 else Combination("at-least", threshold, counted)
        return (code if threshold else None), _without(plain, many)
    for pattern, meant in (
        (_BOTH, Combination("all-of", None, 2)),
        (_ANY, Combination("any-of")),
        (_ALL, Combination("all-of")),
        (_PLAIN, _LISTED),
    ):
        found = pattern.search(plain)
        if found:
            return meant, _without(plain, found)
    return None, plain


def _without(plain: str, found: re.Match[str]) -> str:
    return plain[: found.start()] + " " + plain[found.end() :]
