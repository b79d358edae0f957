"""What everything begins with: the mappings and the studies that the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trialmatch.config import Settings
from trialmatch.fhir.study import studies as study_files
from trialmatch.fhir.study.studies import Definition, StudySet
from trialmatch.garbage import paused
from trialmatch.terminology import mappings
from trialmatch.terminology.mappings import Terminology

if TYPE_CHECKING:  # of no use to who only looks at studies, and long to import
    from trialmatch.eligibility.silence import Silences
    from trialmatch.fhir.patient.needs import Needs

#: Of how many choices of studies an engine remembers what they need.
_REMEMBERED = 256


@dataclass(frozen=True)
class Engine:
    """Settings, mappings and studies, ready to match any number of patients."""

    settings: Settings
    terminology: Terminology
    studies: StudySet
    _needs: dict[tuple[str, ...], Needs] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def start(cls, settings: Settings, *, lenient: bool = False) -> Engine:
        """Read the mappings and the studies that the settings name."""
        with paused():
            return cls.of(study_sources(settings), settings, lenient=lenient)

    @classmethod
    def of(cls, definitions: list[Definition], settings: Settings, *, lenient: bool = False) -> Engine:
        """Read the mappings and compile these studies. Raises FaultyStudy, BadInput."""
        with paused():
            terminology = mappings.load(settings)
            return cls(settings, terminology, study_files.load(definitions, terminology, settings, lenient=lenient))

    @cached_property
    def silences(self) -> Silences:
        """What silence in records comes to, remembered from patient to patient."""
        from trialmatch.eligibility.silence import Silences

        return Silences()

    def needs(self, study_ids: tuple[str, ...] = ()) -> Needs:
        """What of a patient the criteria of some studies (of all, without ids) can use: what to ask a hospital for."""
        found = self._needs.get(study_ids)
        if found is None:
            from trialmatch.fhir.patient.needs import Needs

            found = Needs.of(self.studies.only(study_ids).matchable, self.terminology)
            if len(self._needs) >= _REMEMBERED:  # callers choose the ids
                self._needs.clear()
            self._needs[study_ids] = found
        return found


def study_sources(settings: Settings) -> list[Definition]:
    """The definitions that the settings name: the shipped ones, files, or those of an R5 server.

    Raises BadInput, SourceUnavailable.
    """
    if settings.studies is None:
        return study_files.shipped()
    if settings.studies.startswith(("http://", "https://")):
        from trialmatch.fhir.hospital.server import study_definitions

        return study_definitions(settings.studies, settings)
    return study_files.from_paths([Path(settings.studies)], settings)


def check_studies(paths: Sequence[Path], settings: Settings, *, lenient: bool = False) -> StudySet:
    """Load study files to see whether they are fine; FaultyStudy tells all that is not."""
    with paused():
        terminology = mappings.load(settings)
        return study_files.load(study_files.from_paths(paths, settings), terminology, settings, lenient=lenient)
