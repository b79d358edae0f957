"""What trialmatch does, whoever asks: match a patient; ``usecases_start`` loads and checks studies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from trialmatch import attestations, matching
from trialmatch.documents import match_document
from trialmatch.eligibility.context import Context
from trialmatch.eligibility.criteria import JudgementLeaf, Study
from trialmatch.eligibility.dates import end_of
from trialmatch.eligibility.evaluator import settled
from trialmatch.eligibility.facts import Attestation, Facts, Source
from trialmatch.eligibility.outlook import Outlooks
from trialmatch.eligibility.program import Ranking
from trialmatch.eligibility.verdict import INELIGIBLE, Match, conclude
from trialmatch.fhir.patient.facts import facts_of
from trialmatch.fhir.patient.needs import hold
from trialmatch.fhir.patient.records import FACT_TYPES, Records
from trialmatch.fhir.patient.sources import from_bundle, parse
from trialmatch.fhir.study.studies import StudySet, names
from trialmatch.matching import deceased
from trialmatch.usecases.start import Engine, check_studies, study_sources


@dataclass(frozen=True)
class Question:
    """What to match: at which date, against which studies, with which answers of persons.

    ``most`` asks for so many of the best matches only: the others are ranked, but not looked at item by item.
    ``everything`` asks for ineligible studies, too, each with the day from which it may no longer be so.
    ``attestations_place`` is what to name for the answers.
    """

    as_of: date
    study_ids: tuple[str, ...] = ()
    enrolment: date | None = None
    infusion: date | None = None
    attestations: tuple[Attestation, ...] = ()
    everything: bool = False
    most: int | None = None
    attestations_place: str = "attestations"


@dataclass
class Answer:
    """A patient's matches, ranked; ``problems`` are lines for standard error."""

    context: Context
    matches: list[Match]
    studies: StudySet
    mappings: str
    sources: list[Source]
    problems: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every type of record was obtained and read completely."""
        return all(source.state == "complete" for source in self.sources)

    def document(self, now: datetime) -> dict[str, Any]:
        """The match document."""
        return match_document(self.context, self.matches, self.studies.digest, self.mappings, self.sources, now)


def match_patient(engine: Engine, records: Records, patient_id: str, question: Question, place: str) -> Answer:
    """Match one patient's records against studies.

    Raises PatientMissing where ``place`` does not hold the patient, UsageError for unknown studies.
    """
    studies = engine.studies.only(question.study_ids)
    hold(records, engine.needs(question.study_ids))
    facts = facts_of(records, patient_id, engine.terminology, engine.settings, place)
    in_force = attestations.in_force(question.attestations, question.as_of)
    context = context_of(engine, facts, question, in_force)
    problems = list(records.problems)
    unused = _unused(question.attestations, studies.studies, engine.studies)
    problems += [f"{question.attestations_place}: {words}" for words in unused]
    chosen = studies.matchable if question.most is None else _best(studies, context, in_force, question)
    matches = [_match(study, context, in_force) for study in chosen]
    shown = [match for match in matches if question.everything or match.verdict != INELIGIBLE]
    others = sorted(set(records.sources) - set(FACT_TYPES))
    sources = [source for kind in (*FACT_TYPES, *others) if (source := records.source(kind)).asked]
    ranked = sorted(shown, key=lambda match: match.order)[: question.most]
    if question.everything:
        outlooks = _outlooks(engine, facts, question)
        ranked = [replace(match, outlook=outlooks.of(match)) for match in ranked]
    return Answer(context, ranked, studies, engine.terminology.digest, sources, problems)


def _best(studies: StudySet, context: Context, in_force: list[Attestation], question: Question) -> list[Study]:
    """The studies among which the best matches that the question asks for are.

    Those with answers of their own are all among them: the program, which ranks without items, does not know these.
    """
    named = {one.study for one in in_force if one.study is not None}
    own = [study for study in studies.matchable if named & names(study)]
    passed_over = {study.id for study in own}
    ranked = sorted(
        place
        for place in studies.program.rank(context, deceased=deceased(context), remember=True)
        if place.study not in passed_over and (question.everything or place.verdict != INELIGIBLE)
    )
    best = {place.study for place in ranked[: question.most]}
    return own + [study for study in studies.matchable if study.id in best]


def context_of(
    engine: Engine,
    facts: Facts,
    question: Question,
    in_force: Iterable[Attestation] = (),
    *,
    once: bool = False,
) -> Context:
    """The evaluation context of one patient. ``once``: nobody else is asked about on that day."""
    return matching.context_of(
        facts,
        engine.terminology,
        matching.rules_of(engine.settings),
        question.as_of,
        enrolment=question.enrolment,
        infusion=question.infusion,
        judgements=attestations.by_judgement(in_force, None),
        silences=None if once else engine.silences,
    )


def _outlooks(engine: Engine, facts: Facts, question: Question) -> Outlooks:
    """The outlooks of a patient: what is known on the day of the question, as of later days."""
    known = facts.until(end_of(question.as_of))
    given = [one for one in question.attestations if one.at <= question.as_of]

    def context(day: date) -> Context:
        later = replace(question, as_of=day)
        return context_of(engine, known, later, attestations.in_force(given, day), once=True)

    def judged(study: Study, context: Context) -> Match:
        return _match(study, context, attestations.in_force(given, context.as_of))

    return Outlooks(question.as_of, context, judged)


def _match(study: Study, context: Context, in_force: list[Attestation]) -> Match:
    """One study, with the answers that are for it alone."""
    own = names(study)
    special = attestations.by_judgement(in_force, own)
    if special:
        memo = {key: value for key, value in context.memo.items() if not _judged(key)}
        context = replace(context, judgements={**context.judgements, **special}, memo=memo)
    findings = settled(study, context, attestations.by_link_id(in_force, own))
    return conclude(study, findings, deceased(context))


def _judged(key: Any) -> bool:
    return isinstance(key, tuple) and key[0] == "finding" and isinstance(key[1], JudgementLeaf)


def _unused(answers: Iterable[Attestation], studies: Iterable[Study], known: StudySet) -> list[str]:
    """Answers by linkId that no study in play has as a leaf, for studies nobody knows, to what no study asks."""
    answers = list(answers)
    if not answers:
        return []
    leaves = {name: study.leaves for study in studies for name in names(study)}
    loaded = {name for study in known.studies for name in names(study)}
    found = []
    for one in answers:
        if one.study is not None and one.study not in loaded:
            found.append(f"no study {one.study} is loaded; the answer is not used")
        elif one.link_id and one.study in leaves and one.link_id not in leaves[one.study]:
            found.append(f"{one.study} has no single criterion {one.link_id}; the answer is not used")
        elif one.judgement and (one.judgement, one.concept) not in known.judgements:
            asked = f"the judgement {one.judgement}{f' about {one.concept}' if one.concept else ''}"
            found.append(f"no study that is loaded asks for {asked}; the answer is not used")
    return found


def verdicts_from_bundle(engine: Engine, content: bytes, patient_id: str, question: Question) -> list[Ranking]:
    """A patient's ranked verdicts without words: from the bytes of a Bundle, through any number of studies.

    Ineligible studies are left out unless the question asks for everything. Raises BadInput and PatientMissing.
    """
    records = from_bundle(parse(content, "Bundle"), "Bundle")
    facts = facts_of(records, patient_id, engine.terminology, engine.settings, "Bundle")
    context = context_of(engine, facts, question, attestations.in_force(question.attestations, question.as_of))
    found = engine.studies.program.rank(context, deceased=deceased(context))
    return sorted(one for one in found if question.everything or one.verdict != INELIGIBLE)


__all__ = [
    "Answer",
    "Engine",
    "Question",
    "check_studies",
    "context_of",
    "match_patient",
    "study_sources",
    "verdicts_from_bundle",
]
