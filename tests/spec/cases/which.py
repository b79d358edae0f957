"""Chapter 4, sixth part: which facts count at all."""

from __future__ import annotations

from tests.spec.criteria import (
    POSITIVE,
    diagnosis,
    exclude,
    exposure,
    immunization,
    measured,
    procedure,
    quantity,
    times,
    within,
)
from tests.spec.model import Fact, Section, met, row, rule, unknown, unmet
from tests.spec.record import (
    alt,
    condition,
    dispensed,
    given,
    lab,
    negative,
    ordered,
    performed,
    positive,
    took,
    vaccinated,
)

CERTAINTY = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
CERTAINTIES = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT"


def certain(mark: str, clinical: str | None = "active", verification: str | None = None) -> Fact:
    """A diagnosis in ICD-10-GM with a mark of its certainty."""
    coding = {
        "system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        "code": "M32.1",
        "extension": [{"url": CERTAINTY, "valueCoding": {"system": CERTAINTIES, "code": mark}}],
    }
    fact = condition("sle", "2020-01-01", clinical=clinical, verification=verification)
    return fact.but(f"{{}}, in ICD-10-GM, marked {mark}", code={"coding": [coding]})


LOW_ALT = measured("alt", times("<=", 3))
OTHER = {"reference": "Patient/child"}

MODIFIED = [{"url": "https://hospital.example/not-for-use", "valueBoolean": True}]

RESULTS = Section(
    "Results that count",
    """
Only `final`, `amended` and `corrected` Observations count. `entered-in-error` and `cancelled` ones never do.
`preliminary` and `registered` ones are `provisional`, and only where they would decide otherwise than the final ones.
An Observation about somebody else never counts. The time of a result is its `effective[x]` (of a period, the end),
else `issued`, which is then said. The newest wins; two different values of the same instant conflict. Nothing that is
dated after the as-of date counts.
""",
    rules=(
        rule(
            "A result with a modifier extension",
            "On the Observation or on a part of it.",
            LOW_ALT,
            row(unknown("unusable"), alt(40).but("{}, modified", modifierExtension=MODIFIED)),
            row(unknown("unusable"), alt(40).but("{}, its range modified", referenceRange=[
                {"high": {"value": 40}, "modifierExtension": MODIFIED}])),
        ),
        rule(
            "The status of a result",
            "Final, amended and corrected results.",
            LOW_ALT,
            row(met(), alt(40)),
            row(met(), alt(40).but("{}, amended", status="amended")),
            row(met(), alt(40).but("{}, corrected", status="corrected")),
            row(unknown("missing-data"), alt(40).but("{}, entered-in-error", status="entered-in-error")),
            row(unknown("missing-data"), alt(40).but("{}, cancelled", status="cancelled")),
            row(unknown("provisional"), alt(40).but("{}, preliminary", status="preliminary")),
            row(unknown("provisional"), alt(40).but("{}, registered", status="registered")),
        ),
        rule(
            "A newer preliminary result",
            "It matters where it would decide otherwise.",
            LOW_ALT,
            row(met(), alt(40, "2026-02-10"), alt(48, "2026-02-20").but("{}, preliminary", status="preliminary")),
            row(unknown("provisional"), alt(40, "2026-02-10"),
                alt(200, "2026-02-20").but("{}, preliminary", status="preliminary")),
            row(met(), alt(200, "2026-02-10").but("{}, preliminary", status="preliminary"), alt(40, "2026-02-20"),
                why="the older preliminary one is past"),
            row(unmet(), alt(200, "2026-02-10"), alt(240, "2026-02-20").but("{}, preliminary", status="preliminary")),
        ),
        rule(
            "A corrected version",
            "The newest version of a resource is the resource.",
            LOW_ALT,
            row(met(), alt(200).but("{}, version 1", id="r1", meta={"versionId": "1"}),
                alt(80).but("{}, version 2, amended", id="r1", meta={"versionId": "2"}, status="amended")),
            row(unmet(), alt(80).but("{}, version 1", id="r1", meta={"versionId": "1"}),
                alt(200).but("{}, version 2, amended", id="r1", meta={"versionId": "2"}, status="amended")),
        ),
        rule(
            "Somebody else's result",
            "By `subject`, or by `focus`: the mother's record may hold the child's results.",
            LOW_ALT,
            row(unknown("missing-data"), alt(200).but("{}, subject: another patient", subject=OTHER)),
            row(unknown("missing-data"), alt(200).but("{}, focus: the child", focus=[OTHER])),
            row(met(), alt(40), alt(200, "2026-02-25").but("{}, focus: the child", focus=[OTHER])),
        ),
        rule(
            "The time of a result",
            "`effective` before `issued`; a period by its end.",
            LOW_ALT,
            row(met(mentions="issued"), alt(40, None).but("{}, issued 2026-02-20", issued="2026-02-20T08:00:00Z"),
                why="and the item says so"),
            row(unknown("stale"), alt(40, "2025-11-01").but("{}, issued 2026-02-20", issued="2026-02-20T08:00:00Z")),
            row(met(), alt(40, None).but("ALT 40 U/L (normal to 40), 2025-11-01 to 2026-02-20", effectivePeriod={
                "start": "2025-11-01", "end": "2026-02-20"})),
            row(unknown("stale"), alt(40, None).but("ALT 40 U/L (normal to 40), 2025-10-01 to 2025-11-01",
                effectivePeriod={
                "start": "2025-10-01", "end": "2025-11-01"})),
            row(met(), alt(40, None).but("ALT 40 U/L (normal to 40), at an instant of 2026-02-20",
                                         effectiveInstant="2026-02-20T08:00:00Z")),
        ),
        rule(
            "Two values of the same time",
            "They conflict where they do not decide alike.",
            LOW_ALT,
            row(unknown("unusable"), alt(40, "2026-02-20T08:00:00Z"), alt(200, "2026-02-20T08:00:00Z")),
            row(met(), alt(40, "2026-02-20T08:00:00Z"), alt(80, "2026-02-20T08:00:00Z"),
                why="both at most three times"),
            row(unmet(), alt(160, "2026-02-20T08:00:00Z"), alt(200, "2026-02-20T08:00:00Z")),
            row(met(), alt(200, "2026-02-20T08:00:00Z"), alt(40, "2026-02-20T09:00:00Z"), why="an hour later"),
            row(unknown("unusable"), alt(40, "2026-02-20"), alt(200, "2026-02-20"),
                why="the same day is all that is known"),
        ),
        rule(
            "A newest value that cannot be used",
            "The newest wins, also where it cannot be compared: an older one is not taken in its place.",
            LOW_ALT,
            row(unknown("unusable"), alt(40, "2026-02-10"), alt(40, "2026-02-20", high=None)),
            row(met(), alt(40, "2026-02-10", high=None), alt(40, "2026-02-20")),
        ),
        rule(
            "Which one is newer?",
            "Where the dates do not tell, every candidate for the newest has to decide alike.",
            LOW_ALT,
            row(unknown("imprecise"), alt(40, "2026-02-20"), alt(200, "2026-02-20T08:00:00Z"),
                why="the first may be of any hour"),
            row(unknown("imprecise"), alt(40, "2026-02-10"), alt(200, "2026-02")),
            row(met(), alt(200, "2026-01"), alt(40, "2026-02-10")),
            row(met(), alt(80, "2026-02"), alt(40, "2026-02-10")),
        ),
        rule(
            "No date at all",
            "A result without any date may be of any time, too old or the newest.",
            LOW_ALT,
            row(unknown("imprecise"), alt(40, None)),
            row(unknown("imprecise"), alt(200, None), alt(40, "2026-02-20"), why="it may be the newest"),
            row(met(), alt(60, None), alt(40, "2026-02-20"), why="either way"),
        ),
        rule(
            "After the as-of date",
            "What is dated later is not known yet.",
            LOW_ALT,
            row(met(), alt(40, "2026-02-20"), alt(200, "2026-03-02")),
            row(unmet(), alt(40, "2026-02-20"), alt(200, "2026-03-01")),
            row(unmet(), alt(40, "2026-02-20"), alt(200, "2026-03-02"), as_of="2026-03-02"),
            row(unknown("missing-data"), alt(200, "2026-03-02")),
        ),
    ),
)

EVENTS = Section(
    "Diagnoses, procedures and exposures that count",
    """
A `refuted` Condition never counts: it is evidence of absence. One `entered-in-error` never was. `provisional`,
`differential` and `unconfirmed` diagnoses make the leaf `provisional`.

Procedures, immunizations and exposures that were `not-done` or `not-taken` are evidence of absence. What is `draft`,
`cancelled`, `entered-in-error`, `doNotPerform`, or a mere `proposal` or `plan`, neither counts nor says anything.

An order counts as exposure from its date on, where its intent is `order` or finer and it is active, completed,
stopped or on hold: many hospitals record nothing else. A site that records taking can require it by a setting; orders
alone are then `provisional`. A statement that is only `intended` is `provisional`.
""",
    rules=(
        rule(
            "Verification of a diagnosis",
            "What was thought of is not what was found.",
            diagnosis("sle"),
            row(met(), condition("sle", "2020-01-01")),
            row(unmet(), condition("sle", "2020-01-01", verification="refuted"), why="evidence of absence"),
            row(unknown("no-record"), condition("sle", "2020-01-01", verification="entered-in-error")),
            row(unknown("provisional"), condition("sle", "2020-01-01", verification="provisional")),
            row(unknown("provisional"), condition("sle", "2020-01-01", verification="differential")),
            row(unknown("provisional"), condition("sle", "2020-01-01", verification="unconfirmed")),
            row(met(), condition("sle", "2020-01-01", verification="provisional"), condition("sle", "2020-03-01"),
                why="confirmed since"),
            row(unknown("provisional"), condition("sle", "2020-01-01", verification=None).but(
                "{}, verification “suspected” in words", verificationStatus={"text": "suspected"}),
                why="what is not understood confirms nothing"),
            row(met(), condition("sle", "2020-01-01", verification=None).but(
                "{}, verification “Confirmed” in words", verificationStatus={"text": "Confirmed"})),
        ),
        rule(
            "The certainty of a German diagnosis",
            "Germany marks its codes: A excluded, V suspected, G certain, Z state after it. The mark says the same as "
            "`verificationStatus` and `clinicalStatus`; where they contradict each other nothing is certain.",
            within(diagnosis("sle"), 0, 0, "d"),
            row(met(), certain("G")),
            row(unmet(), certain("A"), why="evidence of absence"),
            row(unknown("provisional"), certain("V")),
            row(unmet(), certain("Z", clinical=None), why="it is over"),
            row(unknown("provisional"), certain("A", verification="confirmed")),
        ),
        rule(
            "A record with a modifier extension",
            "A modifier extension may turn the meaning of its record around, and none is known: the record neither "
            "proves nor refutes.",
            diagnosis("sle"),
            row(unknown("unusable"), condition("sle", "2020-01-01").but("{}, modified", modifierExtension=MODIFIED)),
            row(unknown("unusable"), condition("sle", "2020-01-01", verification="refuted").but(
                "{}, modified", modifierExtension=MODIFIED)),
            row(met(), condition("sle", "2020-01-01").but("{}, modified", modifierExtension=MODIFIED),
                condition("sle", "2021-01-01"), why="the other one proves it"),
        ),
        rule(
            "Verification under an exclusion",
            "A provisional diagnosis does not exclude, and does not clear either.",
            exclude(diagnosis("stroke")),
            row(unmet(), condition("stroke", "2020-01-01")),
            row(met(), condition("stroke", "2020-01-01", verification="refuted")),
            row(unknown("provisional"), condition("stroke", "2020-01-01", verification="provisional")),
        ),
        rule(
            "Procedures that were not done",
            "One record that it was not done is evidence of absence.",
            procedure("coronary-revascularisation"),
            row(met(), performed("cabg", "2019-05-05")),
            row(unmet(), performed("cabg", "2019-05-05", "not-done")),
            row(unknown("no-record"), performed("cabg", "2019-05-05", "entered-in-error")),
            row(unknown("no-record"), performed("cabg", "2026-02-05", "preparation"), why="planned only"),
            row(met(), performed("cabg", "2026-02-05", "in-progress")),
            row(met(), performed("cabg", "2026-02-05", "stopped"), why="begun"),
        ),
        rule(
            "Immunizations that were not done",
            "The same.",
            exclude(immunization("live-vaccine")),
            row(unmet(), vaccinated("mmr", "2026-02-05")),
            row(met(), vaccinated("mmr", "2026-02-05", "not-done")),
            row(unknown("no-record"), vaccinated("mmr", "2026-02-05", "entered-in-error")),
        ),
        rule(
            "Exposures that were not",
            "A statement of not taking is evidence of absence; a draft is nothing.",
            exposure("belimumab"),
            row(unmet(), took("belimumab", "2025-01-01", status="not-taken")),
            row(unmet(), given("belimumab", "2026-01-10", "not-done")),
            row(unknown("provisional"), took("belimumab", "2026-02-01", status="intended")),
            row(unknown("no-record"), took("belimumab", "2025-01-01", status="entered-in-error")),
            row(unknown("no-record"), ordered("belimumab", "2026-01-10", "draft")),
            row(unknown("no-record"), ordered("belimumab", "2026-01-10", "cancelled")),
            row(unknown("no-record"), ordered("belimumab", "2026-01-10", "entered-in-error")),
            row(unknown("no-record"), ordered("belimumab", "2026-01-10", intent="proposal")),
            row(unknown("no-record"), ordered("belimumab", "2026-01-10", intent="plan")),
            row(unknown("provisional"), ordered("belimumab", "2026-01-10", intent="plan", reportedBoolean=True),
                why="so US Core writes what a patient reports to take: no mere plan, and not certain"),
            row(unknown("no-record"), ordered("belimumab", "2026-01-10", doNotPerform=True)),
            row(unknown("no-record"), dispensed("belimumab", "2026-01-10", 28, "cancelled")),
        ),
        rule(
            "Orders",
            "An order is exposure from its date on, whatever has become of it since.",
            exposure("belimumab"),
            row(met(), ordered("belimumab", "2026-01-10")),
            row(met(), ordered("belimumab", "2026-01-10", "completed")),
            row(met(), ordered("belimumab", "2026-01-10", "stopped")),
            row(met(), ordered("belimumab", "2026-01-10", "on-hold")),
            row(met(), ordered("belimumab", "2026-01-10", intent="original-order")),
            row(met(), ordered("belimumab", "2026-01-10", intent="reflex-order")),
            row(met(), ordered("belimumab", "2026-01-10", intent="filler-order")),
            row(met(), ordered("belimumab", "2026-01-10", intent="instance-order")),
            row(unknown("no-record"), ordered("belimumab", "2026-03-02"), why="ordered after the as-of date"),
        ),
        rule(
            "Where taking has to be on record",
            "With the setting, orders alone are provisional.",
            exposure("belimumab"),
            row(unknown("provisional"), ordered("belimumab", "2026-01-10")),
            row(met(), ordered("belimumab", "2026-01-10"), given("belimumab", "2026-01-12")),
            row(met(), took("belimumab", "2026-01-12")),
            settings={"exposure": "taken"},
        ),
        rule(
            "Missing is not negative, in both directions",
            "A test that was never made neither includes nor excludes anybody.",
            (measured("lvef", quantity(">=", 50, "%")), exclude(measured("hbsag", POSITIVE))),
            row({"1": unknown("missing-data"), "2": unknown("missing-data")}),
            row({"1": met(), "2": met()}, lab("lvef", 55, "%"), negative("hbsag")),
            row({"1": unmet(), "2": unmet()}, lab("lvef", 45, "%"), positive("hbsag")),
        ),
    ),
)
