"""The golden patients of NCT07161193: three for each cohort, their records and what every leaf must be.

``python -m tests.golden.nct07161193`` writes the cases; ``python -m tests.golden.update`` then fills in the wordings.
The leaves are thought out by hand from the record's text, the facts of each patient and the criteria language.
"""

from __future__ import annotations

from tests.golden.cases import write
from tests.golden.nct07161193_patients import PATIENTS, Golden
from tests.situations.autoimmune import COHORTS, NUMBER, STUDY

NO_RECORD, MISSING = "unknown:no-record", "unknown:missing-data"
JUDGEMENT, TEXT = "unknown:judgement", "unknown:not-computable"
MET, UNMET, SILENT = "met:evidence", "unmet:evidence", "met:no-record"
#: the last row of each disease: the treatment before
THERAPY = {
    "SLE": "1.10",
    "IIM": "2.8",
    "SSc": "3.10",
    "Pemphigus": "4.9",
    "Psoriasis": "5.9",
    "RA": "6.9",
    "AAV": "7.10",
}
#: Which diseases' standard therapies the drugs of a fitting patient of each cohort belong to for twelve weeks.
#: Psoriasis is the odd one: glucocorticoids, mycophenolate, hydroxychloroquine and rituximab are not its standard.
ALL = set(COHORTS)
TREATED = {
    "SLE": ALL - {"Psoriasis"},  # hydroxychloroquine: also a DMARD; mycophenolate: the others
    "IIM": ALL,  # prednisone, and methotrexate for psoriasis
    "SSc": ALL - {"Psoriasis", "RA"},  # mycophenolate is no DMARD
    "Pemphigus": ALL - {"Psoriasis"},  # prednisone, rituximab
    "Psoriasis": ALL,  # methotrexate
    "RA": ALL,  # methotrexate
    "AAV": ALL - {"Psoriasis"},  # cyclophosphamide, prednisone
}


def childbearing(prefix: str, person: str) -> dict[str, str]:
    """Not of childbearing potential: a man, or older than 55; nothing of surgery or menopause is on record.

    Nor is a pregnancy; the test of a woman is negative.
    """
    return {
        f"{prefix}.a.1": MET if person == "man" else UNMET,
        f"{prefix}.a.2.a": MET if person == "older woman" else UNMET,
        f"{prefix}.a.2.b": SILENT,
        f"{prefix}.a.3.a.1": "unmet:no-record",
        f"{prefix}.a.3.a.2": "unmet:no-record",
        f"{prefix}.a.3.b.1": SILENT,
        f"{prefix}.a.3.b.2": MET if person == "woman" else SILENT,
    }


def general(number: int, person: str) -> dict[str, str]:
    """Rows 1, 2, 4, 5 and 6 of a disease: the same for every cohort, whether the patient has it or not."""
    return {
        f"{number}.1": MET,
        f"{number}.2": JUDGEMENT,
        f"{number}.4.a": JUDGEMENT,
        **childbearing(f"{number}.4.b.1", person),
        f"{number}.4.b.2": MET if person == "woman" else MISSING,
        f"{number}.5": JUDGEMENT,
        f"{number}.6": JUDGEMENT,
    }


def treatment(cohort: str, row: str, disease: str) -> dict[str, str]:
    """The last row of a disease: twelve weeks of its standard therapy; no intolerance is on record."""
    return {
        f"{row}.a1": MET if disease in TREATED[cohort] else NO_RECORD,
        f"{row}.a2": JUDGEMENT,
        f"{row}.b1": "unmet:no-record",
        f"{row}.b2": JUDGEMENT,
    }


def work_up(prefix: str, cohort: str) -> dict[str, str]:
    """The tests that lupus and systemic sclerosis ask for; in arthritis the antinuclear antibody is among them."""
    done = {"SLE": "abcdefgh", "SSc": "abcdefgh", "RA": "c"}.get(cohort, "")
    return {f"{prefix}.{test}": MET if test in done else MISSING for test in "abcdefgh"}


def particular(cohort: str) -> dict[str, str]:
    """The rows that only one disease has. Measurements of a disease that a patient does not have were never made."""

    def own(name: str, otherwise: str) -> str:
        return MET if name == cohort else otherwise

    lupus, skin, blisters, joints = "SLE", "Psoriasis", "Pemphigus", "RA"
    return {
        **work_up("1.7.a", cohort),
        "1.7.b": own(lupus, MISSING),
        "1.7.c": JUDGEMENT,
        "1.8.a": own(lupus, NO_RECORD),
        "1.8.b1": JUDGEMENT,
        "1.8.b2": TEXT,
        "1.8.c": own(lupus, MISSING),
        "1.9.a": own(lupus, MISSING),
        "1.9.b": own(lupus, MISSING),
        "1.9.c1": UNMET if cohort == lupus else MISSING,  # two B, no A
        "1.9.c2": own(lupus, MISSING),
        "2.7.a": own("IIM", NO_RECORD),
        "2.7.b": JUDGEMENT,
        "3.7.a": JUDGEMENT,
        "3.7.b1": own("SSc", NO_RECORD),
        "3.7.b2": JUDGEMENT,
        **work_up("3.8.a", cohort),
        "3.8.b": JUDGEMENT,
        "3.9.a": own("SSc", NO_RECORD),
        "3.9.b1": JUDGEMENT,
        "3.9.b2": TEXT,
        "4.7.a": JUDGEMENT,
        "4.7.b1": own(blisters, MISSING),
        "4.7.b2": MISSING,
        "4.7.b3": MISSING,
        "4.7.b4": JUDGEMENT,
        "4.8": own(blisters, MISSING),
        "5.7.a": own(skin, NO_RECORD),
        "5.7.b": JUDGEMENT,
        **{f"5.8.{part}": own(skin, MISSING) for part in "abc"},
        **{f"6.7.{part}": own(joints, MISSING) for part in "abce"},
        "6.7.d": MET if cohort in {"SLE", "SSc", "RA"} else MISSING,
        "6.7.f": own(joints, NO_RECORD),
        "6.7.g": JUDGEMENT,
        "6.8.a": own(joints, NO_RECORD),
        "6.8.b1": JUDGEMENT,
        "6.8.b2": TEXT,
        "7.7.a": own("AAV", NO_RECORD),
        "7.7.b": JUDGEMENT,
        "7.8.a": JUDGEMENT,
        "7.8.b1": JUDGEMENT,
        "7.8.b2a": UNMET if cohort == "AAV" else MISSING,  # PR3, not MPO
        "7.8.b2b": own("AAV", MISSING),
        "7.9": JUDGEMENT,
    }


def exclusions(person: str) -> dict[str, str]:
    """The common exclusions: an unremarkable laboratory, and a record that is silent about the past."""
    return {
        "E1": JUDGEMENT,
        "E2.1": MET if person == "man" else UNMET,
        **childbearing("E2.2.a.1", person),
        "E2.2.a.2.1": SILENT,
        "E2.2.a.2.2": MET if person == "woman" else MISSING,
        "E2.2.b.1": MET if person == "man" else UNMET,
        "E2.2.b.2": MET if person == "older woman" else UNMET,
        "E2.2.b.3": NO_RECORD,
        **{"E3.a": NO_RECORD, "E3.b1": SILENT, "E3.b2": TEXT},
        **{"E4.a": NO_RECORD, "E4.b1": SILENT, "E4.b2": JUDGEMENT},
        **{"E5.a1": SILENT, "E5.a2": MET, "E5.b1": NO_RECORD, "E5.b2": JUDGEMENT},
        **{"E6.a": NO_RECORD, "E6.b1": SILENT, "E6.b2": JUDGEMENT},
        **{"E7.a": SILENT, "E7.b": MET, "E7.c": MET, "E7.d": MET},
        **{"E8.a": MET, "E8.b": SILENT},
        **{"E9.a": MET, "E9.b": JUDGEMENT},
        **{"E10.a": NO_RECORD, "E10.b1": SILENT, "E10.b2": JUDGEMENT},
        **{"E11.a": NO_RECORD, "E11.b1a": SILENT, "E11.b1b": SILENT, "E11.b2": TEXT},
        **{"E12.a": NO_RECORD, "E12.b": SILENT, "E12.c": SILENT, "E12.d1": SILENT, "E12.d2": JUDGEMENT},
        **{f"E13.{part}": MET for part in "abcde"},
        "E14": JUDGEMENT,
    }


def leaves(patient: Golden) -> dict[str, str]:
    """Every leaf of a patient: those of one who fits the cohort, and then what is different here."""
    found = {**particular(patient.cohort), **exclusions(patient.person)}
    for disease, number in NUMBER.items():
        has = disease == patient.cohort
        found[f"{disease}.gate"] = MET if has else "unmet:no-record"
        found[f"{number}.3"] = MET if has else NO_RECORD
        found |= general(number, patient.person) | treatment(patient.cohort, THERAPY[disease], disease)
    return {**found, **patient.differs}


if __name__ == "__main__":
    write(STUDY, PATIENTS, leaves)
