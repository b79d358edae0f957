"""Patients with other autoimmune diseases: the lupus trials say no, basket trials may say yes."""

from __future__ import annotations

from trialmatch.demo.cases import blood, case, lupus, measures, virology
from trialmatch.demo.chart import Chart, quantity

RECENT = "2026-02-17"


def _base(chart: Chart, *, weight: float, creatinine: float | None = None, alt: float = 25, crp: float = 6) -> None:
    """What every visit records, in a patient without lupus."""
    chart.encounter(RECENT)
    blood(chart, RECENT, creatinine=creatinine, alt=alt, crp=crp)
    measures(chart, RECENT, weight=weight)
    virology(chart, RECENT, form="text" if chart.house == "loose" else "coded")
    chart.lab("lvef", round(chart.near(61, 0.05)), RECENT, kind="imaging")


@case(
    "ra-01",
    "rheumatoid arthritis, active after methotrexate, two TNF inhibitors and tocilizumab",
    birth="1968-05-02",
    house="us",
)
def _(chart: Chart) -> None:
    _base(chart, weight=71, crp=24)
    chart.condition("rheumatoid-arthritis", "2015-03-01")
    chart.condition("menopause", "2019")
    chart.order("methotrexate", "2015-04-01", "2018-02-28", dose=chart.dose(15, every="wk"))
    chart.statement("adalimumab", "2018-03-01", "2019-09-30", dose=chart.dose(40, every="wk"))
    chart.statement("etanercept", "2019-11-01", "2021-05-31", dose=chart.dose(50, every="wk"))
    chart.statement("tocilizumab", "2021-07-01", dose=chart.dose(162, every="wk", route="subcutaneous"))
    for key, value in (("das28-esr", 5.6), ("sjc66", 9), ("tjc68", 14), ("haq-di", 1.5)):
        chart.score(key, value, RECENT)
    chart.lab("anti-ccp", 180, RECENT)
    chart.lab("rf", 65, RECENT)


@case("ra-02", "rheumatoid arthritis, CRP reported as '>8' (an assay's cap), no joint counts", birth="1974-10-19")
def _(chart: Chart) -> None:
    _base(chart, weight=64)
    chart.drop("crp", "esr")
    chart.lab("crp", 8, RECENT, comparator=">")
    chart.condition("rheumatoid-arthritis-icd", "2021")
    chart.order("leflunomide", "2022-01-10", dose=chart.dose(20))
    chart.order("upadacitinib", "2024-06-03", dose=chart.dose(15))


@case(
    "overlap-01",
    "rheumatoid arthritis and quiet lupus: a lupus cohort closes, an arthritis cohort may stay open",
    birth="1979-06-06",
)
def _(chart: Chart) -> None:
    recent = lupus(chart, sledai=5)
    chart.condition("rheumatoid-arthritis", "2017-09")
    chart.procedure("hysterectomy", "2021-02-03")
    chart.score("das28-esr", 5.2, recent)
    chart.grades(recent, [("Mucocutaneous", "B"), ("Musculoskeletal", "C"), ("Renal", "D"), ("Haematological", "C")])


@case("ssc-01", "systemic sclerosis with progressive skin (mRSS 10 to 14) and lung disease", birth="1972-01-23")
def _(chart: Chart) -> None:
    _base(chart, weight=60)
    chart.condition("systemic-sclerosis", "2022-05-16")
    chart.condition("ssc-lung", "2023-03")
    chart.condition("ild", "2023-03")
    chart.condition("menopause", "2022")
    chart.score("mrss", 10, "2025-08-19")
    chart.score("mrss", 14, RECENT)
    chart.lab("fvc", 74, "2025-08-19")
    chart.lab("fvc", 66, RECENT)
    chart.order("mycophenolate-mofetil", "2023-04-01", dose=chart.dose(1500, 2))
    chart.infusion("rituximab", "2025-03-05", 1000)
    chart.infusion("rituximab", "2025-03-19", 1000)


@case(
    "ssc-02",
    "systemic sclerosis without lung disease (refuted), skin stable",
    birth="1964-04-12",
    gender="male",
    house="us",
)
def _(chart: Chart) -> None:
    _base(chart, weight=77)
    chart.condition("systemic-sclerosis", "2019")
    chart.condition("ild", verification="refuted", recorded="2025-06-11")
    chart.score("mrss", 11, "2025-07-08")
    chart.score("mrss", 11, RECENT)


@case("iim-01", "dermatomyositis, MMT-8 130 of 150, creatine kinase five times the limit", birth="1985-12-03")
def _(chart: Chart) -> None:
    _base(chart, weight=62, alt=96)
    chart.condition("dermatomyositis", "2023-10-09")
    limits = [{"low": quantity(0, "{score}", "{score}"), "high": quantity(150, "{score}", "{score}")}]
    chart.score("mmt8", 130, RECENT, referenceRange=limits)
    chart.lab("ck", 870, RECENT)
    chart.order("methotrexate", "2023-11-01", "2024-12-31", dose=chart.dose(20, every="wk"))
    chart.order("prednisone", "2025-11-01", dose=chart.dose(20))


@case("iim-02", "polymyositis, MMT-8 78 on a scale nobody wrote down", birth="1961-07-29", gender="male")
def _(chart: Chart) -> None:
    _base(chart, weight=83)
    chart.condition("polymyositis", "2024-05")
    chart.score("mmt8", 78, RECENT)
    chart.lab("ck", 410, RECENT)
    chart.order("tacrolimus", "2024-09-01", dose=chart.dose(2, 2))


@case(
    "aav-01",
    "granulomatosis with polyangiitis, PR3-ANCA reported as '>177', BVAS 12",
    birth="1970-02-08",
    gender="male",
)
def _(chart: Chart) -> None:
    _base(chart, weight=79, creatinine=118, crp=46)
    chart.condition("gpa", "2021-11-22")
    chart.lab("anti-pr3", 177, RECENT, comparator=">")
    chart.score("bvas-v3", 12, RECENT)
    chart.infusion("rituximab", "2024-02-06", 1000)
    chart.order("cyclophosphamide", "2022-01-10", "2022-06-30", dose=chart.dose(100))


@case("aav-02", "microscopic polyangiitis in remission, MPO-ANCA below the limit", birth="1957-09-30", house="us")
def _(chart: Chart) -> None:
    _base(chart, weight=61)
    chart.condition("mpa", "2018-06")
    chart.lab("anti-mpo", 9, RECENT)
    chart.score("bvas-v3", 0, RECENT)
    chart.order("azathioprine", "2019-01-07", dose=chart.dose(100))


@case("sjogren-01", "Sjögren's syndrome, ESSDAI 11", birth="1980-08-05")
def _(chart: Chart) -> None:
    _base(chart, weight=58)
    chart.condition("sjogren", "2020-01")
    chart.score("essdai", 11, RECENT)
    chart.finding("ana", "positive", RECENT)
    chart.order("hydroxychloroquine", "2020-03-02", dose=chart.dose(200, 2))


@case(
    "pemphigus-01",
    "pemphigus vulgaris, PDAI 38; corneal transplant is not an organ transplant",
    birth="1966-11-17",
    house="loose",
)
def _(chart: Chart) -> None:
    _base(chart, weight=68)
    chart.condition("pemphigus", "2022-09-01")
    chart.condition("corneal-transplant", "2010")
    chart.score("pdai", 38, RECENT)
    chart.order("prednisolone", "2022-09-15", dose=chart.dose(15))
    chart.infusion("rituximab", "2023-05-09", 1000)


@case("psoriasis-01", "plaque psoriasis only, PASI 18", birth="1991-04-01", gender="male", house="us")
def _(chart: Chart) -> None:
    _base(chart, weight=88)
    chart.condition("psoriasis", "2012")
    chart.score("pasi", 18, RECENT)
    chart.order("methotrexate", "2020-02-03", "2023-06-30", dose=chart.dose(15, every="wk"))
