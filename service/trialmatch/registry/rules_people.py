"""Rules for persons: age, sex, pregnancy and lactation, and what only a person can say."""

from __future__ import annotations

import re

from trialmatch.config import BASE
from trialmatch.registry import elements as r5
from trialmatch.registry.headings import EXCLUSION, INCLUSION
from trialmatch.registry.statements import Group, Leaf, Reading
from trialmatch.registry.wording import vocabulary
from trialmatch.terminology.mappings import Terminology

_PEOPLE = r"(?:patients?|subjects?|participants?|adults?|individuals?|volunteers?|persons?|people)"
_BOTH_SEXES = (
    r"(?:(?:males?|men)\s*(?:and|or|&|/)\s*(?:females?|women)|(?:females?|women)\s*(?:and|or|&|/)\s*(?:males?|men)|"
    r"(?:either|any|both) (?:sex|gender|sexes|genders))"
)
_REGARDLESS = (
    r"(?:regardless of (?:sex|gender)|(?:sex|gender)(?: is)? not limited|no (?:sex|gender) limit(?:ation)?|"
    rf"(?:of )?{_BOTH_SEXES}|all (?:sexes|genders))"
)
_UNIT = r"\s*-?\s*(?P<unit{0}>years?|yrs?|months?|weeks?)"
_OLD = r"(?:\s*-?\s*(?:of age|old|in age))?(?:\s+{0})?"
_INCLUSIVE = r"(?:\s*,?\s*\(?(?:both inclusive|inclusive(?:ly)?|including both ends|including boundary values)\)?)?"
_WHEN = (
    r"(?:\s*,?\s*(?:at|on|by)\s+(?:the\s+)?(?:(?:time|day|date)\s+of\s+)?(?P<when>screening(?: visit)?|"
    r"(?:signing\s+(?:of\s+)?)?(?:the\s+)?(?:written\s+)?(?:informed\s+)?consent(?:\s+form)?(?:\s*\(icf\))?|"
    r"signing\s+(?:the\s+)?icf|enrolment|enrollment))?"
)
_BEFORE = (
    rf"(?:{_BOTH_SEXES}\s*,?\s*)?(?:{_PEOPLE}\s*,?\s*)?(?:(?:who\s+)?(?:must be|should be|are|is|be)\s+)?"
    rf"(?:{_BOTH_SEXES}\s*,?\s*)?(?:(?:the )?aged?s?|ages)?(?:\s*(?:range|group))?\s*"
    r"(?:[:,]|is|of|must be|should be|between|from|ranging from)?\s*(?:between\s+|from\s+)?"
)
_TAIL = rf"{_OLD.format(_PEOPLE)}{_INCLUSIVE}{_WHEN}{_INCLUSIVE}(?:\s*[,;]\s*{_REGARDLESS}|\s*\({_REGARDLESS}\))?"
_ONE_AGE = re.compile(rf"{_BEFORE}(?P<sign>[≤≥<])\s*(?P<age>\d{{1,3}}){_UNIT.format('')}{_TAIL}")
_AGES = re.compile(
    rf"{_BEFORE}(?:≥\s*)?(?P<low>\d{{1,3}})(?:{_UNIT.format('1')}(?:\s+of age|\s+old)?)?\s*"
    rf"(?P<to>-|to|and|through|≤ age ≤|(?:,|and|to|but|,\s*and)\s*≤)\s*"
    rf"(?P<high>\d{{1,3}}){_UNIT.format('')}{_TAIL}"
)
_UNITS = {"y": "a", "m": "mo", "w": "wk"}

_CONSENT_NOTE = "The age when the consent is signed is taken for that at screening."


def age(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``18 to 65 years``, ``age ≥ 18 years``, ``under 18 years of age``; "over 18" may or may not hold those of 18."""
    one, two = _ONE_AGE.fullmatch(words), _AGES.fullmatch(words)
    if one:
        if "adult" in words and not (one["sign"] == "≥" and int(one["age"]) >= 18 and one["unit"][0] == "y"):
            return None
        value = {"valueQuantity": r5.quantity(str(int(one["age"])), _UNITS[one["unit"][0]], one["sign"])}
        return _aged(value, one["when"])
    if two is None or (two["unit1"] and two["unit1"][0] != two["unit"][0]) or int(two["low"]) >= int(two["high"]):
        return None
    if (two["to"] == "and" and "between" not in words) or ("adult" in words and int(two["low"]) < 18):
        return None
    if ("≤" in two["to"]) != ("≥" in words or "≤ age" in words) or kind != INCLUSION:
        return None
    unit = _UNITS[two["unit"][0]]
    bounds = {"low": r5.quantity(str(int(two["low"])), unit), "high": r5.quantity(str(int(two["high"])), unit)}
    return _aged({"valueRange": bounds}, two["when"])


def _aged(value: r5.Json, when: str | None) -> Reading:
    definition = r5.age(**value)
    if when and when.startswith("enrol"):
        definition["timeFromEvent"] = r5.window("enrolment")
    note = _CONSENT_NOTE if when and ("consent" in when or "icf" in when) else ""
    return Reading(Leaf(definition), note)


_SEX = re.compile(
    rf"(?:{_PEOPLE}\s+(?:must be|who are)\s+)?(?P<sex>female|male|women|men|females|males)"
    rf"(?:\s+(?:sex|gender|{_PEOPLE}))?(?:\s+only)?"
)


def sex(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Female``, ``men only``."""
    found = _SEX.fullmatch(words)
    return Reading(Leaf(r5.sex("female" if found["sex"][0] in "fw" else "male"))) if found else None


_WOMEN = r"(?:(?:any\s+)?(?:females?|women|woman|(?:female\s+)?(?:patients?|subjects?|participants?))\s+)?"
_STATES = r"(?:pregnant|pregnancy|lactating|lactation|breast-?\s?feeding|nursing)"
_EXPECTING = re.compile(
    rf"(?:(?:known|current|currently|confirmed|positive)\s+)?{_WOMEN}(?:(?:who|that)\s+(?:are|is)\s+)?(?:(?:are|is|"
    rf"being|currently)\s+)*"
    rf"(?P<states>{_STATES}(?:\s*(?:,|/|or|and|and/or|,\s*or)\s*(?:are\s+)?(?:currently\s+)?{_STATES})*)"
    r"(?:\s+(?:females?|women|woman|mothers?|patients?|subjects?|participants?))?(?:\s+at (?:the time of )?screening)?"
)
_NOT_OF_CHILDBEARING = {"definitionCanonical": f"{BASE}/EvidenceVariable/not-of-childbearing-potential"}


def expecting(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Pregnant or breastfeeding women`` as an exclusion, as the shipped studies write it: men are not concerned."""
    found = _EXPECTING.fullmatch(words)
    if found is None or kind != EXCLUSION:
        return None
    states = found["states"]
    parts: list[Group] = []
    if "pregnan" in states:
        parts.append(_not_pregnant())
    if re.search(r"lactat|breast|nursing", states):
        parts.append(_not_breastfeeding())
    return Reading(parts[0] if len(parts) == 1 else Group("all-of", tuple(parts)), required=True)


def _not_pregnant() -> Group:
    recorded = {
        **r5.record("Condition", "pregnancy"),
        "timeFromEvent": r5.window("screening", "0"),
        "extension": [r5.extension("absence", valueCode="absent")],
    }
    pregnant = Group(
        "any-of",
        (
            Leaf(recorded, "pregnancy on record at screening"),
            Leaf(r5.polarity("hcg", "positive"), "pregnancy test positive"),
        ),
        "pregnant",
        exclude=True,
    )
    concerned = Leaf(_NOT_OF_CHILDBEARING, "not of childbearing potential", applicability=True)
    return Group("any-of", (concerned, pregnant), "not pregnant")


def _not_breastfeeding() -> Group:
    feeding = {**r5.record("Condition", "lactation"), "timeFromEvent": r5.window("screening", "0")}
    male = Leaf(r5.sex("male"), "male", applicability=True)
    return Group("any-of", (male, Leaf(feeding, "breastfeeding at screening", exclude=True)), "not breastfeeding")


_PREGNANCY_TEST = re.compile(
    r"(?:(?:women|females?|female (?:patients|subjects|participants))\s+of\s+child-?\s?bearing\s+(?:potential|age)"
    r"(?:\s+\(wocbp\))?\s+(?:must|should)\s+have\s+)"
    r"(?:an?\s+)?negative\s+(?:(?P<matter>serum|urine|blood)\s+)?(?:hcg\s+)?pregnancy\s+test(?:\s+(?:result))?"
    r"(?:\s+at\s+screening)?"
)


def pregnancy_test(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Women of childbearing potential must have a negative serum pregnancy test``."""
    found = _PREGNANCY_TEST.fullmatch(words)
    if found is None or kind != INCLUSION:
        return None
    concept = {"serum": "hcg-serum", "blood": "hcg-serum", "urine": "hcg-urine", None: "hcg"}[found["matter"]]
    concerned = Leaf(_NOT_OF_CHILDBEARING, "not of childbearing potential", applicability=True)
    return Reading(Group("any-of", (concerned, Leaf(r5.polarity(concept, "negative"), "negative pregnancy test"))))


_SMALL = vocabulary(
    "a an the of to in for and or be is are has have been must should shall will by with from this that their his "
    "her they "
    "before prior any all patient patients subject subjects participant participants person who which as on at"
)
_CONSENT = _SMALL | vocabulary(
    "able willing capable ability willingness capacity give gives giving given provide provides provided providing "
    "provision "
    "sign signs signed signing written informed consent consents form icf date dated voluntary voluntarily freely "
    "obtained "
    "study trial procedures procedure studyrelated related specific understand understands understanding participate "
    "participation legally authorized authorised representative representatives guardian guardians legal personally "
    "document documents documented documentation irb iec approved ethics committee consenting screening performed "
    "agree agrees "
    "undergo research clinical read purpose nature its his or evidence personal capable"
)
_COMPLY = vocabulary(
    "comply complying compliance adhere adherence cooperate protocol requirements requirement visits visit schedule "
    "scheduled "
    "follow up followup restrictions assessments follow-up instructions complete completing complying good all other "
    "tests "
    "attend treatment plans laboratory"
)
_UNABLE = vocabulary(
    "unable unwilling inability unwillingness refusal refuse refuses refused failure lack lacking incapable not "
    "cannot"
)


def consent(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Written informed consent``; as an exclusion that it cannot be given."""
    found = _bag(words)
    if "consent" not in found and "icf" not in found:
        return None
    if kind == INCLUSION and found <= _CONSENT | _COMPLY:
        return Reading(Leaf(r5.judgement("consent")))
    if kind == EXCLUSION and found & _UNABLE and found <= _CONSENT | _UNABLE:
        return Reading(Leaf(r5.judgement("consent")), required=True)
    return None


def adherence(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Willing and able to comply with the protocol``."""
    found = _bag(words)
    asks = found & vocabulary("comply adhere cooperate compliance adherence") and found & vocabulary(
        "willing able ability willingness"
    )
    allowed = _SMALL | _COMPLY | vocabulary(
        "able willing ability willingness study trial procedures procedure understand"
    )
    return Reading(Leaf(r5.judgement("adherence"))) if asks and kind == INCLUSION and found <= allowed else None


_CONTRACEPTION = _SMALL | vocabulary(
    "agree agrees agreeing use using effective highly reliable adequate acceptable contraception contraceptive "
    "contraceptives method "
    "methods measures birth control during throughout study trial"
)


def contraception(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Agree to use effective contraception throughout the study``; no time beyond it."""
    found = _bag(words)
    asks = found & vocabulary("contraception contraceptive contraceptives birth") and found & vocabulary(
        "agree agrees agreeing use using"
    )
    fits = asks and kind == INCLUSION and found <= _CONTRACEPTION
    return Reading(Leaf(r5.judgement("contraception"))) if fits else None


def _bag(words: str) -> frozenset[str]:
    """The words of a criterion; a digit or a sign is one that no vocabulary holds."""
    return frozenset(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*|\S", re.sub(r"[(),/.;:\"']", " ", words)))


_LIFE = re.compile(r"(?:(?:estimated|expected|anticipated|a)\s+)*life\s+expectancy\s*(?:of|is|:)?\s*≥\s*3\s+months")


def prognosis(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Life expectancy ≥ 3 months``: what the judgement means in the shipped studies; answers are for all of them."""
    return Reading(Leaf(r5.judgement("prognosis"))) if kind == INCLUSION and _LIFE.fullmatch(words) else None


_WHO = r"(?:(?:principal|treating|study|site|local)\s+)*(?:investigators?|physicians?|researchers?|doctors?)"
_OPINION = (
    rf"(?:in\s+(?:the\s+)?(?:opinion|judge?ment|view)\s+of\s+(?:the\s+|an?\s+)?{_WHO}|"
    rf"in\s+(?:the\s+)?{_WHO}(?:'s|s')?\s+(?:opinion|judge?ment|view)|"
    rf"(?:that\s+)?the\s+{_WHO}\s+(?:believes|considers|deems|judges|thinks|feels)|"
    rf"(?:considered|deemed|judged|determined|assessed)\s+(?:\w+\s+){{0,6}}by\s+(?:the\s+|an?\s+)?{_WHO})"
)
_KINDS = (
    r"(?:clinically\s+significant|significant|serious|severe|concomitant|concurrent|underlying|medical|physical|"
    r"psychological|social|psychiatric|clinical|or|and|,|chronic|acute|uncontrolled)"
)
_GENERAL = (
    rf"(?:any\s+|there\s+are\s+|all\s+)?(?:other\s+)?(?:{_KINDS}\s*)*"
    r"(?:conditions?|diseases?|disorders?|illness(?:es)?|reasons?|factors?|circumstances?|situations?|patients?|"
    r"subjects?|participants?)"
)
_RELATIVE = r"(?:(?:that|which|who|whom|where)\s*,?\s*)?(?:(?:is|are|may be|has|have)\s+)?,?"
_INVESTIGATOR = re.compile(
    rf"(?:{_GENERAL}\s*,?\s*{_RELATIVE}\s*{_OPINION}.*|{_OPINION}\s*,?\s*{_GENERAL}.*)"
)
_LIMITING = re.compile(r"\d|[≤≥<>*†‡§^#]|\b(?:unless|except|excluding|within|if)\b")


def investigator(words: str, kind: str, terminology: Terminology) -> Reading | None:
    """``Any other condition that, in the opinion of the investigator, …`` as an exclusion."""
    if kind != EXCLUSION or _LIMITING.search(words) or not _INVESTIGATOR.fullmatch(words):
        return None
    return Reading(Leaf(r5.judgement("investigator")))
