"""The list of demo patients, and the standard lupus record that most of them vary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trialmatch.demo.chart import Chart, Json

Writer = Callable[[Chart], None]


@dataclass(frozen=True)
class Case:
    """One patient: identifier, what the record shows in one line, who it is, and the function that writes the chart."""

    id: str
    shows: str
    gender: str
    birth: str
    house: str
    write: Writer


CASES: list[Case] = []


def case(
    patient: str, shows: str, *, birth: str, gender: str = "female", house: str = "si"
) -> Callable[[Writer], Writer]:
    """Register the decorated function as the writer of a patient's chart."""

    def register(write: Writer) -> Writer:
        CASES.append(Case(patient, shows, gender, birth, house, write))
        return write

    return register


COMORBIDITIES = ("hypertension", "vitamin-d-deficiency", "iron-deficiency", "reflux", "osteoporosis")


def blood(
    chart: Chart,
    day: str,
    *,
    house: str | None = None,
    creatinine: float | None = None,
    alt: float = 23,
    ast: float = 24,
    bilirubin: float = 9,
    crp: float = 7.5,
) -> None:
    """Chemistry and blood count of one day, in SI units; creatinine defaults to the middle of the range."""
    creatinine = creatinine or (82 if chart.gender == "male" else 64)
    values = {
        "creatinine": creatinine, "alt": alt, "ast": ast, "bilirubin": bilirubin, "crp": crp, "hemoglobin": 119,
        "wbc": 5.2, "neutrophils": 3.3, "platelets": 224, "esr": 33,
    }  # fmt: skip
    for key, value in values.items():
        chart.lab(key, chart.near(value, 0.05), day, house=house)


def measures(chart: Chart, day: str, *, weight: float, height: float = 166) -> None:
    """Weight, height and pulse oximetry on room air."""
    chart.lab("weight", weight, day, kind="vital-signs")
    chart.lab("height", height, day, kind="vital-signs", house="si")
    chart.saturation(97, day)


def virology(chart: Chart, day: str, *, form: str = "coded") -> None:
    """The infections that trials of cell therapy ask for, all negative, in the wording of one laboratory."""
    wording = {"anti-hcv": "Non-reactive", "hiv": "Non-reactive", "treponemal": "Negative"}
    for key in ("hbsag", "anti-hbc", "anti-hcv", "hiv", "treponemal"):
        if form == "text":
            chart.finding(key, wording.get(key, "Not detected"), day, form="text")
        else:
            chart.finding(key, "negative", day, form=form)


def treatment(chart: Chart, *, weight: float, since: str) -> None:
    """Conventional treatment, not enough: antimalarial, high-dose steroid, two immunosuppressants, belimumab."""
    chart.order("hydroxychloroquine", since, dose=chart.dose(200, 2))
    if weight <= 60:
        chart.statement("prednisone", "2025-03-10", "2025-05-15", dose=chart.dose(60))
    else:  # 64 mg of methylprednisolone are worth 80 mg of prednisone
        chart.statement("methylprednisolone", "2025-03-10", "2025-05-15", dose=chart.dose(64))
    chart.order("prednisolone", "2025-05-16", dose=chart.dose(7.5))
    chart.order("azathioprine", "2023-02-01", "2024-01-31", dose=chart.dose(50, 2))
    chart.order("mycophenolate-mofetil", "2024-02-01", dose=chart.dose(1000, 2))
    chart.dispense("mycophenolate-mofetil", "2026-01-12", 90)
    for day in ("2025-06-02", "2025-06-16", "2025-06-30", "2025-07-28", "2025-08-25", "2025-09-22"):
        chart.infusion("belimumab", day, round(weight * 10))


def lupus(
    chart: Chart,
    *,
    recent: str | None = None,
    earlier: str = "2025-09-18",
    weight: float = 58.2,
    since: str = "2019-05-14",
    sledai: float = 12,
    form: str = "coded",
    other_house: str | None = None,
) -> str:
    """A refractory lupus patient in whom everything that can be measured is measured and fine; returns its day.

    ``recent`` and ``earlier`` are the days of the two sets of results; ``other_house`` prints the earlier one in the
    units of another laboratory.
    """
    recent = recent or f"2026-02-{10 + int(chart.rng.random() * 12):02d}"
    chart.encounter(earlier)
    chart.encounter(recent)
    chart.condition("sle", since)
    comorbidity = COMORBIDITIES[int(chart.rng.random() * len(COMORBIDITIES))]
    chart.condition(comorbidity, "2021")
    treatment(chart, weight=weight, since=since)
    blood(chart, earlier, house=other_house)
    blood(chart, recent)
    chart.lab("c3", chart.near(0.62), recent)
    chart.lab("upcr", chart.near(42), recent)
    chart.score("sledai-2k", sledai - 2, earlier)
    chart.score("sledai-2k", sledai, recent)
    chart.finding("ana-titre", "1:640", recent, form="text")
    chart.lab("anti-dsdna", chart.near(260), recent)
    chart.lab("lvef", round(chart.near(62, 0.05)), recent, kind="imaging")
    chart.nyha("I", recent)
    measures(chart, recent, weight=weight)
    virology(chart, recent, form=form)
    chart.vaccine("influenza-inactivated", "2025-10-06")
    if chart.rng.random() < 0.4:
        chart.procedure(None, "2022-11-08", text="Kidney biopsy")
    if chart.rng.random() < 0.3:
        chart.allergy(None, "Penicillin: urticaria as a child")
    return recent


def childbearing(chart: Chart, day: str = "2026-02-24") -> Json:
    """A negative blood pregnancy test."""
    return chart.finding("hcg-serum", "negative", day)
