"""Codings of criteria: what they name in the mappings, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trialmatch.fhir.study.faults import Faults
from trialmatch.terminology.mappings import Terminology
from trialmatch.terminology.systems import CONCEPT, canonical


@dataclass
class Concepts:
    """Reads codings of criteria; faults go to ``faults``."""

    terminology: Terminology
    faults: Faults

    def codings(self, raw: Any, path: str) -> list[dict[str, Any]]:
        """The codings of a CodeableConcept; none is a fault."""
        entries = raw.get("coding") if isinstance(raw, dict) else None
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
            self.faults.add(f"{path}.coding", "none", "at least one coding")
            return []
        return entries

    def mapped(self, concept: str, path: str) -> bool:
        """Whether a concept has a code set; none is a fault."""
        if concept in self.terminology.sets:
            return True
        self.faults.add(path, f"concept “{concept}” is nowhere mapped", "a concept that has a ValueSet in the mappings")
        return False

    def keys(self, codings: list[dict[str, Any]], path: str, skip: tuple[str, ...] = ()) -> list[str] | None:
        """Concepts and ``system|code`` keys of codings; None where one is not mapped."""
        keys = []
        for position, entry in enumerate(codings):
            system, code = canonical(str(entry.get("system") or "")), entry.get("code")
            here = f"{path}.coding[{position}]"
            if system in skip:
                continue
            if not system or not isinstance(code, str) or not code:
                self.faults.add(here, "no system or no code", f"a code of {CONCEPT} or of a standard code system")
                return None
            if system == CONCEPT:
                if not self.mapped(code, f"{here}.code"):
                    return None
                keys.append(code)
            else:
                keys.append(f"{system}|{code}")
        return keys

    def label(self, codeable: Any, keys: list[str]) -> str:
        """Words for what codings name: the criterion's own, the mappings', or the codes."""
        if isinstance(codeable, dict) and isinstance(codeable.get("text"), str):
            return str(codeable["text"])
        entries = codeable.get("coding", ()) if isinstance(codeable, dict) else ()
        names = {f"{canonical(str(one.get('system', '')))}|{one.get('code')}": one.get("display") for one in entries}
        return " or ".join(dict.fromkeys(names.get(key) or self.terminology.label(key) for key in keys))
