"""Code system URIs in one spelling, and the ICD-10 hierarchy."""

from __future__ import annotations

import re

from trialmatch.config import BASE

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
CVX = "http://hl7.org/fhir/sid/cvx"
CONCEPT = f"{BASE}/CodeSystem/concept"
RESULT = f"{BASE}/CodeSystem/result"
JUDGEMENT = f"{BASE}/CodeSystem/judgement"
METHOD = f"{BASE}/CodeSystem/method"
ANCHOR = f"{BASE}/CodeSystem/anchor"
VALUE_SET = f"{BASE}/ValueSet/"

#: Code systems whose codes are all drugs.
DRUG_SYSTEMS = frozenset({RXNORM, ATC, "http://hl7.org/fhir/sid/ndc"})

#: Other spellings met in the wild (HL7 OIDs, https) of the systems above, and Germany's editions of ICD-10 and ATC,
#: which are the WHO's with more codes (``mappings/conceptmaps/icd-10.json`` says what was compared).
_ALIASES = {
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "https://loinc.org": LOINC,
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "https://snomed.info/sct": SNOMED,
    "http://snomed.info": SNOMED,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.12.292": CVX,
    "urn:oid:2.16.840.1.113883.6.73": ATC,
    "https://www.whocc.no/atc": ATC,
    "http://fhir.de/CodeSystem/bfarm/atc": ATC,
    "http://fhir.de/CodeSystem/dimdi/atc": ATC,
    "urn:oid:2.16.840.1.113883.6.3": ICD10,
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm": ICD10,
    "http://fhir.de/CodeSystem/dimdi/icd-10-gm": ICD10,
}


def canonical(system: str) -> str:
    """A code system's URI in the spelling that the mappings use."""
    system = system.rstrip("/")
    if system in _ALIASES:
        return _ALIASES[system]
    if system.startswith(SNOMED + "/"):  # an edition or version of SNOMED CT
        return SNOMED
    return system


#: What may follow an ICD code: marks of aetiology, manifestation and addition, and what they join to it.
_MARKS = re.compile(r"[+*!†\s].*|-+$")


def with_ancestors(system: str, code: str) -> list[str]:
    """A code and, in ICD-10 and ICD-10-CM, all codes above it, nearest first.

    An ICD-10-CM code's children are exactly the valid codes that it is a proper prefix of, from the category (three
    characters) down; a test holds this against the whole classification in ``simple-icd-10-cm``.
    """
    if system not in (ICD10CM, ICD10):
        return [code]
    bare = _MARKS.sub("", code).replace(".", "").upper()
    lengths = range(len(bare), 2, -1)
    return [bare[:3] + ("." + bare[3:length] if length > 3 else "") for length in lengths] or [code]
