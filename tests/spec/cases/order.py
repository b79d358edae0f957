"""Chapter 9, last part: in which order trials are listed."""

from __future__ import annotations

from tests.spec.criteria import age, any_of, diagnosis, exclude, judgement, measured, quantity, times
from tests.spec.model import Json, Order, Statuses, numbered
from tests.spec.record import alt, patient

ADULT = age(">=", 18)
LOW_ALT = measured("alt", times("<=", 3))
HIGH_ALT = measured("alt", times(">", 3))
LVEF = measured("lvef", quantity(">=", 50, "%"))
HEMOGLOBIN = measured("hemoglobin", quantity(">=", 100, "g/L"))
CONSENT, PROGNOSIS = judgement("consent"), judgement("prognosis")
NO_STROKE = exclude(diagnosis("stroke"))


def trial(name: str, *criteria: Json) -> tuple[str, tuple[Json, ...]]:
    """A trial of the list."""
    return name, numbered(criteria)


PATIENT = (patient("1980-01-01", "female"), alt(40))

ORDERS: tuple[Order, ...] = (
    Order(
        "By verdict",
        "Eligible before likely before possible before ineligible; a study without criteria comes last.",
        PATIENT,
        (
            trial("T5-eligible", ADULT),
            trial("T4-likely", ADULT, CONSENT),
            trial("T3-possible", ADULT, LVEF),
            trial("T2-ineligible", ADULT, HIGH_ALT),
            ("T1-undetermined", None),
        ),
    ),
    Order(
        "By blocking data gaps",
        "Of two possible trials the one with fewer gaps comes first, however many answers a person still has to give.",
        PATIENT,
        (
            trial("T3-one-gap", LVEF, CONSENT, PROGNOSIS, NO_STROKE),
            trial("T2-two-gaps", LVEF, HEMOGLOBIN, ADULT, LOW_ALT),
        ),
    ),
    Order(
        "By masked gaps",
        "A gap that does not block is none.",
        PATIENT,
        (
            trial("T3-masked", any_of(LOW_ALT, LVEF), HEMOGLOBIN),
            trial("T2-two-gaps", ADULT, LOW_ALT, LVEF, HEMOGLOBIN),
        ),
    ),
    Order(
        "By confirmations",
        "Of two trials with as many gaps the one with fewer answers to give comes first.",
        PATIENT,
        (
            trial("T3-one", CONSENT),
            trial("T2-two", CONSENT, NO_STROKE, ADULT, LOW_ALT),
        ),
    ),
    Order(
        "By confirmations beside a gap",
        "The same among possible trials.",
        PATIENT,
        (
            trial("T3-one", LVEF, CONSENT),
            trial("T2-two", LVEF, CONSENT, NO_STROKE, ADULT),
        ),
    ),
    Order(
        "By criteria met",
        "Then the one of which more is fulfilled already.",
        PATIENT,
        (
            trial("T3-two-met", CONSENT, ADULT, LOW_ALT),
            trial("T2-one-met", CONSENT, ADULT),
        ),
    ),
    Order(
        "By identifier",
        "Then by the study's identifier, so that the order is total and the same every time.",
        PATIENT,
        (
            trial("T1", CONSENT, ADULT),
            trial("T2", CONSENT, ADULT),
            trial("T3", CONSENT, ADULT),
        ),
    ),
)

INACTIVE = Statuses(
    "A study that is not active",
    "Only studies that are `active` (or of `unknown` status) are matched. An imported draft waits until a person has "
    "read and activated it; what is retired is past.",
    (("active", True), ("unknown", True), ("draft", False), ("retired", False)),
)
