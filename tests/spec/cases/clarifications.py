"""Where the language or FHIR leaves a choice: the issue, the choice, the reason, and the rules that hold it."""

from __future__ import annotations

from tests.spec.model import Clarification

CLARIFICATIONS: tuple[Clarification, ...] = (
    Clarification(
        "S1",
        "Three values need an order and a negation, and an item under several exclusions needs one reading.",
        "Met is 1, unknown 0, unmet −1; groups are minimum, maximum and k-th largest, negation is the sign. An item's "
        "status is that of the requirement: its truth, turned around for an odd number of exclusions above it.",
        "Met then always means good news, at whatever depth a criterion is printed, and no leaf can contradict its "
        "group.",
        ("all-of", "any-of", "at-least", "at-most", "An exception inside an exclusion", "Members of at-most"),
    ),
    Clarification(
        "S2",
        "Dates come as days, months or years, so \"the latest\" is not always one result.",
        "Times are intervals in the site's local time. Every result that could be the newest is a candidate. If all "
        "of them decide alike, that is the answer; else the leaf is `unusable` where they carry exactly the same "
        "time, and `imprecise` otherwise.",
        "Two results of one tube contradict each other; two results of one month are only not in order. Both have to "
        "be looked at, for different reasons.",
        ("Two values of the same time", "Which one is newer?", "No date at all", "Local dates"),
    ),
    Clarification(
        "S3",
        "An Observation may hold no value and only say why there is none.",
        "It is passed over. Alone it is `missing-data`; it does not hide an older value that is still valid.",
        "A blood sample that was lost is not a result, good or bad, and the one before it still is.",
        ("No value", "Measured at all"),
    ),
    Clarification(
        "S4",
        "A default validity of 90 days would make criteria such as \"ever\" impossible.",
        "It holds for method `latest`, for the latest value of a change, and for the inputs of Cockcroft-Gault. "
        "Methods `any`, `all`, `max`, `min` and `valueBoolean` look at all values, unless the extension `validity` is "
        "on the characteristic; then it is their window. A criterion with a window of its own has no other validity.",
        "The validity asks whether a value still describes the patient; these methods ask about the past.",
        ("Ninety days", "any, without a window", "Validity of any", "Measured at all", "Old inputs"),
    ),
    Clarification(
        "S5",
        "\"1 A or 2 B\" counts components of a panel. Panels are repeated.",
        "With `instancesQuantity` only the newest panel in the window counts, unless the method is `any`; grades that "
        "are single results of one day are a panel too. Other single results count each, also where they were written "
        "down inside a panel of something else (a blood pressure, vital signs).",
        "Two visits with one B each are not two B.",
        (
            "BILAG: one A or two B",
            "Only the newest panel counts",
            "Grades of one day are a panel",
            "Single results are counted each",
            "Single results inside a panel are counted each",
        ),
    ),
    Clarification(
        "S6",
        "A diagnosis without a window, and the records that say that something was not.",
        "Without a window the question is \"ever, up to the as-of date\". Refuted, not done and not taken are "
        "evidence of absence. Draft, plan, proposal, cancelled, `doNotPerform` and entered in error are nothing: they "
        "do not count, and they do not break the silence.",
        "Somebody looked and said no, or nobody looked: only the first tells something of the patient.",
        ("A diagnosis", "Silence broken by a denial", "What does not break it", "Exposures that were not"),
    ),
    Clarification(
        "S7",
        "A source may be incomplete, and still hold what is looked for.",
        "A negative decision about diagnoses, procedures, immunizations, allergies and exposures needs that source to "
        "be complete; a positive one does not. Silence of an incomplete source is `source-failed`, also for a gate.",
        "What is there is there. What is not there may be on the page that did not come.",
        ("Something was unreadable", "A gate", "A source that failed"),
    ),
    Clarification(
        "S8",
        "Three months of treatment: which three?",
        "The calendar months that end on the day after the last covered day. Days are counted with the first and the "
        "last.",
        "From 1 December to the end of February are three months, with 90 days; from 1 June to the end of August "
        "three months are 92.",
        ("Days", "Months"),
    ),
    Clarification(
        "S9",
        "Records in words only, or under a local code that no mapping knows.",
        "Where the words equal a concept's name (a drug's name may be one word among others), the leaf is `unusable`, "
        "with the words as a hint. A setting (`TRIALMATCH_TEXT=accept`) lets them count.",
        "Text is neither proof nor silence, and a coordinator can settle it in a moment once it is shown.",
        ("A record in words only", "Words beside codes", "A code that is not specific", "A drug in words only",
         "A local code"),
    ),
    Clarification(
        "S10",
        "One result may say positive and negative at once, or neither.",
        "A titre above the cut-off that the laboratory flags negative is `unusable`. Equivocal, indeterminate and "
        "weak results are `imprecise`.",
        "The first is an error to be cleared up, the second a result to be repeated.",
        ("Sources that contradict each other", "Flags", "Words"),
    ),
    Clarification(
        "S11",
        "Eye drops and creams hold the same substances as tablets.",
        "Topical, ophthalmic, nasal, inhaled and otic exposures are ignored by every exposure criterion.",
        "Trials speak of systemic treatment, and say so where they do not.",
        ("Not systemic", "Not systemic, and excluded"),
    ),
    Clarification(
        "S12",
        "Doses by body weight need a weight, and orders are often incomplete.",
        "The newest weight counts, whatever its age. An exposure without dose, unit, frequency or weight is "
        "`unusable`.",
        "The dose was chosen by the weight that was on record; an old one is better than none, and no dose is guessed.",
        ("Milligrams per kilogram", "What is missing"),
    ),
    Clarification(
        "S13",
        "Several attestations may speak about one leaf, or too early, or too long ago.",
        "By `linkId` needs the study, or just one in play. `linkId` goes before `judgement`, then the newest `at` "
        "wins. One made after the as-of date, or over before it, is not in force. By `linkId` it also settles a leaf "
        "that silence decided; never one that evidence decided.",
        "A judgement is about the patient on a day, and the more specific statement was made with the criterion in "
        "view.",
        ("Two answers", "From when, until when", "What silence decided", "Evidence", "Another study's criterion"),
    ),
    Clarification(
        "S14",
        "Dates in words, and elements of a wrong type.",
        "A date that cannot be read is `imprecise` where it matters. An element of a wrong JSON type that hides what, "
        "whose or when makes the resource unreadable: it is skipped, named on standard error, its source is "
        "`partial`, and leaves about its code are `source-failed`.",
        "Words mean something to a reader; a number in the place of a date means that the export is broken.",
        ("A partial date of a diagnosis", "A partial date of a procedure", "A result with several flaws",
            "Something was unreadable"),
    ),
    Clarification(
        "S15",
        "A study has a status, and a library of studies holds drafts.",
        "Only studies with status `active` (or `unknown`) are matched; drafts and retired ones are not.",
        "An imported draft has not been read by a person yet.",
        ("A study that is not active",),
    ),
    Clarification(
        "S16",
        "The kind of an item inside a nested exclusion.",
        "An odd number of `exclude`s on it and above it make it an exclusion; an at-most counts as one above its "
        "members. `printed-as` is not inherited.",
        "The kind follows the logic, and the print follows the printed item only.",
        ("Printed as", "Members of at-most", "Members of an excluded at-most"),
    ),
    Clarification(
        "S17",
        "Which leaves are unmet, and which are missing?",
        "`unmet` lists every unmet leaf, and says of each whether it decides; `missing` lists the leaves that block.",
        "A coordinator wants to see what speaks against a patient, and to be asked only for what matters.",
        ("Unmet, and not decisive", "Ineligible", "Masked by a decided group"),
    ),
    Clarification(
        "S18",
        "Scores and order could disagree.",
        "The score follows the order: a trial that stands before another never has a lower score.",
        "Clients that sort by score get the same list.",
        ("By blocking data gaps", "By confirmations", "By criteria met"),
    ),
    Clarification(
        "N1",
        "A criterion with a window, and a result that is older than the window.",
        "With method `latest` the leaf is `stale`: the test has to be repeated. With `all`, nothing in the window is "
        "`missing-data`.",
        "The last value is older than it may be, whoever says how old that is.",
        ("enrolment", "A window of its own", "all"),
    ),
    Clarification(
        "N2",
        "Scores and counts often come without a unit.",
        "A bare number is read as points where the concept is a score. Everywhere else a missing unit is `unusable`.",
        "Points have no other unit; a concentration has many.",
        ("A score needs no unit", "No unit, another unit", "Scales"),
    ),
    Clarification(
        "N3",
        "The sex `unknown`, and none at all.",
        "Both are `missing-data`. Where an answer does not depend on the sex it is given all the same.",
        "The record says that it does not know, which is no more than saying nothing.",
        ("Sex", "Sex not known"),
    ),
    Clarification(
        "N4",
        "`definitionId` may name a characteristic that is itself an exclusion.",
        "What is taken over is its truth after its own `exclude`.",
        "The name stands for the criterion as it is printed, its \"no\" included.",
        ("Naming another characteristic",),
    ),
    Clarification(
        "N5",
        "A condition with a date of recording and no onset.",
        "The onset is any time up to the recording. An active condition overlaps every window that reaches the day of "
        "recording or later; whether it began in a window is `imprecise` unless it was recorded before it.",
        "Diagnoses are often entered long after they began, and never before.",
        ("Recorded, onset not known: overlap", "Recorded, onset not known: beginning"),
    ),
    Clarification(
        "N6",
        "A measured creatinine clearance that is too old, beside inputs that are not.",
        "The clearance is derived. Only a measured value that is still valid goes before the formula.",
        "The formula describes the patient of today, the old urine collection does not.",
        ("Measured",),
    ),
    Clarification(
        "N7",
        "Names inside a block that is taken in elsewhere.",
        "`definitionId` and `eventId` name a `linkId` as it stands in the block.",
        "A block must not depend on where it is used.",
        ("Names inside a block",),
    ),
    Clarification(
        "N8",
        "A criterion may name an answer by a standard code, and laboratories give answers by other codes and in words.",
        "Codes for positive and negative ask for a positive or negative result, however it is said. Codes of grades "
        "that the mappings number ask for the grade: by any code, word or number that means it. Any other answer code "
        "that shares a concept with the one asked for is `unusable`, never another answer.",
        "“Exactly that code” says what is looked at; the class is the same whichever code or word gives it.",
        ("Asked for by the code of the answer", "A class that the criterion names by its code"),
    ),
    Clarification(
        "N9",
        "A record may carry a modifier extension that nobody here knows, or a verification status that is not "
        "understood.",
        "With a modifier extension it neither proves nor refutes: `unusable`. With a verification status that is not "
        "understood it is `provisional`.",
        "Both may say that the record is not what it seems; FHIR forbids to ignore them.",
        ("A record with a modifier extension", "A result with a modifier extension", "Verification of a diagnosis"),
    ),
    Clarification(
        "N10",
        "Periods that say when something began, and periods without an end of what is over.",
        "An `onsetPeriod` with an end is the time in which the condition began. A visit, a participation or an order "
        "that is over, and whose end is not given or still to come, ended on some day since it began.",
        "So FHIR explains `onset[x]`; and what was planned is not what was done.",
        ("A partial date of a diagnosis", "Another study", "An encounter of a kind", "An end that is not known"),
    ),
    Clarification(
        "N11",
        "Two orders of glucocorticoids that are both in force.",
        "Of records of one type that go on side by side each may be the dose, or all of them together; where these "
        "readings decide differently the leaf is `imprecise`.",
        "Split doses come as two orders, and so do orders that somebody forgot to end.",
        ("Two orders side by side", "Two orders side by side, and a limit above"),
    ),
    Clarification(
        "N12",
        "“No known allergy” and its kin are records of allergies that say there is none.",
        "They are evidence of absence for the kind of allergen they name: any, or drugs. Those of food and environment "
        "say nothing that a criterion asks. None of them is an allergy.",
        "A patient without hay fever may well have had anaphylaxis under rituximab.",
        ("No known allergy", "No known allergy, and a code", "No known drug allergy, and no drug"),
    ),
    Clarification(
        "N13",
        "A panel without a value of its own, whose components are several results.",
        "Any component may give the grade or the positive result that is asked for; a negative one needs all of them, "
        "and so does the method `all`. Numbers that do not decide alike are `unusable`.",
        "A test for two viruses is negative when both are.",
        ("A panel of tests", "all, and a panel", "latest, and two values in one panel"),
    ),
    Clarification(
        "N14",
        "A result may be a sentence that there is none.",
        "Words, and a `dataAbsentReason`, that say so go before a flag: such a result is neither positive nor "
        "negative. “No” is an answer only by itself, and words are positive only where nothing beside them denies it.",
        "A rejected sample read as “HIV negative” would be the worst of errors.",
        ("Words for no result",),
    ),
    Clarification(
        "N15",
        "Hospitals outside the United States code diagnoses in ICD-10 or a national edition of it.",
        "ICD-10 and ICD-10-GM count by the codes that were compared, title by title, with ICD-10-CM. Other editions "
        "are silence until a site maps them.",
        "A gate would take a lupus for absent that stands there in the same code.",
        ("ICD-10 and its German edition", "What ICD-10 says otherwise"),
    ),
    Clarification(
        "N16",
        "German diagnoses carry a mark of their certainty as an extension of the code.",
        "It is read as a verification status; against another one that is given the diagnosis is `provisional`.",
        "“Excluded” stands on codes that otherwise look like diagnoses.",
        ("The certainty of a German diagnosis",),
    ),
)
