"""What the loaded criteria can use of a patient: types of records, and of Observations the codes.

Only that is asked of a hospital (minimum necessary). Types that no criterion looks at are not asked at all.
Observations are asked by code, as hospitals hold thousands of them a patient. All other types are asked whole: they are
few, and a record of theirs that only its words, or a local code, connect with a criterion must be seen, because such a
hint keeps a leaf from being decided without it (criteria language, section 7).

**What a search by code cannot see.** An Observation without a known code is no result of any criterion; where its words
name a concept it is a hint. Hints matter to a result leaf only where there is no coded result at all:

- without ``absence`` = ``absent`` the leaf is unknown either way; its basis is then ``missing-data`` in place of
  ``unusable``, which leaves verdict and rank as they are;
- with it, silence decides the leaf, so that a hint which was not asked for would be missed. The words of such concepts
  are therefore searched for too (``:text``, which finds what begins with them). Where a server cannot do that, the
  source is ``narrowed`` and such a leaf unknown: it never decides more than it would from files.

A site whose words count as results (setting ``text`` = ``accept``) is asked for all Observations, as is one that wants
every hint (``fhir_observations`` = ``all``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trialmatch.eligibility.criteria import (
    AgeLeaf,
    EventLeaf,
    ExposureLeaf,
    Leaf,
    ResultLeaf,
    Study,
)
from trialmatch.eligibility.dates import Window
from trialmatch.eligibility.derived import CREATININE, WEIGHT
from trialmatch.eligibility.facts import RECORD_TYPES
from trialmatch.fhir.patient.records import FACT_TYPES, Records
from trialmatch.terminology.mappings import Terminology
from trialmatch.terminology.systems import ICD10, ICD10CM

#: A code with its system, in the spelling of the mappings.
Code = tuple[str, str]

#: Types whose records may be dated by the encounter that they refer to (``encounter_time`` in fhir/patient/times.py).
_DATED_BY_ENCOUNTER = frozenset(RECORD_TYPES) - {"Patient", "ResearchSubject", "Encounter"}


@dataclass(frozen=True)
class Needs:
    """Types of records (Patient first, in the order of the documents) and codes of Observations.

    ``codes`` None means that Observations cannot be asked by code. ``words``: with what the text of an Observation
    begins that speaks of a concept whose absence decides. Encounters are needed where criteria look at them, and where
    they may date other records. Without arguments: everything.
    """

    types: tuple[str, ...] = FACT_TYPES
    codes: frozenset[Code] | None = None
    words: frozenset[str] = frozenset()

    @classmethod
    def of(cls, studies: Iterable[Study], terminology: Terminology) -> Needs:
        """What the criteria of these studies can use."""
        kinds = {"Patient"}
        concepts: set[str] = set()
        silent: set[str] = set()
        for leaf in _leaves(studies):
            if isinstance(leaf, ResultLeaf):
                kinds.add("Observation")
                concepts |= {*leaf.keys}
                if leaf.absent:
                    silent |= {*leaf.keys}
                if leaf.method == "cockcroft-gault":
                    concepts |= {CREATININE, WEIGHT}
            elif isinstance(leaf, EventLeaf | ExposureLeaf):
                kinds.add(leaf.kind)
                if isinstance(leaf, ExposureLeaf) and leaf.dose is not None:  # doses by body weight
                    kinds.add("Observation")
                    concepts.add(WEIGHT)
        if kinds & _DATED_BY_ENCOUNTER:
            kinds.add("Encounter")
        wanted = {name for kind in kinds for name in RECORD_TYPES[kind]}
        codes = frozenset(terminology.sets.spellings(concepts))
        # the descendants of a code in ICD-10 are too many to name
        nameable = not any(system in (ICD10, ICD10CM) for system, _ in codes)
        words = terminology.names.beginnings(member for one in silent for member in terminology.sets.members(one))
        return cls(tuple(kind for kind in FACT_TYPES if kind in wanted), codes if nameable else None, words)

    def covers(self, other: Needs) -> bool:
        """Whether what is asked for these needs is enough for others."""
        if not {*other.types} <= {*self.types}:
            return False
        if self.codes is None or "Observation" not in other.types:
            return True
        return other.codes is not None and other.codes <= self.codes and other.words <= self.words


def hold(records: Records, needs: Needs) -> None:
    """See that records fetched for other needs decide nothing about these: what was not asked for is not known.

    Studies may have been added between the fetching and the matching.
    """
    asked = records.needs
    if asked is None or asked.covers(needs):
        return
    for kind in needs.types:
        source = records.source(kind)
        if kind not in asked.types:
            source.asked = True
        elif kind == "Observation":
            source.state, source.truncated, source.narrowed = "partial", True, True
        else:
            continue
        source.detail = "asked for other studies than these"


def observed(studies: Iterable[Study]) -> frozenset[str] | None:
    """The concepts and ``system|code`` of Observations that criteria look at; None where they look at all of them."""
    found = {WEIGHT, CREATININE}
    for leaf in _leaves(studies):
        if isinstance(leaf, ResultLeaf):
            found |= {*leaf.keys}
        elif isinstance(leaf, EventLeaf) and leaf.kind == "Observation":
            if leaf.keys is None:
                return None
            found |= {*leaf.keys}
    return frozenset(found)


def _leaves(studies: Iterable[Study]) -> Iterator[Leaf]:
    """All leaves, those included that windows hang on."""
    pending: list[Leaf] = [item.leaf for study in studies for item in study.walk() if item.leaf is not None]
    seen: set[Leaf] = set()
    while pending:
        leaf = pending.pop()
        if leaf in seen:
            continue
        seen.add(leaf)
        yield leaf
        windows: tuple[Window, ...] = getattr(leaf, "windows", ())
        if isinstance(leaf, AgeLeaf):
            windows = (leaf.anchor,)
        for window in windows:
            if isinstance(window.anchor, tuple):
                pending += window.anchor
