"""Chapter 7: what it means that a record says nothing."""

from __future__ import annotations

from tests.spec.criteria import (
    age,
    allergy,
    counted,
    diagnosis,
    exclude,
    exposure,
    gate,
    immunization,
    lasting,
    measured,
    method,
    open_list,
    procedure,
    quantity,
    times,
    within,
)
from tests.spec.model import Chapter, Section, Trial, met, row, rule, unknown, unmet
from tests.spec.record import RXNORM, SNOMED, condition, lab, patient, performed, raw, status_concept, took, vaccinated

NO_STROKE = exclude(within(method(diagnosis("stroke"), "onset"), -6, 0, "mo"))
UNREADABLE = raw("a diagnosis whose code is a string instead of an object", resourceType="Condition", code="stroke")
UNREADABLE_SLE = raw(
    "SLE whose onset is a number instead of a string",
    resourceType="Condition", onsetDateTime=2020, code={"coding": [{"system": SNOMED, "code": "55464009"}]},
    verificationStatus=status_concept("condition-ver-status", "confirmed"),
)
UNREADABLE_ORDER = raw("an order whose drug is a string instead of an object", resourceType="MedicationRequest",
    status="active",
                       intent="order", medicationCodeableConcept=f"{RXNORM}|8640", authoredOn="2026-01-01")

SILENCE = Section(
    "Silence",
    """
That a record does not mention a condition, procedure, exposure, immunization or allergy is no proof that there was
none: the leaf is unknown, `no-record`. **Any** record of the concept breaks the silence; the leaf is then decided by
what is there.
""",
    rules=(
        rule(
            "Silence about a diagnosis",
            "Whatever else is on record.",
            diagnosis("sle"),
            row(unknown("no-record"), why="an empty record"),
            row(unknown("no-record"), condition("stroke", "2020-01-01")),
        ),
        rule(
            "Silence about an excluded diagnosis",
            "Silence clears no exclusion.",
            exclude(diagnosis("stroke")),
            row(unknown("no-record")),
        ),
        rule(
            "Silence about the other kinds",
            "The same for each of them.",
            (
                procedure("coronary-revascularisation"),
                immunization("live-vaccine"),
                exposure("belimumab"),
                allergy("hydroxychloroquine"),
            ),
            row({str(number): unknown("no-record") for number in (1, 2, 3, 4)}),
        ),
        rule(
            "Silence broken by an older event",
            "A record that knows of a stroke in 1999 knows strokes: there was none within six months.",
            NO_STROKE,
            row(met(evidence=1), condition("stroke", "1999-05-05", "1999-06-01")),
            row(met(), condition("stroke", "1999-05-05")),
            row(unknown("no-record")),
        ),
        rule(
            "Silence broken by a denial",
            "Refuted, not done, not taken: one such record is evidence of absence.",
            (
                exclude(diagnosis("stroke")),
                exclude(procedure("coronary-revascularisation")),
                exclude(immunization("live-vaccine")),
                exclude(exposure("belimumab")),
            ),
            row({"1": met(), "2": met(), "3": met(), "4": met()}, condition("stroke", None, verification="refuted"),
                performed("cabg", "2025-01-01", "not-done"), vaccinated("mmr", "2025-01-01", "not-done"),
                took("belimumab", None, status="not-taken")),
        ),
        rule(
            "One drug of a closed list",
            "Fewer than two, and that is evidence.",
            counted(exposure("immunosuppressant"), ">=", 2),
            row(unmet(), took("azathioprine", "2025-01-01")),
            row(unknown("no-record"), took("hydroxychloroquine", "2025-01-01"), why="not of the list: silence"),
        ),
        rule(
            "What does not break it",
            "A record made in error says nothing, nor does a draft or a plan.",
            exclude(diagnosis("stroke")),
            row(unknown("no-record"), condition("stroke", "2020-01-01", verification="entered-in-error")),
        ),
    ),
)

GATES = Section(
    "Gates",
    """
Extension `absence` = `absent` (valueCode; `unknown` is the default) takes silence as the fact being absent, before
any `exclude`; the basis stays `no-record`. It is meant above all for the disease that a cohort is for: each cohort
should have one such gate, or it would list every patient.
""",
    rules=(
        rule(
            "No lupus on record",
            "The patient is then not a candidate for a lupus cohort.",
            gate(diagnosis("sle")),
            row(unmet("no-record"), trial=Trial("ineligible", (0, 0))),
            row(met(), condition("sle", "2020-01-01"), trial=Trial("eligible")),
            row(unmet(), condition("sle", "2020-01-01", verification="refuted")),
            row(unknown("provisional"), condition("sle", "2020-01-01", verification="provisional"),
                why="suspected lupus is not silence"),
            row(unmet("no-record"), condition("sle", "2020-01-01", verification="entered-in-error")),
            row(unmet("no-record"), condition("drug-induced lupus", "2020-01-01")),
        ),
        rule(
            "Under an exclusion",
            "Absent is absent before `exclude`: here silence clears the patient, because the study says so.",
            exclude(gate(diagnosis("stroke"))),
            row(met("no-record"), trial=Trial("eligible")),
            row(unmet(), condition("stroke", "2020-01-01")),
        ),
        rule(
            "With a window",
            "The window limits what counts, not what breaks the silence.",
            gate(within(method(diagnosis("stroke"), "onset"), -6, 0, "mo")),
            row(unmet("no-record")),
            row(unmet("evidence"), condition("stroke", "1999-05-05")),
            row(met(), condition("stroke", "2026-01-05")),
        ),
        rule(
            "A result that need not be there",
            "With the extension silence about a result is taken as its absence, too. Where the criterion names a "
            "window, that is silence in it: a result before it is as none. Without one, a result that is too old has "
            "to be repeated. A preliminary one leaves it open.",
            (
                gate(measured("lvef", quantity("<", 35, "%"))),
                exclude(gate(within(measured("lvef", quantity("<", 35, "%")), -1, 0, "mo"))),
            ),
            row({"1": unmet("no-record"), "2": met("no-record")}),
            row({"1": unknown("stale"), "2": met("no-record")}, lab("lvef", 30, "%", "2025-01-01"), why="too old"),
            row({"1": met(), "2": met("no-record")}, lab("lvef", 30, "%", "2026-01-15"), why="before the window"),
            row({"1": met(), "2": unmet()}, lab("lvef", 30, "%")),
            row({"1": unmet("evidence"), "2": met("evidence")}, lab("lvef", 55, "%")),
            row({"1": unknown("provisional"), "2": unknown("provisional")},
                lab("lvef", 30, "%").but("{}, preliminary", status="preliminary")),
        ),
    ),
)

OPEN_LISTS = Section(
    "Open lists",
    """
A printed list of drugs or diseases that ends in "etc." or begins with "such as" carries extension `open-list` = true.
What is named and there counts; a miss is unknown, basis `open-list`.
""",
    rules=(
        rule(
            "A closed list",
            "A miss is a miss.",
            exposure("biologic"),
            row(met(), took("belimumab", "2025-01-01")),
            row(unmet(), took("belimumab", None, status="not-taken")),
            row(unknown("no-record")),
        ),
        rule(
            "An open list",
            "The same records.",
            open_list(exposure("biologic")),
            row(met(), took("belimumab", "2025-01-01")),
            row(unknown("open-list"), took("belimumab", None, status="not-taken")),
            row(unknown("no-record")),
        ),
        rule(
            "An open list with a window",
            "A drug of the list before the window is a miss, and so unknown.",
            exclude(open_list(within(exposure("biologic"), -6, 0, "mo"))),
            row(unknown("open-list"), took("belimumab", "2020-01-01", "2020-12-31")),
            row(unmet(), took("belimumab", "2025-01-01", "2025-12-31")),
        ),
        rule(
            "An open list that is a gate",
            "Silence is a miss here, not an unknown; and a miss of an open list is unknown.",
            gate(open_list(exposure("biologic"))),
            row(unknown("open-list")),
            row(unknown("open-list"), took("belimumab", None, status="not-taken")),
            row(met(), took("belimumab", "2025-01-01")),
        ),
    ),
)

SOURCES = Section(
    "Records that could not be had",
    """
`no-record` needs to know that the records of this kind were obtained completely. Where the server did not give them,
or not all, or where some could not be read, every negative decision about them is `source-failed`; what was found
still counts. A resource is unreadable where an element of a wrong JSON type hides what it is, whose it is or when it
was.
""",
    rules=(
        rule(
            "Something was unreadable",
            "It might have been the stroke.",
            NO_STROKE,
            row(unknown("source-failed"), UNREADABLE),
            row(unknown("source-failed"), UNREADABLE, condition("stroke", "1999-05-05", "1999-06-01"),
                why="there may be a newer one"),
            row(unmet(), UNREADABLE, condition("stroke", "2026-01-05"), why="what was found counts"),
            row(unknown("no-record"), UNREADABLE_ORDER, why="another kind of record"),
        ),
        rule(
            "A gate",
            "Silence of an incomplete source is not silence.",
            gate(diagnosis("sle")),
            row(unknown("source-failed"), UNREADABLE),
            row(met(), UNREADABLE, condition("sle", "2020-01-01")),
            row(unknown("source-failed"), UNREADABLE_SLE, why="the unreadable record itself is not used"),
        ),
        rule(
            "A source that failed",
            "Everything of this kind is unknown.",
            (gate(diagnosis("sle")), exposure("belimumab")),
            row({"1": unknown("source-failed"), "2": unknown("no-record")}, failed=("Condition",)),
            row({"1": unmet("no-record"), "2": unknown("source-failed")}, failed=("MedicationRequest",)),
            row({"2": unknown("source-failed")}, failed=("MedicationStatement",), why="exposure has four sources"),
            row({"1": met(), "2": met()}, condition("sle", "2020-01-01"), took("belimumab", "2025-01-01"),
                failed=("MedicationAdministration",), why="what was found counts"),
        ),
        rule(
            "Numbers of drugs from a source that failed",
            "Two that were found are two; one may have been more.",
            (
                counted(exposure("immunosuppressant"), ">=", 2),
                counted(exposure("immunosuppressant"), "<=", 1),
                lasting(exposure("immunosuppressant"), ">=", 84, "d"),
            ),
            row({"1": met(), "2": unmet(), "3": met()}, took("azathioprine", "2025-01-01"),
                took("methotrexate", "2025-01-01"),
                failed=("MedicationDispense",)),
            row({"1": unknown("source-failed"), "2": unknown("source-failed"), "3": unknown("source-failed")},
                took("azathioprine", "2026-01-01"), failed=("MedicationDispense",)),
        ),
        rule(
            "Results that could not be had",
            "Results of a failed source are not missing, they were not seen.",
            (measured("alt", times("<=", 3)), age(">=", 18)),
            row({"1": unknown("source-failed"), "2": met()}, patient("1980-01-01"), failed=("Observation",)),
            row({"1": unknown("source-failed")}, raw(
                "a result whose code is a string instead of an object", resourceType="Observation", status="final",
                code="1742-6", effectiveDateTime="2026-02-20"), why="it may have been an ALT"),
        ),
        rule(
            "Results that could not be had, of a window that is not known",
            "Neither are they missing: that nothing was measured can only be said of what was seen. Where silence is "
            "absence, it is so in every window.",
            (
                within(measured("lvef", quantity(">=", 50, "%")), -1, 0, "mo", "infusion"),
                gate(within(measured("lvef", quantity(">=", 50, "%")), -1, 0, "mo", "infusion")),
            ),
            row({"1": unknown("source-failed"), "2": unknown("source-failed")}, failed=("Observation",)),
            row({"1": unknown("missing-data"), "2": unmet("no-record")}),
            row({"1": unknown("anchor-unknown"), "2": unknown("anchor-unknown")}, lab("lvef", 55, "%")),
            row({"1": met(), "2": met()}, lab("lvef", 55, "%"), infusion="2026-03-01"),
        ),
    ),
)

CHAPTER = Chapter(
    "What absence means",
    "A hospital's record is written to treat a patient, not to answer a trial's questions. What it leaves out may "
    "still be so.",
    (SILENCE, GATES, OPEN_LISTS, SOURCES),
)
