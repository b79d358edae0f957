"""Studies that are refused, and the words that their lines must contain."""

from __future__ import annotations

from tests.spec.criteria import (
    BASE,
    LOINC,
    SNOMED,
    TYPES,
    age,
    all_of,
    amount,
    anchored,
    any_of,
    at_least,
    at_most,
    block,
    coded,
    coding,
    cohort,
    combination,
    concept,
    diagnosis,
    judgement,
    leaf,
    measured,
    method,
    named,
    quantity,
    study,
    times,
    within,
)
from tests.spec.model import Fact, Fault, Finding, Json, met, unknown
from tests.spec.record import alt, condition, patient


def plain(link_id: str = "1") -> Json:
    """A faultless characteristic."""
    return {"description": "ALT ≤ 3 × ULN", **named(link_id, measured("alt", times("<=", 3)))}


def printed(link_id: str, characteristic: Json) -> Json:
    """A characteristic with number and text, so that only the fault in question is one."""
    return {"description": f"Criterion {link_id}", **named(link_id, characteristic)}


def fault(
    title: str,
    text: str,
    *characteristics: Json,
    expect: tuple[tuple[str, ...], ...],
    extra: tuple[Json, ...] = (),
    lenient: bool = False,
    excerpt: Json | list[Json] | None = None,
    findings: dict[str, Finding] | None = None,
    facts: tuple[Fact, ...] = (),
    **more: object,
) -> Fault:
    """A fault case; what is printed of it is its characteristics."""
    shown = excerpt if excerpt is not None else list(characteristics)
    bundle = study(*characteristics, extra=extra, **more)
    return Fault(title, text, bundle, expect, shown, lenient, findings or {}, facts)


def nested(depth: int) -> Json:
    """``depth`` characteristics below each other, the last a leaf."""
    node = plain(str(depth))
    for level in range(depth - 1, 0, -1):
        node = printed(str(level), all_of(node))
    return node


VALUE = "characteristic[0].definitionByTypeAndValue"
TWO = (plain("1.1"), plain("1.2"))
ONLY_ON_TUESDAYS = {"modifierExtension": [{"url": "https://example.org/only-on-tuesdays", "valueBoolean": True}]}
SIX_MONTHS = {"range": {"low": amount(-6, "mo"), "high": amount(0, "mo")}}

FAULTS = (
    fault("A study without faults", "Nothing is reported.", plain(), expect=()),
    fault(
        "Two definitions",
        "A characteristic has one `definition…` element at most.",
        {**plain(), **judgement("consent")},
        expect=(("characteristic[0]", "definitionByTypeAndValue", "definitionCodeableConcept"),),
    ),
    fault(
        "An unknown combination code",
        "`all-of`, `any-of`, `at-least` and `at-most` are known; the other codes of FHIR (`statistical`, "
        "`net-effect`, `dataset`) have no meaning in eligibility.",
        printed("1", combination("bogus", TWO)),
        expect=(("characteristic[0].definitionByCombination.code", "bogus", "all-of"),),
    ),
    *(
        fault(
            f"The combination `{code}`",
            "A code of FHIR's own list that says nothing about eligibility.",
            printed("1", combination(code, TWO)),
            expect=(("characteristic[0].definitionByCombination.code", code),),
        )
        for code in ("statistical", "net-effect", "dataset")
    ),
    fault(
        "A threshold that is missing",
        "`at-least` and `at-most` need a `threshold`.",
        printed("1", combination("at-least", TWO)),
        printed("2", combination("at-most", (plain("2.1"), plain("2.2")))),
        expect=(("characteristic[0].definitionByCombination", "threshold"),
                ("characteristic[1].definitionByCombination", "threshold")),
    ),
    fault(
        "A threshold above the number of members",
        "Three of two can never be reached, and at most three of two says nothing.",
        printed("1", at_least(3, *TWO)),
        printed("2", at_most(3, plain("2.1"), plain("2.2"))),
        expect=(("characteristic[0].definitionByCombination.threshold", "3"),
                ("characteristic[1].definitionByCombination.threshold", "3")),
    ),
    fault(
        "A threshold of the number of members",
        "Two of two is all-of, and no fault.",
        printed("1", at_least(2, *TWO)),
        expect=(),
    ),
    fault(
        "A threshold of zero",
        "FHIR's `positiveInt` starts at one. \"None of these\" is `exclude` on an any-of.",
        printed("1", at_most(0, *TWO)),
        expect=(("characteristic[0].definitionByCombination.threshold", "0"),),
    ),
    fault(
        "A repeated linkId",
        "An attestation or a screening log must be able to name one criterion.",
        plain("I1"),
        plain("I1"),
        expect=(("characteristic[1].linkId", "I1"),),
    ),
    fault(
        "A linkId that repeats in a nested group",
        "The whole tree is searched.",
        plain("I1"),
        printed("I2", any_of(plain("I2.a"), plain("I1"))),
        expect=(("characteristic[1].definitionByCombination.characteristic[1].linkId", "I1"),),
    ),
    fault(
        "A linkId that repeats once a block is taken in",
        "`linkId`s of blocks must be unique after prefixing.",
        printed("1", {"definitionCanonical": f"{BASE}/EvidenceVariable/liver"}),
        plain("1.a"),
        extra=(block("liver", plain("a")),),
        expect=(("linkId", "1.a"),),
    ),
    fault(
        "A linkId that is missing",
        "Every characteristic has one.",
        {"description": "ALT ≤ 3 × ULN", **measured("alt", times("<=", 3))},
        expect=(("characteristic[0]", "linkId"),),
    ),
    fault(
        "A cycle of names",
        "`definitionId` must lead to something that is defined.",
        printed("1", {"definitionId": "2"}),
        printed("2", {"definitionId": "1"}),
        expect=(("definitionId", "cycle"),),
    ),
    fault(
        "A group that names itself",
        "The same from within.",
        printed("1", any_of(plain("1.1"), printed("1.2", {"definitionId": "1"}))),
        expect=(("characteristic[0].definitionByCombination.characteristic[1].definitionId", "cycle"),),
    ),
    fault(
        "A block that takes in itself",
        "Blocks may take in blocks, but not themselves.",
        printed("1", {"definitionCanonical": f"{BASE}/EvidenceVariable/loop"}),
        extra=(block("loop", printed("a", {"definitionCanonical": f"{BASE}/EvidenceVariable/loop"})),),
        expect=(("definitionCanonical", "cycle"),),
    ),
    fault(
        "A block that is nowhere",
        "What is taken in has to be in the study's Bundle or folder.",
        printed("1", {"definitionCanonical": f"{BASE}/EvidenceVariable/nowhere"}),
        expect=(("characteristic[0].definitionCanonical", "nowhere"),),
    ),
    fault(
        "A name that is nowhere",
        "`definitionId` names a `linkId` of the same resource.",
        printed("1", {"definitionId": "nowhere"}),
        expect=(("characteristic[0].definitionId", "nowhere"),),
    ),
    fault(
        "A modifier extension",
        "It may turn the meaning of the characteristic around; what is not understood is refused.",
        {**plain(), "modifierExtension": [{"url": "https://example.org/only-on-tuesdays", "valueBoolean": True}]},
        expect=(("characteristic[0].modifierExtension", "https://example.org/only-on-tuesdays"),),
    ),
    fault(
        "A modifier extension further inside",
        "Wherever it stands: in a definition, a window, the study itself.",
        {**plain(), "definitionByTypeAndValue": {**plain()["definitionByTypeAndValue"], **ONLY_ON_TUESDAYS}},
        printed("2", {"definitionByCombination": {"code": "any-of", "characteristic": [plain("2.1")],
                                                  **ONLY_ON_TUESDAYS}}),
        printed("3", {**diagnosis("stroke"), "timeFromEvent": [{**SIX_MONTHS, **ONLY_ON_TUESDAYS}]}),
        expect=(("ResearchStudy/SPEC-1.modifierExtension", "only-on-tuesdays"),
                (f"{VALUE}.modifierExtension", "only-on-tuesdays"),
                ("characteristic[1].definitionByCombination.modifierExtension", "only-on-tuesdays"),
                ("characteristic[2].timeFromEvent[0].modifierExtension", "only-on-tuesdays")),
        **ONLY_ON_TUESDAYS,
    ),
    fault(
        "A window that holds no day",
        "Negative is before: from six months before to the day itself, not the other way round. Bounds are inclusive.",
        printed("1", within(diagnosis("stroke"), 0, -6, "mo")),
        printed("2", within(diagnosis("stroke"), -30, -1, "d")),
        printed("3", {**diagnosis("stroke"), "timeFromEvent": [{"range": {"low": amount(-6, "mo", ">")}}]}),
        expect=(("characteristic[0].timeFromEvent[0].range", "low is after high"),
                ("characteristic[2].timeFromEvent[0].range.low.comparator", "inclusive")),
    ),
    fault(
        "A unit that is not UCUM",
        "Units are compared by conversion, so they have to be known.",
        printed("1", measured("hemoglobin", quantity(">=", 100, "bananas"))),
        expect=((f"{VALUE}.valueQuantity", "bananas"),),
    ),
    fault(
        "A unit of time that is not one",
        "Windows and durations have units too.",
        printed("1", within(diagnosis("stroke"), -6, 0, "moons")),
        printed("2", {**diagnosis("sle"), "durationQuantity": amount(3, "moons", ">=")}),
        expect=(("characteristic[0].timeFromEvent[0].range", "moons"), ("characteristic[1].durationQuantity", "moons")),
    ),
    fault(
        "A concept that is nowhere mapped",
        "A concept without a value set would never be found in any record.",
        printed("1", diagnosis("unicorn-disease")),
        printed("2", leaf(concept("unicorn-count"), quantity(">=", 1, "1"))),
        expect=(
            (f"{VALUE}.valueCodeableConcept", "unicorn-disease"),
            ("characteristic[1].definitionByTypeAndValue.type", "unicorn-count"),
        ),
    ),
    fault(
        "An unknown type",
        "`type` says what is looked at; another code system or resource type is not looked at.",
        printed("1", leaf(coding("https://example.org/kinds", "mood"), coded(concept("sle")))),
        printed("2", leaf(coding(TYPES, "Device"), coded(concept("sle")))),
        expect=((f"{VALUE}.type", "mood"), ("characteristic[1].definitionByTypeAndValue.type", "Device")),
    ),
    fault(
        "An unknown method, anchor or event",
        "The same holds for what selects among results and dates.",
        printed("1", method(measured("alt", times("<=", 3)), "median")),
        printed("2", anchored(age(">=", 18), "birthday-party")),
        printed("3", {**diagnosis("stroke"), "timeFromEvent": [{"eventId": "nowhere",
            "range": {"low": amount(-6, "mo")}}]}),
        expect=(
            (f"{VALUE}.method", "median"),
            ("characteristic[1].timeFromEvent[0].eventCodeableConcept", "birthday-party"),
            ("characteristic[2].timeFromEvent[0].eventId", "nowhere"),
        ),
    ),
    fault(
        "A cohort outside an any-of",
        "Cohorts are alternatives: they stand under one any-of.",
        printed("1", all_of(
            cohort("sle", printed("1.1", all_of(printed("1.1.1", diagnosis("sle"))))),
            cohort("ra", printed("1.2", all_of(printed("1.2.1", diagnosis("rheumatoid-arthritis"))))),
        )),
        comparisonGroup=[{"linkId": "sle", "name": "SLE"}, {"linkId": "ra", "name": "RA"}],
        expect=(("characteristic[0]", "cohort"),),
    ),
    fault(
        "A cohort that the study does not have",
        "The name of a cohort is the `linkId` of a `comparisonGroup`.",
        printed("1", any_of(cohort("sle", printed("1.1", all_of(printed("1.1.1", diagnosis("sle"))))))),
        comparisonGroup=[{"linkId": "ra", "name": "RA"}],
        expect=(("characteristic[0].definitionByCombination.characteristic[0]", "sle"),),
    ),
    fault(
        "A cohort that is a leaf",
        "A cohort is a group.",
        printed("1", any_of(cohort("sle", printed("1.1", diagnosis("sle"))))),
        comparisonGroup=[{"linkId": "sle", "name": "SLE"}],
        expect=(("characteristic[0].definitionByCombination.characteristic[0]", "cohort"),),
    ),
    fault(
        "64 levels",
        "A study may nest 64 characteristics (a setting).",
        nested(64),
        expect=(),
        excerpt=[printed("1", all_of(printed("2", all_of({"description": "… and so on down to 64"}))))],
    ),
    fault(
        "65 levels",
        "One more is a fault.",
        nested(65),
        expect=(("64",),),
        excerpt=[printed("1", all_of(printed("2", all_of({"description": "… and so on down to 65"}))))],
    ),
    fault(
        "Several faults",
        "All of them are reported, each with its own path.",
        {**plain("1"), **judgement("consent")},
        printed("2", combination("bogus", (plain("2.1"), plain("2.2")))),
        printed("3", at_least(5, plain("3.1"), plain("3.2"))),
        printed("3", measured("hemoglobin", quantity(">=", 100, "bananas"))),
        expect=(
            ("characteristic[0]", "definitionCodeableConcept"),
            ("characteristic[1].definitionByCombination.code", "bogus"),
            ("characteristic[2].definitionByCombination.threshold", "5"),
            ("characteristic[3].linkId", "3"),
            ("characteristic[3].definitionByTypeAndValue.valueQuantity", "bananas"),
        ),
    ),
)

LENIENT = (
    fault(
        "A missing linkId, read leniently",
        "One is made up.",
        {"description": "ALT ≤ 3 × ULN", **measured("alt", times("<=", 3))},
        expect=(),
        lenient=True,
    ),
    fault(
        "Other names, read leniently",
        "FHIR's older system for resource types, and SNOMED CT's code for age.",
        printed("1", leaf(coding("http://hl7.org/fhir/resource-types", "Condition"), coded(concept("sle")))),
        printed("2", leaf(coding(SNOMED, "397669002"), quantity(">=", 18, "a"))),
        expect=(),
        lenient=True,
        facts=(patient("1980-01-01"), condition("sle", "2020-01-01")),
        findings={"1": met(), "2": met()},
    ),
    fault(
        "Other names, read strictly",
        "Without `--lenient` they are unknown types.",
        printed("1", leaf(coding("http://hl7.org/fhir/resource-types", "Condition"), coded(concept("sle")))),
        printed("2", leaf(coding(SNOMED, "397669002"), quantity(">=", 18, "a"))),
        expect=((f"{VALUE}.type", "http://hl7.org/fhir/resource-types"),
                ("characteristic[1].definitionByTypeAndValue.type", "397669002")),
    ),
    fault(
        "A characteristic that cannot be read, read leniently",
        "An unknown type, an unmapped concept or a strange unit costs the characteristic, not the study.",
        printed("1", leaf(coding("https://example.org/kinds", "mood"), coded(concept("sle")))),
        printed("2", diagnosis("unicorn-disease")),
        printed("3", leaf(coding(LOINC, "718-7"), quantity(">=", 100, "bananas"))),
        plain("4"),
        expect=(),
        lenient=True,
        facts=(alt(40),),
        findings={
            "1": unknown("not-computable"),
            "2": unknown("not-computable"),
            "3": unknown("not-computable"),
            "4": met(),
        },
    ),
    *(
        fault(
            f"{title}, read leniently",
            "Refused even so: the structure is ambiguous.",
            *characteristics,
            expect=expected,
            lenient=True,
        )
        for title, characteristics, expected in (
            ("Two definitions", ({**plain(), **judgement("consent")},),
                (("characteristic[0]", "definitionCodeableConcept"),)),
            ("An unknown combination", (printed("1", combination("bogus", TWO)),),
             (("characteristic[0].definitionByCombination.code", "bogus"),)),
            ("A threshold fault", (printed("1", at_least(3, *TWO)),),
             (("characteristic[0].definitionByCombination.threshold", "3"),)),
            ("A threshold that is no valid FHIR", (printed("1", at_least(0, *TWO)),),
             (("characteristic[0].definitionByCombination.threshold", "0"),)),
            ("Two definitions, one of them no valid FHIR",
             ({**plain(), **judgement("consent"), "frequency": "weekly"},),
             (("characteristic[0]", "definitionCodeableConcept"),)),
            ("A repeated linkId", (plain("I1"), plain("I1")), (("characteristic[1].linkId", "I1"),)),
            ("A cycle", (printed("1", {"definitionId": "2"}), printed("2", {"definitionId": "1"})),
                (("definitionId", "cycle"),)),
            ("A modifier extension",
             ({**plain(), "modifierExtension": [{"url": "https://example.org/only-on-tuesdays",
                 "valueBoolean": True}]},),
             (("characteristic[0].modifierExtension",),)),
        )
    ),
)
