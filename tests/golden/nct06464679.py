"""The golden patients of NCT06464679: three for each cohort, their records and what every leaf must be.

``python -m tests.golden.nct06464679`` writes the cases; ``python -m tests.golden.update`` then fills in the wordings.
The leaves are thought out by hand from the record's text, the facts of each patient and the criteria language.
"""

from __future__ import annotations

from tests.golden.cases import write
from tests.golden.nct06464679_patients import MET, MISSING, PATIENTS, UNMET, Golden
from tests.situations.nk_cells import STUDY

NO_RECORD, JUDGEMENT, ANCHOR = "unknown:no-record", "unknown:judgement", "unknown:anchor-unknown"
#: what silence comes to where it counts as absence: a requirement that holds, or one that does not
SILENT, ABSENT = "met:no-record", "unmet:no-record"
#: the rows of treatment before, alike for three diseases
ROUTINE = ("pSS3", "SSc3", "IIM4")


def childbearing(prefix: str, man: bool) -> dict[str, str]:
    """Not of childbearing potential: a man; a woman of 39 of whom no hysterectomy or menopause is on record is.

    Nor is a pregnancy, and her test is negative.
    """
    return {
        f"{prefix}.a.1": MET if man else UNMET,
        f"{prefix}.a.2.a": UNMET,
        f"{prefix}.a.2.b": SILENT,
        f"{prefix}.a.3.a.1": ABSENT,
        f"{prefix}.a.3.a.2": ABSENT,
        f"{prefix}.a.3.b.1": SILENT,
        f"{prefix}.a.3.b.2": SILENT if man else MET,
    }


def common(man: bool) -> dict[str, str]:
    """The common inclusions: an unremarkable laboratory; silence about colony-stimulating factors and Gilbert."""
    return {
        "C1": MET,
        **{
            "C2.1a": MET,
            "C2.1b.a": MET,
            "C2.1b.b.1": NO_RECORD,
            "C2.1b.b.2.1": ABSENT,
            "C2.1b.b.2.2": JUDGEMENT,
            "C2.1c": MET,
        },
        **{"C2.2a.a": MET, "C2.2a.b.1": MET, "C2.2a.b.2": JUDGEMENT},
        **{"C2.2b.a": MET, "C2.2b.b.1": MET, "C2.2b.b.2": JUDGEMENT},
        **{"C2.2c.a": MET, "C2.2c.b.1": MET, "C2.2c.b.2": NO_RECORD, "C2.2c.c.1": MET, "C2.2c.c.2": JUDGEMENT},
        **{"C2.3": MET, "C2.4a": MET, "C2.4b": MET, "C2.5": JUDGEMENT},
        "C3.a": JUDGEMENT,
        **childbearing("C3.b.1", man),
        "C3.b.2": MISSING if man else MET,
        **{"C3.c.a.1": MET if man else UNMET, "C3.c.a.2": UNMET, "C3.c.a.3": NO_RECORD},
        "C4": JUDGEMENT,
    }


def exclusions(man: bool) -> dict[str, str]:
    """The common exclusions: negative serology, and a record that is silent about the past."""
    return {
        **{"E1.a": SILENT, "E1.b": SILENT, "E1.c": JUDGEMENT},
        **{"E2.a1": SILENT, "E2.a2": JUDGEMENT, "E2.b1": NO_RECORD, "E2.b2": ABSENT},
        **{"E3.a": SILENT, "E3.b1": SILENT, "E3.b2": JUDGEMENT, "E3.c1": NO_RECORD, "E3.c2": ABSENT},
        **{"E4.a": SILENT, "E4.b1": SILENT, "E4.b2": JUDGEMENT, "E4.c1": NO_RECORD, "E4.c2": ABSENT},
        "E5": NO_RECORD,
        **{"E6.a": SILENT, "E6.b": SILENT, "E6.c1": SILENT, "E6.c2": JUDGEMENT, "E6.d1": SILENT, "E6.d2": JUDGEMENT},
        **{"E6.e1": NO_RECORD, "E6.e2": ABSENT},
        "E7": NO_RECORD,
        **{"E8.a.a.1": MET, "E8.a.a.2": MET, "E8.a.b": MISSING, "E8.b.a": MET, "E8.b.b": MISSING},
        **{"E8.c": MET, "E8.d": MET, "E8.e": SILENT},
        **{"E9.a": SILENT, "E9.b1": SILENT, "E9.b2": JUDGEMENT, "E9.c1": NO_RECORD, "E9.c2": ABSENT},
        "E10": NO_RECORD,
        "E11.m": MET if man else UNMET,
        **childbearing("E11.a.a.1", man),
        **{"E11.a.a.2.1": SILENT, "E11.a.a.2.2": MISSING if man else MET},
        **{"E11.b1": UNMET, "E11.b2": JUDGEMENT},
        "E12": JUDGEMENT,
    }


def treatment(cohort: str) -> dict[str, str]:
    """Treatment before. It is one record, whichever disease asks: methotrexate for RA is on the list of the others."""
    routine = MET if cohort in ("pSS", "IIM") else NO_RECORD
    listed = NO_RECORD if cohort == "SSc" else MET
    found: dict[str, str] = {}
    for row in ROUTINE:
        found |= {f"{row}.a1.a": routine, f"{row}.a1.b": routine, f"{row}.a1.c": listed}
        found |= {f"{row}.a2": JUDGEMENT, f"{row}.b": JUDGEMENT}
    return found


def lung(prefix: str) -> dict[str, str]:
    """A fall of a lung function that was never measured."""
    return {f"{prefix}1": MISSING, f"{prefix}2.1": MISSING, f"{prefix}2.2": MISSING, f"{prefix}2.3": JUDGEMENT}


def particular(cohort: str) -> dict[str, str]:
    """The rows that only one disease has. Measurements of a disease that a patient does not have were never made."""

    def own(name: str, otherwise: str, here: str = MET) -> str:
        return here if name == cohort else otherwise

    dry, skin, muscle, joints = "pSS", "SSc", "IIM", "RA"
    return {
        **{"pSS1.a": own(dry, ABSENT), "pSS1.b": JUDGEMENT, "pSS2": own(dry, MISSING)},
        **{"EpSS1": NO_RECORD, "EpSS2": NO_RECORD},
        **{"SSc1.a": own(skin, ABSENT), "SSc1.b": JUDGEMENT, "SSc2.a": own(skin, NO_RECORD), "SSc2.b1": JUDGEMENT},
        **{"SSc2.b2.1": MISSING, "SSc2.b2.2": MISSING, "SSc4.1": own(skin, MISSING)},
        **lung("SSc4.2.a.a."),
        **lung("SSc4.2.b1."),
        **lung("SSc4.2.b2.a."),
        **{"IIM1.a": own(muscle, ABSENT), "IIM1.b": JUDGEMENT},
        # "without muscle involvement" is not so
        **{"IIM2.a1": own(muscle, NO_RECORD, UNMET), "IIM2.a2": JUDGEMENT, "IIM2.b.a": own(muscle, MISSING)},
        **{"IIM2.b.b.1": own(muscle, MISSING), "IIM2.b.b.2": own(muscle, MISSING)},
        **{"IIM2.b.b.3": MISSING, "IIM2.b.b.4": MISSING},
        "IIM2.b.b.5": own(muscle, UNMET),  # normal transaminases are muscle enzymes too
        **{"IIM3.a": own(muscle, MISSING), "IIM3.b": own(muscle, MISSING)},
        **{f"IIM3.{antibody}": MISSING for antibody in "cdefghijkl"},
        **{"EIIM1.a1": SILENT, "EIIM1.a2": JUDGEMENT, "EIIM1.b1": NO_RECORD, "EIIM1.b2": ABSENT, "EIIM2": NO_RECORD},
        # the onset of a myositis dates the window for a tumour
        **{"EIIM3.a": SILENT, "EIIM3.b1": own(muscle, NO_RECORD, UNMET), "EIIM3.b2": own(muscle, ANCHOR, NO_RECORD)},
        **{"RA1.a": own(joints, ABSENT), "RA1.b": own(joints, NO_RECORD), "RA1.c": JUDGEMENT, "RA1.d": JUDGEMENT},
        **{"RA2.a.1": own(joints, MISSING), "RA2.a.2": ABSENT, "RA2.b.1": own(joints, MISSING), "RA2.b.2": ABSENT},
        **{"RA3.a": own(joints, MISSING), "RA3.b": own(joints, MISSING)},
        **{"RA4.1.a1.1": own(joints, NO_RECORD), "RA4.1.a1.2": JUDGEMENT, "RA4.1.a2.1": JUDGEMENT},
        **{"RA4.1.a2.2": own(joints, NO_RECORD), "RA4.1.b1.1": own(joints, NO_RECORD), "RA4.1.b1.2": JUDGEMENT},
        **{"RA4.1.b2": JUDGEMENT, "RA4.2": JUDGEMENT},
        **{"RA4.3-1.a": own(joints, MISSING), "RA4.3-1.b": MISSING, "RA4.3-2": JUDGEMENT},
        # prednisone ended months ago, where there was any
        **{"RA4.3-3.a": UNMET if cohort in (dry, muscle) else NO_RECORD, "RA4.3-3.b": JUDGEMENT},
        **{"RA4.3-4.a": MISSING, "RA4.3-4.b": MISSING, "RA4.3-5": JUDGEMENT},
        "ERA1": own(joints, MISSING),
    }


def leaves(patient: Golden) -> dict[str, str]:
    """Every leaf of a patient: those of one who fits the cohort, and then what is different here."""
    man = patient.cohort == "RA"
    fits = {**common(man), **particular(patient.cohort), **treatment(patient.cohort), **exclusions(man)}
    assert set(patient.differs) <= set(fits)
    return {**fits, **patient.differs}


if __name__ == "__main__":
    write(STUDY, PATIENTS, leaves)
