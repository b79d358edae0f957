"""The phrases under which criteria name what the mappings know, each only where it can mean nothing else.

Names of the mappings serve to recognise records and take narrower terms along ("atrial fibrillation" for arrhythmia).
A criterion is read only where its phrase names the whole concept, so these are phrases of their own; those that may
mean something else (SLEDAI of unsaid version, PGA, CDAI, BVAS, MMT-8 of unsaid scale) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from trialmatch.registry.wording import spelled, vocabulary


class Measure(NamedTuple):
    """What can be measured: a concept, a unit that its limits convert to, and the phrases that name it.

    ``{score}`` is the unit of scores, which are printed without one; an empty unit allows multiples of normal only.
    """

    concept: str
    unit: str
    phrases: tuple[str, ...]


_MEASURES = (
    Measure("alt", "U/L", ("alanine aminotransferase", "alanine transaminase", "alt", "sgpt", "alat")),
    Measure("ast", "U/L", ("aspartate aminotransferase", "aspartate transaminase", "ast", "sgot", "asat")),
    Measure("bilirubin", "mg/dL", ("total bilirubin", "bilirubin", "tbil", "tbili", "total serum bilirubin")),
    Measure("creatinine", "mg/dL", ("creatinine", "scr")),
    Measure(
        "creatinine-clearance", "mL/min",
        ("creatinine clearance", "creatinine clearance rate", "crcl", "clcr", "estimated creatinine clearance",
         "calculated creatinine clearance"),
    ),
    Measure(
        "egfr-NOT-crcl", "mL/min/{1.73_m2}",
        ("estimated glomerular filtration rate", "egfr", "glomerular filtration rate"),
    ),
    Measure("hemoglobin", "g/L", ("hemoglobin", "haemoglobin", "hb", "hgb")),
    Measure("platelets", "10*9/L", ("platelets", "platelet", "plt", "thrombocytes")),
    Measure(
        "neutrophils", "10*9/L",
        ("absolute neutrophil count", "absolute neutrophil", "neutrophil count", "neutrophils", "neutrophil", "anc"),
    ),
    Measure(
        "wbc", "10*9/L",
        ("white blood cell count", "white blood cells", "white blood cell", "wbc", "leukocytes", "leukocyte count",
         "leucocytes", "white cell count"),
    ),
    Measure(
        "inr", "1",
        ("international normalized ratio", "international normalised ratio", "inr"),
    ),
    Measure("pt", "", ("prothrombin time", "pt")),
    Measure("lvef", "%", ("left ventricular ejection fraction", "lvef", "left ventricle ejection fraction")),
    Measure("spo2", "%", ("spo2",)),
    Measure("crp", "mg/L", ("c-reactive protein", "crp")),
    Measure("esr", "mm/h", ("erythrocyte sedimentation rate", "esr")),
    Measure("ck", "U/L", ("creatine kinase", "creatine phosphokinase", "ck", "cpk")),
    Measure("ldh", "U/L", ("lactate dehydrogenase", "ldh")),
    Measure("hba1c", "%", ("hba1c", "glycated hemoglobin", "glycated haemoglobin", "hemoglobin a1c")),
    Measure("upcr", "g/g", ("urine protein-to-creatinine ratio", "urine protein/creatinine ratio", "upcr",
                            "urine protein to creatinine ratio", "urinary protein-to-creatinine ratio")),
    Measure("igg", "g/L", ("immunoglobulin g", "igg")),
    Measure("body-weight", "kg", ("body weight", "weight")),
    Measure("qtc", "ms", ("qtc", "qtc interval", "corrected qt interval")),
    Measure("sledai-2k", "{score}", ("sledai-2k", "sledai 2k", "sledai-2000", "sledai 2000",
                                     "systemic lupus erythematosus disease activity index 2000")),
    Measure("selena-sledai", "{score}", ("selena-sledai", "selena sledai")),
    Measure("essdai", "{score}", ("essdai", "eular sjogren's syndrome disease activity index",
                                  "eular sjögren's syndrome disease activity index")),
    Measure("das28-esr", "{score}", ("das28-esr", "das28 esr", "das28(esr)", "das 28-esr")),
    Measure("das28-crp-NOT-esr", "{score}", ("das28-crp", "das28 crp", "das28(crp)", "das 28-crp")),
    Measure("pasi", "{score}", ("pasi", "psoriasis area and severity index")),
    Measure("pdai", "{score}", ("pdai", "pemphigus disease area index")),
    Measure("ecog", "{score}", ("ecog", "ecog performance status", "ecog ps", "eastern cooperative oncology group",
                                "eastern cooperative oncology group performance status", "performance status ecog")),
    Measure("karnofsky-NOT-ecog", "{score}", ("karnofsky", "karnofsky performance status", "kps",
                                              "karnofsky performance score", "karnofsky performance scale")),
)  # fmt: skip

#: Tests whose result is positive or negative.
_TESTS: Mapping[str, tuple[str, ...]] = {
    "hiv-test": ("hiv", "hiv antibody", "hiv antibodies", "anti-hiv", "anti-hiv antibody", "hiv serology", "hiv test",
                 "human immunodeficiency virus", "human immunodeficiency virus antibody"),
    "hbsag": ("hbsag", "hepatitis b surface antigen", "hbv surface antigen"),
    "anti-hbc": ("hepatitis b core antibody", "hbcab", "anti-hbc"),
    "hbv-dna": ("hbv dna", "hbv-dna", "hepatitis b virus dna"),
    "anti-hcv": ("hepatitis c antibody", "hcv antibody", "anti-hcv", "hepatitis c virus antibody", "hcv ab"),
    "hcv-rna": ("hcv rna", "hcv-rna", "hepatitis c virus rna"),
    "treponemal-ab": ("treponema pallidum antibody",),
    "ana": ("ana", "antinuclear antibody", "antinuclear antibodies", "anti-nuclear antibody", "ana antibody"),
    "anti-dsdna": ("anti-dsdna", "anti-dsdna antibody", "anti-dsdna antibodies", "anti-double-stranded dna antibody"),
    "anti-ccp": ("anti-ccp", "anti-ccp antibody", "anti-ccp antibodies", "acpa"),
    "rf": ("rheumatoid factor",),
}  # fmt: skip

#: Diseases that stay once they are there: whoever has a record of one has it.
_LIFELONG: Mapping[str, tuple[str, ...]] = {
    "sle": ("systemic lupus erythematosus", "sle"),
    "rheumatoid-arthritis": ("rheumatoid arthritis", "ra"),
    "systemic-sclerosis": ("systemic sclerosis", "ssc"),
    "sjogren": ("sjogren's syndrome", "sjögren's syndrome", "sjogren syndrome", "sjögren syndrome", "sjögren's disease",
                "sjogren's disease"),
    "dermatomyositis": ("dermatomyositis",),
    "polymyositis": ("polymyositis",),
    "inflammatory-myopathy": ("idiopathic inflammatory myopathy", "idiopathic inflammatory myopathies"),
    "inclusion-body-myositis": ("inclusion body myositis",),
    "aav": ("anca-associated vasculitis", "aav"),
    "antiphospholipid-syndrome": ("antiphospholipid syndrome", "antiphospholipid antibody syndrome"),
    "psoriasis": ("psoriasis",),
    "pemphigus": ("pemphigus",),
    "cirrhosis": ("cirrhosis", "liver cirrhosis", "cirrhosis of the liver", "hepatic cirrhosis"),
    "congenital-immunodeficiency": ("congenital immunodeficiency", "primary immunodeficiency",
                                    "congenital immunodeficiency disease", "congenital immunodeficiency diseases"),
    "hiv": ("hiv infection", "human immunodeficiency virus infection", "infection with hiv"),
}  # fmt: skip

#: Diseases that pass: they are read only where their history is asked for.
_PASSING: Mapping[str, tuple[str, ...]] = {
    "myocardial-infarction": ("myocardial infarction",),
    "stroke": ("stroke",),
    "pulmonary-embolism": ("pulmonary embolism",),
    "epilepsy": ("epilepsy",),
    "traumatic-brain-injury": ("traumatic brain injury",),
    "cns-vasculitis": ("central nervous system vasculitis", "cns vasculitis"),
    "aplastic-anemia": ("aplastic anemia", "aplastic anaemia"),
    "anaphylaxis": ("anaphylaxis",),
}

#: Drugs by their ingredient; a single one each.
_DRUGS = vocabulary(
    """
    abatacept adalimumab anifrolumab apremilast avacopan azathioprine baricitinib belimumab cyclophosphamide
    cyclosporine dapsone etanercept fludarabine golimumab guselkumab hydroxychloroquine inebilizumab
    infliximab ixekizumab leflunomide methotrexate mycophenolate obinutuzumab ocrelizumab ofatumumab rituximab
    sarilumab secukinumab sirolimus sulfasalazine tacrolimus telitacicept tocilizumab tofacitinib upadacitinib
    ustekinumab voclosporin
    """
)


def _inverted(table: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {spelled(phrase): concept for concept, phrases in table.items() for phrase in phrases}


MEASURES: Mapping[str, Measure] = {spelled(phrase): one for one in _MEASURES for phrase in one.phrases}
TESTS = _inverted(_TESTS)
LIFELONG = _inverted(_LIFELONG)
PASSING = _inverted(_PASSING)
DRUGS = {drug: drug for drug in _DRUGS}

#: All concepts that are read.
CONCEPTS = frozenset([one.concept for one in _MEASURES] + [*_TESTS, *_LIFELONG, *_PASSING, *_DRUGS])

_ABBREVIATED = re.compile(r"(.+?)\s*[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*(.*)")

#: How cohorts are called after their disease, besides its own names.
_COHORTS = {
    **LIFELONG,
    **{spelled(name): "sjogren" for name in ("dry syndrome", "sjögren", "sjogren")},
    **dict.fromkeys(("inflammatory myopathy", "inflammatory myopathies", "myositis"), "inflammatory-myopathy"),
    "lupus": "sle",
    "scleroderma": "systemic-sclerosis",
}

#: Adjectives of diseases, by their stems: they are part of a cohort's name.
_ADJECTIVES = "relaps refrac recurr modera severe active primar progre idiopa mild resist early treatm"

def named(text: str, phrases: Mapping[str, object]) -> str | None:
    """The phrase that a text is, also with its abbreviation in brackets: ``alanine aminotransferase (alt)``."""
    plain = text.strip(" ,:")
    if plain in phrases:
        return plain
    both = _ABBREVIATED.fullmatch(plain)
    if both is None:
        return None
    outer = " ".join(f"{both[1]} {both[3]}".split())
    long = named(outer, phrases) or named(both[1], phrases) if not both[3] else named(outer, phrases)
    short = named(both[2], phrases) or named(f"{both[2]} {both[3]}".strip(), phrases)
    return long if long and short and phrases[long] == phrases[short] else None


def disease_cohort(text: str) -> str | None:
    """The cohort that a heading names by its disease, with the stems of its adjectives; None where it says more."""
    names = [name for name in _COHORTS if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    if not names:
        return None
    longest = max(names, key=len)
    concepts = {_COHORTS[name] for name in names if name not in longest or name == longest}
    rest = re.sub(rf"(?<!\w){re.escape(longest)}(?!\w)", " ", text)
    words = re.findall(r"[^\W_]+", re.sub(r"\([^()]*\)", " ", rest))
    stems = {word[:6] for word in words} - {"for", "patien", "subjec", "partic", "with", "the", "to", "and", "cohort"}
    if len(concepts) > 1 or not stems <= set(_ADJECTIVES.split()):
        return None
    return " ".join([_COHORTS[longest], *sorted(stems)])
