"""The codes the demo hospital uses, and how its laboratories print their results.

Every standard code here stands in the value sets of ``mappings/`` too, which name its source; the few that do not (the
comorbidities) are ICD-10-CM. The generator keeps its own copy, so that a mistake in a mapping shows as a mismatch
instead of being copied into the patients.
"""

from __future__ import annotations

from dataclasses import dataclass

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
LOCAL_SCORE = "urn:local:trial-score"
LOCAL_LAB = "urn:demo-hospital:lab"
"""The hospital's own laboratory codes, which no shipped mapping knows."""

Code = tuple[str, str, str]

CONDITIONS: dict[str, tuple[Code, ...]] = {
    "sle": (
        (SNOMED, "55464009", "Systemic lupus erythematosus (disorder)"),
        (ICD10CM, "M32.10", "Systemic lupus erythematosus, organ or system involvement unspecified"),
    ),
    "sle-icd": ((ICD10CM, "M32.9", "Systemic lupus erythematosus, unspecified"),),
    "drug-induced-lupus": ((ICD10CM, "M32.0", "Drug-induced systemic lupus erythematosus"),),
    "lupus-nephritis": (
        (SNOMED, "68815009", "Systemic lupus erythematosus glomerulonephritis syndrome (disorder)"),
        (ICD10CM, "M32.14", "Glomerular disease in systemic lupus erythematosus"),
    ),
    "rheumatoid-arthritis": ((SNOMED, "239791005", "Seropositive rheumatoid arthritis (disorder)"),),
    "rheumatoid-arthritis-icd": ((ICD10CM, "M06.9", "Rheumatoid arthritis, unspecified"),),
    "systemic-sclerosis": ((SNOMED, "89155008", "Systemic sclerosis"),),
    "ssc-lung": ((ICD10CM, "M34.81", "Systemic sclerosis with lung involvement"),),
    "ild": ((SNOMED, "233703007", "Interstitial lung disease"),),
    "dermatomyositis": ((SNOMED, "396230008", "Dermatomyositis"),),
    "polymyositis": ((ICD10CM, "M33.20", "Polymyositis, organ involvement unspecified"),),
    "gpa": ((SNOMED, "195353004", "Granulomatosis with polyangiitis"),),
    "mpa": ((ICD10CM, "M31.7", "Microscopic polyangiitis"),),
    "sjogren": ((SNOMED, "83901003", "Sjögren's syndrome"),),
    "sjogren-icd": ((ICD10CM, "M35.00", "Sjögren syndrome, unspecified"),),
    "pemphigus": ((ICD10CM, "L10.0", "Pemphigus vulgaris"),),
    "psoriasis": ((SNOMED, "200965009", "Plaque psoriasis"), (ICD10CM, "L40.0", "Psoriasis vulgaris")),
    "gilbert": ((SNOMED, "27503000", "Gilbert's syndrome (disorder)"), (ICD10CM, "E80.4", "Gilbert syndrome")),
    "hepatitis-b-immune": ((SNOMED, "271511000", "Hepatitis B immune (finding)"),),
    "seizure": ((SNOMED, "91175000", "Seizure"),),
    "stroke": (
        (SNOMED, "432504007", "Cerebral infarction (disorder)"),
        (ICD10CM, "I63.9", "Cerebral infarction, unspecified"),
    ),
    "stroke-snomed": ((SNOMED, "230690007", "Cerebrovascular accident (disorder)"),),
    "heart-failure": ((ICD10CM, "I50.9", "Heart failure, unspecified"),),
    "dvt": ((SNOMED, "128053003", "Deep venous thrombosis (disorder)"),),
    "melanoma": ((ICD10CM, "C43.9", "Malignant melanoma of skin, unspecified"),),
    "basal-cell-carcinoma": ((SNOMED, "254701007", "Basal cell carcinoma of skin (disorder)"),),
    "pregnancy": ((SNOMED, "77386006", "Pregnant (finding)"),),
    "mental-disorder": ((SNOMED, "74732009", "Mental disorder (disorder)"),),
    "sepsis": ((SNOMED, "91302008", "Sepsis"),),
    "esrd": ((ICD10CM, "Z99.2", "Dependence on renal dialysis"),),
    "car-t-history": ((ICD10CM, "Z92.850", "Personal history of Chimeric Antigen Receptor T-cell therapy"),),
    "uterus-absent": ((ICD10CM, "Z90.710", "Acquired absence of both cervix and uterus"),),
    "menopause": ((ICD10CM, "Z78.0", "Asymptomatic menopausal state"),),
    "hypertension": ((ICD10CM, "I10", "Essential (primary) hypertension"),),
    "osteoporosis": ((ICD10CM, "M81.0", "Age-related osteoporosis without current pathological fracture"),),
    "iron-deficiency": ((ICD10CM, "D50.9", "Iron deficiency anemia, unspecified"),),
    "vitamin-d-deficiency": ((ICD10CM, "E55.9", "Vitamin D deficiency, unspecified"),),
    "reflux": ((ICD10CM, "K21.9", "Gastro-esophageal reflux disease without esophagitis"),),
    "corneal-transplant": ((ICD10CM, "Z94.7", "Corneal transplant status"),),
}

PROCEDURES: dict[str, Code] = {
    "dialysis": (SNOMED, "302497006", "Hemodialysis (procedure)"),
    "coronary-stent": (SNOMED, "36969009", "Placement of stent in coronary artery (procedure)"),
    "hysterectomy": (SNOMED, "236886002", "Hysterectomy"),
}

DRUGS: dict[str, tuple[Code, ...]] = {
    "prednisone": ((RXNORM, "8640", "Prednisone"), (ATC, "H02AB07", "prednisone")),
    "prednisolone": ((RXNORM, "8638", "prednisolone"), (ATC, "H02AB06", "prednisolone")),
    "methylprednisolone": ((RXNORM, "6902", "Methylprednisolone"), (ATC, "H02AB04", "methylprednisolone")),
    "hydroxychloroquine": ((RXNORM, "5521", "Hydroxychloroquine"), (ATC, "P01BA02", "hydroxychloroquine")),
    "cyclophosphamide": ((RXNORM, "3002", "cyclophosphamide"), (ATC, "L01AA01", "cyclophosphamide")),
    "azathioprine": ((RXNORM, "1256", "Azathioprine"), (ATC, "L04AX01", "azathioprine")),
    "mycophenolate-mofetil": ((RXNORM, "68149", "mycophenolate mofetil"), (ATC, "L04AA06", "mycophenolic acid")),
    "mycophenolic-acid": ((ATC, "L04AA06", "mycophenolic acid"),),
    "methotrexate": ((RXNORM, "6851", "Methotrexate"), (ATC, "L04AX03", "methotrexate")),
    "leflunomide": ((RXNORM, "27169", "leflunomide"), (ATC, "L04AK01", "leflunomide")),
    "tacrolimus": ((ATC, "L04AD02", "tacrolimus"),),
    "cyclosporine": ((RXNORM, "3008", "Cyclosporine"),),
    "belimumab": ((RXNORM, "1092437", "belimumab"), (ATC, "L04AG04", "belimumab")),
    "rituximab": ((RXNORM, "121191", "rituximab"), (ATC, "L01FA01", "rituximab")),
    "tocilizumab": ((ATC, "L04AC07", "tocilizumab"),),
    "adalimumab": ((ATC, "L04AB04", "adalimumab"),),
    "etanercept": ((RXNORM, "214555", "Etanercept"),),
    "upadacitinib": ((ATC, "L04AF03", "upadacitinib"),),
    "sulfasalazine": ((RXNORM, "9524", "Sulfasalazine"),),
    "tisagenlecleucel": ((RXNORM, "1986438", "tisagenlecleucel"), (ATC, "L01XL04", "tisagenlecleucel")),
}

VACCINES: dict[str, Code] = {
    "influenza-live": (CVX, "149", "influenza, intranasal, quadrivalent"),
    "influenza-inactivated": (CVX, "140", "Influenza, injectable, preservative free"),
    "zoster-recombinant": (CVX, "187", "zoster vaccine recombinant"),
    "mmr": (CVX, "03", "measles, mumps and rubella virus vaccine"),
}

NYHA: dict[str, Code] = {
    "I": (SNOMED, "420300004", "New York Heart Association Classification - Class I"),
    "II": (SNOMED, "421704003", "New York Heart Association Classification - Class II"),
    "III": (SNOMED, "420913000", "New York Heart Association Classification - Class III"),
}

RESULTS: dict[str, Code] = {
    "positive": (SNOMED, "10828004", "Positive"),
    "negative": (SNOMED, "260385009", "Negative"),
    "detected": (SNOMED, "260373001", "Detected"),
    "not detected": (SNOMED, "260415000", "Not detected"),
}

FINDINGS: dict[str, Code] = {
    "ana": (LOINC, "8061-4", "Nuclear Ab [Presence] in Serum"),
    "ana-titre": (LOINC, "5048-4", "Nuclear Ab [Titer] in Serum by Immunofluorescence"),
    "hbsag": (LOINC, "5195-3", "Hepatitis B virus surface Ag [Presence] in Serum"),
    "anti-hbc": (LOINC, "13952-7", "Hepatitis B virus core Ab [Presence] in Serum by Immunoassay"),
    "anti-hbs": (LOINC, "22322-2", "Hepatitis B virus surface Ab [Presence] in Serum"),
    "anti-hcv": (LOINC, "16128-1", "Hepatitis C virus Ab [Presence] in Serum"),
    "hiv": (LOINC, "56888-1", "HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma by Immunoassay"),
    "treponemal": (LOINC, "24110-9", "Treponema pallidum Ab [Presence] in Serum by Immunoassay"),
    "hcg-serum": (LOINC, "2118-8", "Choriogonadotropin (pregnancy test) [Presence] in Serum or Plasma"),
    "hcg-urine": (LOINC, "2106-3", "Choriogonadotropin (pregnancy test) [Presence] in Urine"),
}

SCORES: dict[str, Code] = {
    "sledai-2k": (LOCAL_SCORE, "sledai_2k", "SLEDAI-2K total score 0-105"),
    "selena-sledai": (LOCAL_SCORE, "selena_sledai", "SELENA-SLEDAI total score 0-105"),
    "pga-0-3": (LOCAL_SCORE, "pga_0_3", "Physician Global Assessment, 0-3"),
    "bilag2004": (LOCAL_SCORE, "bilag2004", "BILAG-2004 per-system grades A-E"),
    "mrss": (LOCAL_SCORE, "mrss", "modified Rodnan skin score 0-51"),
    "pasi": (LOCAL_SCORE, "pasi", "PASI 0-72"),
    "pdai": (LOCAL_SCORE, "pdai", "PDAI 0-263"),
    "bvas-v3": (LOCAL_SCORE, "bvas_v3", "BVAS v3 0-63"),
    "essdai": (LOCAL_SCORE, "essdai", "ESSDAI 0-123"),
    "das28-esr": (LOCAL_SCORE, "das28_esr", "DAS28-ESR"),
    "sjc66": (LOCAL_SCORE, "sjc66", "swollen joint count, 66 joints"),
    "tjc68": (LOCAL_SCORE, "tjc68", "tender joint count, 68 joints"),
    "mmt8": (LOCAL_SCORE, "mmt8", "MMT-8"),
    "haq-di": (LOCAL_SCORE, "haq_di", "HAQ-DI 0-3"),
    "ecog": (LOINC, "89247-1", "ECOG Performance Status score"),
}


@dataclass(frozen=True)
class Scale:
    """One way of printing an analyte: the value in SI units times ``factor``, rounded to ``decimals``."""

    code: str
    display: str
    unit: str
    loose: str
    """The unit as laboratories without UCUM print it."""
    factor: float = 1.0
    decimals: int = 0


@dataclass(frozen=True)
class Analyte:
    """A quantitative test: what it is called, its scales, and its limits of normal in SI units (women, men)."""

    text: str
    si: Scale
    us: Scale
    women: tuple[float | None, float | None]
    men: tuple[float | None, float | None]


def _same(text: str, scale: Scale, *limits: tuple[float | None, float | None]) -> Analyte:
    return Analyte(text, scale, scale, limits[0], limits[-1])


def _count(text: str, code: str, display: str, low: float, high: float) -> Analyte:
    si = Scale(code, display, "10*9/L", "10^9/L", 1.0, 1)
    return Analyte(text, si, Scale(code, display, "10*3/uL", "K/uL", 1.0, 1), (low, high), (low, high))


ANALYTES: dict[str, Analyte] = {
    "creatinine": Analyte(
        "Creatinine",
        Scale("14682-9", "Creatinine [Moles/volume] in Serum or Plasma", "umol/L", "µmol/l"),
        Scale("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dl", 1 / 88.4, 2),
        (45, 84),
        (59, 104),
    ),
    "bilirubin": Analyte(
        "Bilirubin, total",
        Scale("14631-6", "Bilirubin.total [Moles/volume] in Serum or Plasma", "umol/L", "µmol/l", 1.0, 1),
        Scale("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dl", 1 / 17.1, 2),
        (3, 20.5),
        (3, 20.5),
    ),
    "alt": _same(
        "ALT",
        Scale("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", "U/l"),
        (7, 35),
        (10, 45),
    ),
    "ast": _same(
        "AST",
        Scale("1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", "U/l"),
        (10, 35),
        (10, 40),
    ),
    "hemoglobin": Analyte(
        "Hemoglobin",
        Scale("718-7", "Hemoglobin [Mass/volume] in Blood", "g/L", "g/l"),
        Scale("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", "g/dl", 0.1, 1),
        (120, 155),
        (135, 172),
    ),
    "wbc": _count("Leukocytes", "6690-2", "Leukocytes [#/volume] in Blood by Automated count", 4.0, 10.0),
    "neutrophils": _count("Neutrophils", "751-8", "Neutrophils [#/volume] in Blood by Automated count", 1.8, 7.5),
    "platelets": _count("Platelets", "777-3", "Platelets [#/volume] in Blood by Automated count", 150, 400),
    "crp": Analyte(
        "CRP",
        Scale("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "mg/L", "mg/l", 1.0, 1),
        Scale("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dl", 0.1, 2),
        (None, 5),
        (None, 5),
    ),
    "esr": _same("ESR", Scale("30341-2", "Erythrocyte sedimentation rate", "mm/h", "mm/h"), (None, 20), (None, 15)),
    "c3": Analyte(
        "Complement C3",
        Scale("4485-9", "Complement C3 [Mass/volume] in Serum or Plasma", "g/L", "g/l", 1.0, 2),
        Scale("4485-9", "Complement C3 [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dl", 100, 0),
        (0.9, 1.8),
        (0.9, 1.8),
    ),
    "upcr": Analyte(
        "Protein/creatinine, urine",
        Scale("34366-5", "Protein/Creatinine [Ratio] in Urine", "mg/mmol", "mg/mmol"),
        Scale("2890-2", "Protein/Creatinine [Mass Ratio] in Urine", "mg/g", "mg/g", 1000 / 113, 0),
        (None, 15),
        (None, 15),
    ),
    "anti-dsdna": _same(
        "anti-dsDNA",
        Scale("5130-0", "DNA double strand Ab [Units/volume] in Serum", "[IU]/mL", "IU/ml"),
        (0, 100),
        (0, 100),
    ),
    "ck": _same(
        "Creatine kinase",
        Scale("2157-6", "Creatine kinase [Enzymatic activity/volume] in Serum or Plasma", "U/L", "U/l"),
        (30, 170),
        (40, 190),
    ),
    "anti-pr3": _same(
        "PR3-ANCA", Scale("6968-2", "Proteinase 3 Ab [Units/volume] in Serum", "[IU]/mL", "IU/ml"), (None, 20)
    ),
    "anti-mpo": _same(
        "MPO-ANCA", Scale("6969-0", "Myeloperoxidase Ab [Units/volume] in Serum", "[IU]/mL", "IU/ml"), (None, 20)
    ),
    "anti-ccp": _same(
        "anti-CCP",
        Scale("53027-9", "Cyclic citrullinated peptide Ab [Units/volume] in Serum", "U/mL", "U/ml"),
        (None, 17),
    ),
    "rf": _same(
        "Rheumatoid factor",
        Scale("11572-5", "Rheumatoid factor [Units/volume] in Serum or Plasma", "[IU]/mL", "IU/ml"),
        (None, 14),
    ),
    "hbv-dna": _same(
        "HBV DNA",
        Scale(
            "42595-9",
            "Hepatitis B virus DNA [Units/volume] (viral load) in Serum or Plasma by NAA with probe detection",
            "[IU]/mL",
            "IU/ml",
        ),
        (None, 20),
    ),
    "lvef": _same(
        "LVEF, echocardiography", Scale("8806-2", "Left ventricular Ejection fraction by 2D echo", "%", "%"), (55, 75)
    ),
    "spo2": _same(
        "SpO2", Scale("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", "%"), (94, 100)
    ),
    "weight": Analyte(
        "Body weight",
        Scale("29463-7", "Body weight", "kg", "kg", 1.0, 1),
        Scale("29463-7", "Body weight", "[lb_av]", "lb", 1 / 0.45359237, 0),
        (None, None),
        (None, None),
    ),
    "height": _same("Body height", Scale("8302-2", "Body height", "cm", "cm"), (None, None)),
    "fvc": _same("FVC, % predicted", Scale("19872-1", "FVC measured/predicted", "%", "%"), (80, None)),
    "qtc": _same("QTc", Scale("8636-3", "QT interval corrected", "ms", "ms"), (None, 460), (None, 450)),
}

OXYGEN_FLOW: Code = (LOINC, "3151-8", "Oxygen inhaled")
NYHA_CLASS: Code = (LOINC, "93124-6", "New York Heart Association Functional Classification")
