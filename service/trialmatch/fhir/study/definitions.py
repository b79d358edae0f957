"""``definitionByTypeAndValue`` and ``definitionCodeableConcept`` to leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trialmatch.eligibility import criteria as c
from trialmatch.eligibility.dates import Window
from trialmatch.eligibility.facts import EXPOSURES, NO_ALLERGY, NO_DRUG_ALLERGY
from trialmatch.eligibility.knowledge import NEGATIVE, POSITIVE
from trialmatch.eligibility.units import Units
from trialmatch.eligibility.values import Coding
from trialmatch.eligibility.wording import normal
from trialmatch.fhir.elements import json_type
from trialmatch.fhir.study import limits
from trialmatch.fhir.study.concepts import Concepts
from trialmatch.fhir.study.faults import Faults
from trialmatch.fhir.study.modifiers import Modifiers
from trialmatch.terminology.mappings import Terminology
from trialmatch.terminology.systems import CONCEPT, JUDGEMENT, LOINC, METHOD, RESULT, SNOMED, canonical
from trialmatch.terminology.valuesets import key as concept_key

_TYPES = "http://hl7.org/fhir/fhir-types"
_TYPES_LENIENT = "http://hl7.org/fhir/resource-types"
_EVENTS = (
    "Condition", "Procedure", "Immunization", "AllergyIntolerance",
    "ResearchSubject", "Encounter", "ImagingStudy", "DocumentReference",
)  # fmt: skip
_RECORDS = (*_EVENTS, "MedicationRequest", "Observation")
_AGE, _SEX = (LOINC, "30525-0"), (LOINC, "46098-0")
_AGE_LENIENT = (SNOMED, "397669002")

#: Administrative sex as criteria may code it.
_SEXES = {
    ("http://hl7.org/fhir/administrative-gender", "female"): "female",
    ("http://hl7.org/fhir/administrative-gender", "male"): "male",
    ("http://hl7.org/fhir/administrative-gender", "other"): "other",
    (SNOMED, "248152002"): "female",
    (SNOMED, "248153007"): "male",
    (LOINC, "LA3-6"): "female",
    (LOINC, "LA2-8"): "male",
}

#: Methods whose numbers may be multiples of a limit of normal, or counted from one.
_WITH_LIMIT_OF_NORMAL = ("latest", "any", "all", "max", "min")

_CLEARANCE = {"creatinine-clearance", "creatinine-clearance-cockcroft-gault", "creatinine-clearance-measured"}

#: Words for "any record of this kind".
_ANY_RECORD = {
    "Observation": "any result",
    "Condition": "any diagnosis",
    "Procedure": "any procedure",
    "Immunization": "any immunization",
    "AllergyIntolerance": "any allergy or intolerance",
    "MedicationRequest": "any medication",
    "ResearchSubject": "participation in a study",
    "Encounter": "any encounter",
    "ImagingStudy": "any imaging study",
    "DocumentReference": "any document",
}


@dataclass
class Definitions:
    """Turns definitions into leaves; faults go to ``faults``."""

    terminology: Terminology
    faults: Faults

    def __post_init__(self) -> None:
        self.concepts = Concepts(self.terminology, self.faults)

    @property
    def _units(self) -> Units:
        return self.terminology.knowledge.units

    def judgement(self, raw: Any, path: str) -> c.Leaf | None:
        """A ``definitionCodeableConcept``: a statement that a person judges, perhaps about a concept."""
        codes, concepts = [], []
        for position, entry in enumerate(self.concepts.codings(raw, path)):
            system, code = entry.get("system"), entry.get("code")
            if system == JUDGEMENT and isinstance(code, str):
                codes.append(code)
            elif system == CONCEPT and isinstance(code, str):
                if self.concepts.mapped(code, f"{path}.coding[{position}].code"):
                    concepts.append(code)
            else:
                self.faults.add(f"{path}.coding[{position}]", f"{system}|{code}", f"codes of {JUDGEMENT} and {CONCEPT}")
        if len(codes) != 1 or len(concepts) > 1:
            self.faults.add(
                f"{path}.coding", f"{len(codes)} judgements about {len(concepts)} concepts", "one, about at most one"
            )
            return None
        return c.JudgementLeaf(codes[0], concepts[0] if concepts else None, label=codes[0].replace("-", " "))

    def typed(self, raw: Any, path: str, modifiers: Modifiers) -> c.Leaf | None:
        """A ``definitionByTypeAndValue``."""
        if not isinstance(raw, dict):
            self.faults.add(path, json_type(raw), "an object")
            return None
        codings = self.concepts.codings(raw.get("type"), f"{path}.type")
        pairs = [(canonical(str(entry.get("system", ""))), str(entry.get("code", ""))) for entry in codings]
        values = [key for key in raw if key.startswith("value") and raw[key] is not None]
        if len(values) != 1:
            self.faults.refuse(f"{path}.value[x]", " and ".join(sorted(values)) or "none", "exactly one value[x]")
            return None
        if raw.get("device") is not None:
            self.faults.add(f"{path}.device", "a device", "none: the device of a measurement is not looked at")
            return None
        if _AGE in pairs or (self.faults.lenient and _AGE_LENIENT in pairs):
            return self._age(raw, path, modifiers)
        if _SEX in pairs:
            return self._sex(raw, path)
        kind = self._kind(pairs, f"{path}.type")
        if kind == "":
            return None
        if kind in (None, "Observation"):
            return self._result(raw, path, codings, pairs, values[0], modifiers)
        return self._record(raw, path, str(kind), values[0], modifiers)

    def _kind(self, pairs: list[tuple[str, str]], path: str) -> str | None:
        """The kind of record that a type selects; None for results, an empty string for a fault."""
        systems = (_TYPES, _TYPES_LENIENT) if self.faults.lenient else (_TYPES,)
        kinds = set()
        for system, code in pairs:
            if system in systems:
                if code in _RECORDS:
                    kinds.add(code)
                elif self.faults.lenient and code in EXPOSURES:
                    kinds.add("MedicationRequest")
                else:
                    self.faults.add(f"{path}.coding.code", f"“{code}”", ", ".join(_RECORDS))
                    return ""
        if len(kinds) > 1:
            self.faults.refuse(f"{path}.coding", " and ".join(sorted(kinds)), "one kind of record")
            return ""
        if kinds:
            return kinds.pop()
        if not any(system in (LOINC, CONCEPT) for system, _ in pairs):
            found = ", ".join(f"{system}|{code}" for system, code in pairs) or "no coding"
            self.faults.add(f"{path}.coding", found, f"a code of {_TYPES}, {LOINC} or {CONCEPT}")
            return ""
        return None

    def _age(self, raw: dict[str, Any], path: str, modifiers: Modifiers) -> c.Leaf | None:
        limit = self._number(raw, path)
        modifiers.take("timeFromEvent")
        if limit is None:
            return None
        unit = limit.unit or "a"
        if limit.reference is not None or unit not in ("a", "mo", "wk", "d"):
            self.faults.add(f"{path}.value[x]", f"“{limit.unit or limit.reference}”", "years (a)")
            return None
        return c.AgeLeaf(limit.interval, unit, modifiers.windows[0] if modifiers.windows else Window())

    def _number(self, raw: dict[str, Any], path: str) -> limits.Limit | None:
        if "valueQuantity" in raw:
            return limits.quantity(raw["valueQuantity"], f"{path}.valueQuantity", self._units, self.faults)
        if "valueRange" in raw:
            return limits.range_(raw["valueRange"], f"{path}.valueRange", self._units, self.faults)
        self.faults.add(f"{path}.value[x]", "no number", "valueQuantity or valueRange")
        return None

    def _sex(self, raw: dict[str, Any], path: str) -> c.Leaf | None:
        if "valueCodeableConcept" not in raw:
            self.faults.add(f"{path}.value[x]", "no code", "valueCodeableConcept")
            return None
        sexes = set()
        for entry in self.concepts.codings(raw["valueCodeableConcept"], f"{path}.valueCodeableConcept"):
            sex = _SEXES.get((canonical(str(entry.get("system", ""))), str(entry.get("code"))))
            if sex is None:
                found = f"{entry.get('system')}|{entry.get('code')}"
                self.faults.add(f"{path}.valueCodeableConcept.coding", found, "male or female of administrative-gender")
                return None
            sexes.add(sex)
        return c.SexLeaf(frozenset(sexes)) if sexes else None

    def _values(
        self, raw: dict[str, Any], path: str, value: str, kind: str = "Observation"
    ) -> tuple[tuple[str, ...] | None, str] | None:
        """What a record leaf is about: keys (None: anything of the kind) with words for them; None for a fault."""
        if value == "valueBoolean":
            return None, _ANY_RECORD[kind]
        if value == "valueReference":
            target = raw[value].get("reference") if isinstance(raw[value], dict) else None
            found = concept_key(str(target)).removeprefix("ValueSet/")
            if found not in self.terminology.sets:
                self.faults.add(
                    f"{path}.{value}", f"“{target}” is nowhere mapped", "a ValueSet of the mappings or the study"
                )
                return None
            return (found,), self.terminology.label(found)
        if value != "valueCodeableConcept":
            self.faults.add(
                f"{path}.{value}",
                "a value that is not understood here",
                "valueCodeableConcept, valueReference, valueBoolean",
            )
            return None
        here = f"{path}.{value}"
        keys = self.concepts.keys(self.concepts.codings(raw[value], here), here)
        return (tuple(sorted(set(keys))), self.concepts.label(raw[value], keys)) if keys else None

    def _record(self, raw: dict[str, Any], path: str, kind: str, value: str, modifiers: Modifiers) -> c.Leaf | None:
        method = self._method(raw, path)
        about = self._values(raw, path, value, kind)
        modifiers.take("timeFromEvent", "instances[x]", "extension absence", "extension open-list")
        if method is None or about is None:
            return None
        keys, label = about
        if kind == "AllergyIntolerance" and keys is not None:  # what denies an allergy speaks of it, too
            drugs = all(self.terminology.sets.is_drug(one) for one in keys)
            keys += (NO_ALLERGY, NO_DRUG_ALLERGY) if drugs else (NO_ALLERGY,)
        negated = value == "valueBoolean" and raw[value] is False
        if kind != "MedicationRequest":
            if method not in ("latest", "any", "onset"):
                self.faults.add(f"{path}.method", f"“{method}”", "any, onset")
                return None
            return c.EventLeaf(
                kind, keys, modifiers.windows, method == "onset", modifiers.count, modifiers.absent,
                modifiers.open_list, negated, label=label,
            )  # fmt: skip
        modifiers.take("duration[x]", "extension daily-dose", "extension distinct-by")
        if method not in ("latest", "any"):
            self.faults.add(f"{path}.method", f"“{method}”", "any")
            return None
        duration = modifiers.duration
        return c.ExposureLeaf(
            keys,
            modifiers.windows,
            c.DurationLimit(duration.interval, str(duration.unit)) if duration else None,
            modifiers.count,
            modifiers.distinct_by or "ingredient",
            self._dose(modifiers.dose, path),
            modifiers.absent,
            modifiers.open_list,
            negated,
            label=label,
        )

    def _dose(self, limit: limits.Limit | None, path: str) -> c.DoseLimit | None:
        if limit is None:
            return None
        known = limit.unit is not None and any(
            self._units.conversion(limit.unit, target) is not None for target in ("mg/d", "mg/kg/d")
        )
        if not known:
            found = limit.unit or limit.reference or "no unit"
            self.faults.add(f"{path}: extension daily-dose", f"“{found}”", "mg/d or mg/kg/d")
            return None
        return c.DoseLimit(limit.interval, str(limit.unit))

    def _method(self, raw: dict[str, Any], path: str) -> str | None:
        entries = raw.get("method") or []
        found = set()
        for position, entry in enumerate(entries if isinstance(entries, list) else [entries]):
            for coding in self.concepts.codings(entry, f"{path}.method[{position}]"):
                if coding.get("system") != METHOD or coding.get("code") not in c.METHODS:
                    shown = f"{coding.get('system')}|{coding.get('code')}"
                    self.faults.add(f"{path}.method[{position}].coding", shown, f"{METHOD}: {', '.join(c.METHODS)}")
                    return None
                found.add(str(coding["code"]))
        if len(found) > 1:
            self.faults.add(f"{path}.method", " and ".join(sorted(found)), "one method")
            return None
        return found.pop() if found else "latest"

    def _result(
        self, raw: dict[str, Any], path: str, codings: list[dict[str, Any]], pairs: list[tuple[str, str]], value: str,
        modifiers: Modifiers,
    ) -> c.Leaf | None:  # fmt: skip
        method = self._method(raw, path)
        keys = self.concepts.keys(codings, f"{path}.type", skip=(_TYPES, _TYPES_LENIENT))
        modifiers.take(
            "timeFromEvent", "instances[x]", "extension absence", "extension open-list", "extension validity"
        )
        if method is None or not keys:
            if keys == []:
                self.faults.add(
                    f"{path}.type.coding", "Observation alone", "what is observed: a LOINC code or a concept"
                )
            return None
        test = self._test(raw, path, value, keys)
        if test is None or not self._fits(method, test, keys, f"{path}.method"):
            return None
        negated = value == "valueBoolean" and raw[value] is False
        return c.ResultLeaf(
            tuple(sorted(set(keys))), test, method, modifiers.windows, modifiers.validity, modifiers.count,
            modifiers.absent, modifiers.open_list, negated, label=self.concepts.label(raw.get("type"), keys),
        )  # fmt: skip

    def _fits(self, method: str, test: c.Test, keys: list[str], path: str) -> bool:
        number = isinstance(test, c.QuantityTest)
        if method in ("max", "min", "relative-change", "absolute-change", "cockcroft-gault") and not number:
            self.faults.add(path, f"“{method}” of a result that is no number", "valueQuantity or valueRange")
            return False
        if method == "onset":
            self.faults.add(path, "“onset” of a result", "a method of results: latest, any, all …")
            return False
        if method == "cockcroft-gault" and not set(keys) <= _CLEARANCE:
            self.faults.add(path, f"“{method}” on {', '.join(keys)}", "creatinine-clearance")
            return False
        if isinstance(test, c.QuantityTest) and test.reference is not None and method not in _WITH_LIMIT_OF_NORMAL:
            self.faults.add(path, f"“{method}” with a limit of normal", "latest, any, all, max or min")
            return False
        if isinstance(test, c.QuantityTest) and method == "relative-change" and test.unit not in ("%", "1"):
            self.faults.add(path, f"a relative change in {test.unit}", "% or 1")
            return False
        return True

    def _test(self, raw: dict[str, Any], path: str, value: str, keys: list[str]) -> c.Test | None:
        makers: dict[str, Callable[[], c.Test | None]] = {
            "valueQuantity": lambda: self._quantity_test(raw, path, keys),
            "valueRange": lambda: self._quantity_test(raw, path, keys),
            "valueCodeableConcept": lambda: self._coded_test(raw[value], f"{path}.{value}"),
            "valueReference": lambda: self._set_test(raw, path, value),
            "valueBoolean": c.RecordedTest,
        }
        if value not in makers:
            self.faults.add(f"{path}.{value}", "a value that is not understood here", ", ".join(makers))
            return None
        return makers[value]()

    def _quantity_test(self, raw: dict[str, Any], path: str, keys: list[str]) -> c.Test | None:
        limit = self._number(raw, path)
        if limit is None:
            return None
        reference = self._offset(raw, path)
        if reference == "":
            return None
        if limit.reference is not None:
            if reference is not None:
                self.faults.add(f"{path}.offset", "an offset beside a multiple of a limit of normal", "one of them")
                return None
            return c.QuantityTest(limit.interval, "1", limit.reference)
        if limit.unit is None and not self.terminology.knowledge.analyte(frozenset(keys)).bare:
            self.faults.add(f"{path}.value[x]", "no unit", "a UCUM unit")
            return None
        return c.QuantityTest(limit.interval, limit.unit or "1", reference, additive=reference is not None)

    def _offset(self, raw: dict[str, Any], path: str) -> str | None:
        """The limit of normal that ``offset`` names; an empty string for a fault."""
        if raw.get("offset") is None:
            return None
        found = {entry.get("code") for entry in self.concepts.codings(raw["offset"], f"{path}.offset")}
        if len(found) == 1 and found <= {"UNL", "LNL"}:
            return str(found.pop())
        self.faults.add(f"{path}.offset", ", ".join(map(str, found)) or "no coding", "UNL, LNL")
        return ""

    def _set_test(self, raw: dict[str, Any], path: str, value: str) -> c.Test | None:
        about = self._values(raw, path, value)
        return c.CodedTest(frozenset(about[0]), frozenset()) if about and about[0] else None

    def _coded_test(self, raw: Any, path: str) -> c.Test | None:
        if isinstance(raw, dict) and not raw.get("coding") and isinstance(raw.get("text"), str):
            return c.CodedTest(frozenset(), frozenset({normal(raw["text"])}))
        codings = self.concepts.codings(raw, path)
        polarities = {entry.get("code") for entry in codings if entry.get("system") == RESULT}
        if polarities & {"positive", "negative"}:
            if len(polarities) > 1 or len(codings) > 1:
                self.faults.add(f"{path}.coding", "positive and another answer", "one of them")
                return None
            return c.PolarityTest(polarities.pop() == "positive")
        keys = self.concepts.keys(codings, path)
        if not keys:
            return None
        meant = {self._polarity(key) for key in keys}
        if len(meant) == 1 and meant <= {POSITIVE, NEGATIVE}:
            return c.PolarityTest(meant == {POSITIVE})
        words = {normal(str(entry[name])) for entry in codings for name in ("code", "display") if entry.get(name)}
        for key in keys:
            words |= {normal(name) for name in self.terminology.answers(key)}
        return c.CodedTest(frozenset(keys), frozenset(words - {""}))

    def _polarity(self, key: str) -> str | None:
        """Whether a code that is asked for is an answer such as SNOMED's “Positive”."""
        system, bar, code = key.partition("|")
        return self.terminology.knowledge.polarity(Coding(system, code)) if bar else None
