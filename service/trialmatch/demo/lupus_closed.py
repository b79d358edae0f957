"""Lupus patients for whom one fact decides against the lupus trials, and the near misses around them."""

from __future__ import annotations

from trialmatch.demo.cases import case, childbearing, lupus
from trialmatch.demo.chart import Chart


@case("lupus-young-01", "turns 18 the day after the index date", birth="2008-03-02")
def _(chart: Chart) -> None:
    lupus(chart, weight=55.5, since="2023-01-09")
    childbearing(chart)


@case(
    "lupus-renal-01",
    "creatinine 2.4 x the limit and a derived clearance far below 60 mL/min",
    birth="1983-04-04",
    house="us",
)
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("creatinine")
    chart.lab("creatinine", 201.6, recent)
    chart.condition("lupus-nephritis", "2020-02-17")


@case("lupus-liver-01", "ALT 3.4 x the limit, AST fine: both are asked for", birth="1980-06-21")
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("alt")
    chart.lab("alt", 119, recent)


@case("lupus-quiet-01", "SLEDAI-2K fell to 4: not active enough", birth="1977-02-14")
def _(chart: Chart) -> None:
    lupus(chart, sledai=4, weight=59)
    childbearing(chart)


@case("lupus-seronegative-01", "ANA and anti-dsDNA both negative", birth="1992-12-12", house="us")
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("ana", "anti-dsdna")
    chart.finding("ana", "negative", recent)
    chart.lab("anti-dsdna", 45, recent)


@case("lupus-cart-01", "had CAR-T cells in 2024", birth="1988-10-02")
def _(chart: Chart) -> None:
    lupus(chart)
    childbearing(chart)
    chart.infusion("tisagenlecleucel", "2024-04-22", 1)
    chart.condition("car-t-history", "2024-04-22")


@case("lupus-stroke-01", "cerebral infarction 15 weeks before the index date", birth="1969-07-07")
def _(chart: Chart) -> None:
    lupus(chart)
    chart.condition("menopause", "2019")
    chart.condition("stroke", "2025-11-14")
    chart.condition("dvt", "2016-02", end="2016-09")


@case("lupus-vaccine-01", "live influenza vaccine exactly 28 days before the index date", birth="2003-03-03")
def _(chart: Chart) -> None:
    lupus(chart, since="2021-06-30")
    childbearing(chart)
    chart.vaccine("influenza-live", "2026-02-01")


@case("lupus-hiv-01", "HIV reactive (in words), syphilis antibody 阳性", birth="1975-05-19", gender="male")
def _(chart: Chart) -> None:
    recent = lupus(chart, weight=74)
    chart.drop("hiv", "treponemal")
    chart.finding("hiv", "Reactive", recent, form="text")
    chart.finding("treponemal", "阳性", recent, form="text")


@case("lupus-pregnant-01", "pregnant; the blood test is positive", birth="1996-01-26")
def _(chart: Chart) -> None:
    lupus(chart)
    chart.finding("hcg-serum", "positive", "2026-02-24")
    chart.condition("pregnancy", "2026-01-15")


@case(
    "lupus-melanoma-01",
    "melanoma under treatment; a basal cell carcinoma alone would be exempt",
    birth="1966-09-15",
    gender="male",
)
def _(chart: Chart) -> None:
    lupus(chart, weight=69)
    chart.condition("melanoma", "2025-06-03")
    chart.condition("basal-cell-carcinoma", "2023-05", end="2023-06")


@case(
    "lupus-heart-01",
    "heart failure, NYHA class III at the last visit, ejection fraction 38 %",
    birth="1971-03-12",
    house="us",
)
def _(chart: Chart) -> None:
    recent = lupus(chart)
    chart.condition("menopause", "2020")
    chart.drop("lvef", "nyha")
    chart.condition("heart-failure", "2022-10")
    chart.nyha("II", "2024-10-01")
    chart.nyha("III", recent)
    chart.lab("lvef", 58, "2024-10-01", kind="imaging")
    chart.lab("lvef", 38, recent, kind="imaging")


@case("lupus-dialysis-01", "on haemodialysis since January 2026", birth="1984-04-29")
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("creatinine")
    chart.lab("creatinine", 512, recent)
    chart.condition("esrd", "2026-01-09")
    for day in ("2026-02-23", "2026-02-25", "2026-02-27"):
        chart.procedure("dialysis", f"{day}T07:30:00+01:00")


@case("lupus-deceased-01", "ideal on paper, deceased in December 2025", birth="1970-12-24")
def _(chart: Chart) -> None:
    lupus(chart, recent="2025-11-20", earlier="2025-07-02")
    chart.condition("menopause", "2021")
    chart.patient["deceasedDateTime"] = "2025-12-01"


@case("lupus-refuted-01", "lupus was suspected and refuted; it is Sjögren's syndrome", birth="1986-03-17")
def _(chart: Chart) -> None:
    lupus(chart, since="2024-02-02", sledai=8)
    childbearing(chart)
    chart.drop("dx-sle", "rx-hydroxychloroquine")
    chart.condition("sle", verification="refuted", recorded="2024-09-30")
    chart.condition("sjogren", "2024-09-30")


@case(
    "druglupus-01",
    "drug-induced lupus is not systemic lupus erythematosus",
    birth="1959-08-31",
    gender="male",
    house="us",
)
def _(chart: Chart) -> None:
    lupus(chart, since="2025-09-01", weight=80)
    chart.drop("dx-sle", "given-", "rx-", "supply-", "taking-")
    chart.condition("drug-induced-lupus", "2025-09-01")
    chart.order("hydroxychloroquine", "2025-09-10", "2025-12-31", dose=chart.dose(200))
