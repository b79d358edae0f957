"""From leaves and one patient's context to findings, and what a person's answers make of them.

Leaves are judged here one by one; :mod:`trialmatch.eligibility.program` runs whole sets of studies.
"""

from __future__ import annotations

from collections.abc import Mapping

from trialmatch.eligibility import events, exposures, people, results
from trialmatch.eligibility import truth as t
from trialmatch.eligibility.context import Context, Finding, unknown
from trialmatch.eligibility.criteria import (
    AgeLeaf,
    EventLeaf,
    ExposureLeaf,
    JudgementLeaf,
    Leaf,
    ResultLeaf,
    SexLeaf,
    Study,
    TextLeaf,
)
from trialmatch.eligibility.facts import Attestation


def evaluate(leaf: Leaf, context: Context) -> Finding:
    """Judge one leaf: the truth of its statement before any ``exclude``. No facts are changed, nothing is read."""
    key = ("finding", leaf)  # whose hash is the hash of a whole criterion: few look-ups
    finding: Finding | None = context.memo.get(key)
    if finding is None:
        finding = context.memo[key] = judge(leaf, context)
    return finding


def judge(leaf: Leaf, context: Context) -> Finding:
    """Judge one leaf without remembering the finding."""
    if context.silence is not None:
        silent = context.silence.finding(leaf, context)
        if silent is not None:
            return silent
    return _opened(leaf, _negated(leaf, _evaluate(leaf, context)))


def _evaluate(leaf: Leaf, context: Context) -> Finding:
    if isinstance(leaf, ResultLeaf):
        return results.evaluate(leaf, context)
    if isinstance(leaf, EventLeaf):
        return events.evaluate(leaf, context)
    if isinstance(leaf, ExposureLeaf):
        return exposures.evaluate(leaf, context)
    if isinstance(leaf, AgeLeaf):
        return people.evaluate_age(leaf, context)
    if isinstance(leaf, SexLeaf):
        return people.evaluate_sex(leaf, context)
    if isinstance(leaf, JudgementLeaf):
        return _judgement(leaf, context)
    assert isinstance(leaf, TextLeaf)
    return unknown(t.NOT_COMPUTABLE, (), lambda: "only printed: a person has to read it")


def _negated(leaf: Leaf, finding: Finding) -> Finding:
    """A leaf that asks for there being none states the contrary."""
    return finding._replace(truth=-finding.truth) if getattr(leaf, "negated", False) else finding


def _opened(leaf: Leaf, finding: Finding) -> Finding:
    """A miss on a list that is printed as open is unknown."""
    if finding.truth != t.UNMET or not getattr(leaf, "open_list", False):
        return finding
    return unknown(t.OPEN_LIST, finding.facts, lambda: f"the printed list is open; {finding.note()}")


def _judgement(leaf: JudgementLeaf, context: Context) -> Finding:
    answer = context.judgements.get((leaf.code, leaf.concept))
    if answer is None:
        about = f" ({context.knowledge.label(leaf.concept)})" if leaf.concept else ""
        return unknown(t.JUDGEMENT, (), lambda: f"needs a person: {leaf.label or leaf.code}{about}")
    return attested(answer, t.MET if answer.met else t.UNMET)


def attested(answer: Attestation, truth: int) -> Finding:
    """A finding settled by a person."""
    return Finding(truth, t.ATTESTED, (), lambda: f"attested by {answer.by} on {answer.at_text}")


def settled(study: Study, context: Context, answers: Mapping[str, Attestation]) -> dict[str, Finding]:
    """The findings of a study's leaves by linkId, with a person's answers to them taken in.

    An answer by linkId gives the requirement's status. It settles what is unknown, or known only from silence; it never
    overrides what evidence decides, which is reported as a conflict.
    """
    leaves = study.leaves
    if context.silence is not None:
        findings = context.silence.findings(study, context)
    else:
        findings = {link_id: evaluate(item.leaf, context) for link_id, item in leaves.items() if item.leaf}
    for link_id, item in leaves.items() if answers else ():
        finding = findings[link_id]
        asked = item if link_id in answers else leaves.get(item.same_as or "", item)
        answer = answers.get(asked.link_id)
        if answer is not None:
            negated = asked.exclude != asked.flipped
            truth = (t.MET if answer.met else t.UNMET) * (-1 if negated else 1)
            if finding.truth == t.UNKNOWN or finding.basis in (t.NO_RECORD, t.ATTESTED):
                finding = attested(answer, truth)
            elif finding.truth != truth:
                words = f"{answer.by} attested the opposite on {answer.at_text}; the evidence stands"
                finding = finding._replace(conflict=words)
        findings[link_id] = finding
    return findings
