"""What matching one patient and prescreening a hospital share: the context that a patient is judged in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from trialmatch.config import Settings
from trialmatch.eligibility.context import Context, Rules
from trialmatch.eligibility.dates import Offset
from trialmatch.eligibility.evaluator import evaluate
from trialmatch.eligibility.facts import Attestation, Facts
from trialmatch.eligibility.silence import Silences
from trialmatch.terminology.mappings import Terminology


def rules_of(settings: Settings) -> Rules:
    """The site's choices that change answers."""
    return Rules(
        validity=Offset(*settings.validity_period),
        leap_birthday=settings.leap_birthday,
        accept_text=settings.text == "accept",
        require_taking=settings.exposure == "taken",
    )


def context_of(
    facts: Facts,
    terminology: Terminology,
    rules: Rules,
    as_of: date,
    *,
    enrolment: date | None = None,
    infusion: date | None = None,
    judgements: Mapping[tuple[str, str | None], Attestation] | None = None,
    silences: Silences | None = None,
) -> Context:
    """The evaluation context of one patient; ``silences`` are shared by patients with the same rules and mappings."""
    context = Context.at(
        facts,
        as_of,
        terminology.knowledge,
        rules,
        enrolment=enrolment,
        infusion=infusion,
        judgements=judgements,
        evaluate=evaluate,
    )
    return context if silences is None else silences.shared(context)


def deceased(context: Context) -> bool:
    """Whether the patient was dead at the as-of date; a date of death after it does not count."""
    person = context.facts.person
    if person.death is not None and context.past(person.death) is None:
        return False
    return person.deceased
