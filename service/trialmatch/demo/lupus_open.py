"""Lupus patients who may qualify: complete records, and the many ways in which a record leaves a question open."""

from __future__ import annotations

from trialmatch.demo.cases import blood, case, childbearing, lupus
from trialmatch.demo.chart import Chart, concept, quantity, status_of
from trialmatch.demo.vocabulary import DRUGS, FINDINGS, LOCAL_LAB


@case(
    "lupus-likely-01",
    "everything measured and fine; only a person's answers are open; eligible with attestations.json",
    birth="1991-06-03",
)
def _(chart: Chart) -> None:
    lupus(chart)
    childbearing(chart)
    chart.condition("lupus-nephritis", "2022-03", text="Lupus nephritis class III, stable")


@case(
    "lupus-likely-02",
    "a man: pregnancy rows do not apply; stroke of 1999 is no stroke of the last six months",
    birth="1984-11-20",
    gender="male",
    house="us",
)
def _(chart: Chart) -> None:
    lupus(chart, weight=78.5, other_house="si")
    chart.condition("stroke", "1999-07-02", end="1999-08-30")


@case(
    "lupus-likely-03",
    "hysterectomy in 2019, so no pregnancy test is needed; units as text only (K/uL, mg/dl)",
    birth="1988-02-29",
    house="loose",
)
def _(chart: Chart) -> None:
    lupus(chart, weight=59.4, form="text")
    chart.procedure("hysterectomy", "2019-04-11")
    chart.condition("uterus-absent", "2019-04-11")
    chart.condition("mental-disorder", verification="refuted", recorded="2024-05-03")


@case(
    "lupus-postmeno-01",
    "62 years, postmenopausal: pregnancy rows do not apply; recombinant zoster vaccine is not live",
    birth="1963-09-09",
)
def _(chart: Chart) -> None:
    lupus(chart, weight=57.0)
    chart.condition("menopause", "2014")
    chart.vaccine("zoster-recombinant", "2026-02-15")
    chart.vaccine("mmr", "2026-02-15", status="not-done")


@case(
    "lupus-gilbert-01",
    "bilirubin 2.4 x the limit with recorded Gilbert syndrome: allowed up to 3.0",
    birth="1979-12-31",
    gender="male",
)
def _(chart: Chart) -> None:
    recent = lupus(chart, weight=76)
    chart.drop("bilirubin")
    chart.lab("bilirubin", 49.2, recent)
    chart.condition("gilbert", "2003")


@case("lupus-gilbert-02", "the same bilirubin without a word on Gilbert syndrome: open", birth="1986-08-08")
def _(chart: Chart) -> None:
    recent = lupus(chart, weight=56.6)
    childbearing(chart)
    chart.drop("bilirubin")
    chart.lab("bilirubin", 49.2, recent)


@case(
    "lupus-hbv-01",
    "past hepatitis B (core antibody), but HBV DNA below the limit of detection: not excluded",
    birth="1976-04-17",
    gender="male",
)
def _(chart: Chart) -> None:
    recent = lupus(chart, weight=70, form="flag")
    chart.drop("anti-hbc")
    chart.finding("anti-hbc", "positive", recent, form="flag")
    chart.lab("hbv-dna", 20, recent, comparator="<")


@case(
    "lupus-hbv-02",
    "core antibody positive, HBV DNA never tested: needs the test ('hepatitis B immune' is no infection)",
    birth="1995-10-10",
)
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("anti-hbc")
    chart.finding("anti-hbc", "Reactive", recent, form="text")
    chart.finding("anti-hbs", "positive", recent)
    chart.condition("hepatitis-b-immune", "2015")


@case(
    "lupus-mixed-01",
    "overlapping orders, contained and referenced Medications, an amended result, mixed units",
    birth="1990-01-05",
    house="us",
)
def _(chart: Chart) -> None:
    recent = lupus(chart, weight=58.9, other_house="loose")
    childbearing(chart)
    chart.drop("rx-", "supply-", "alt")
    chart.order("hydroxychloroquine", "2025-01-01", "2025-02-20", dose=chart.dose(200, 2))
    chart.order("hydroxychloroquine", "2025-02-01", "2025-04-10", dose=chart.dose(200, 1))
    code = concept(DRUGS["mycophenolate-mofetil"][:1], "MMF 500 mg")
    contained = {"resourceType": "Medication", "id": "m1", "code": code}
    chart.order(
        None,
        "2024-03-01",
        dose=chart.dose(1000, 2),
        contained=[contained],
        medication={"medicationReference": {"reference": "#m1"}},
    )
    reference = {"medicationReference": {"reference": f"Medication/{chart.medication('azathioprine')['id']}"}}
    chart.order(None, "2022-06-01", "2023-12-31", dose=chart.dose(100), medication=reference)
    chart.order("methotrexate", "2025-10-01", status="draft", dose=chart.dose(15, every="wk"))
    chart.lab("alt", 68, recent, status="amended", note=[{"text": "replaces 175 U/L (haemolytic)"}])


@case("lupus-merged-01", "the surviving record of two: lupus-merged-old was merged into it", birth="1993-03-30")
def _(chart: Chart) -> None:
    lupus(chart)
    childbearing(chart)
    chart.patient["link"] = [{"other": {"reference": "Patient/lupus-merged-old"}, "type": "replaces"}]
    chart.resources.append(
        {
            "resourceType": "Patient",
            "id": "lupus-merged-old",
            "active": False,
            "name": [{"family": "Demopatient", "given": ["Duplicate"]}],
            "gender": "female",
            "link": [{"other": {"reference": f"Patient/{chart.id}"}, "type": "replaced-by"}],
        }
    )


@case(
    "lupus-missing-01",
    "no echocardiography, no viral serology, no oximetry: three orders would settle it",
    birth="1999-09-23",
)
def _(chart: Chart) -> None:
    lupus(chart)
    childbearing(chart)
    chart.drop("lvef", "hbsag", "anti-h", "hiv", "treponemal", "spo2")


@case(
    "lupus-stale-01", "complete, but last seen in August 2025: the results are too old", birth="1982-05-05", house="us"
)
def _(chart: Chart) -> None:
    day = lupus(chart, recent="2025-08-05", earlier="2025-02-11")
    childbearing(chart, day)


@case(
    "lupus-norange-01",
    "creatinine without reference range and no body weight; two ALT values at the same instant",
    birth="1987-07-14",
)
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("creatinine", "weight", "alt")
    chart.lab("creatinine", 168, recent, ranged=False)
    chart.lab("alt", 31, recent)
    chart.lab("alt", 310, recent)


@case("lupus-preliminary-01", "ALT is a preliminary result, SLEDAI-2K is only registered", birth="1996-12-01")
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("alt", "sledai-2k")
    chart.lab("alt", 30, recent, status="preliminary")
    chart.score("sledai-2k", 9, recent, status="preliminary")


@case("lupus-provisional-01", "lupus is a provisional diagnosis beside a differential one", birth="2001-01-19")
def _(chart: Chart) -> None:
    lupus(chart, since="2025-11-03")
    childbearing(chart)
    chart.drop("dx-sle")
    chart.condition("sle", "2025-11-03", verification="provisional")
    chart.condition("sjogren-icd", "2025-11-03", verification="differential")


@case(
    "lupus-vague-01",
    "dates too vague to decide: a seizure in 2025, a stent in autumn 2025, a steroid stopped some day",
    birth="1985",
)
def _(chart: Chart) -> None:
    lupus(chart)
    childbearing(chart)
    chart.condition("seizure", "2025", clinical="resolved")
    chart.procedure("coronary-stent", performed_text="autumn 2025")
    chart.drop("taking-prednisone", "rx-", "given-", "supply-")
    chart.order("hydroxychloroquine", "2025-06-20", dose=chart.dose(200, 2), status="stopped")
    chart.order("prednisone", "2025-06-20", dose=chart.dose(60), status="stopped")
    for drug in ("azathioprine", "methotrexate", "belimumab"):
        chart.statement(drug, "2025-06", status="stopped")


@case(
    "lupus-textonly-01",
    "the diagnosis is text only ('SLE'), telitacicept is typed by hand: hints, not evidence",
    birth="1992-02-02",
)
def _(chart: Chart) -> None:
    lupus(chart, form="text")
    childbearing(chart)
    chart.drop("dx-sle", "given-belimumab")
    chart.condition(None, "2018", text="SLE")
    chart.statement(None, "2024-10-01", "2025-06-30", text="telitacicept 160 mg weekly")


@case(
    "lupus-localcode-01",
    "creatinine and bilirubin under the laboratory's own codes only: the mapping is missing",
    birth="1981-10-28",
)
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("creatinine", "bilirubin")
    for code, text, value in (("KREA", "Kreatinin i.S.", 71), ("BILG", "Bilirubin gesamt", 8)):
        chart.observation(
            code.lower(),
            {"coding": [{"system": LOCAL_LAB, "code": code, "display": text}]},
            recent,
            {"valueQuantity": quantity(value, "µmol/l")},
        )


@case(
    "lupus-mislabelled-01", "the ANA code carries the display of complement C3: not usable as ANA", birth="1994-06-16"
)
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("ana", "anti-dsdna")
    code = concept([(*FINDINGS["ana"][:2], "Complement C3 [Mass/volume] in Serum or Plasma")])
    limits = [{"low": quantity(0.9, "g/L", "g/L"), "high": quantity(1.8, "g/L", "g/L")}]
    chart.observation("ana", code, recent, {"valueQuantity": quantity(0.6, "g/L", "g/L")}, referenceRange=limits)


@case(
    "lupus-onedrug-01",
    "mycophenolate mofetil and sodium are one immunosuppressant; a planned belimumab was never given",
    birth="1989-03-08",
)
def _(chart: Chart) -> None:
    lupus(chart)
    childbearing(chart)
    chart.drop("rx-azathioprine", "given-belimumab")
    chart.order("mycophenolic-acid", "2025-01-15", "2025-04-15", dose=chart.dose(720, 2))
    chart.order("belimumab", "2026-02-20", intent="proposal")


@case(
    "lupus-nodose-01",
    "steroid 'take as directed' and no body weight: the dose per kilogram cannot be told",
    birth="1978-01-30",
    house="loose",
)
def _(chart: Chart) -> None:
    lupus(chart)
    childbearing(chart)
    chart.drop("taking-prednisone", "rx-prednisolone", "weight")
    chart.order("prednisone", "2025-04-01", "2025-10-31", dose={"text": "take as directed"})
    chart.allergy("sulfasalazine", "Sulfasalazine: rash")


@case("lupus-oxygen-01", "saturation 95 %, but on 2 L/min of oxygen", birth="1974-08-24", gender="male")
def _(chart: Chart) -> None:
    recent = lupus(chart, weight=66)
    chart.drop("spo2")
    chart.saturation(95, recent, oxygen=2)


@case("lupus-serology-01", "ANA 1:40 reported negative, anti-dsDNA never tested: needs the test", birth="1997-05-27")
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("ana", "anti-dsdna")
    negative = [status_of("v3-ObservationInterpretation", "NEG")]
    chart.finding("ana-titre", "1:40", recent, form="text", interpretation=negative)


@case(
    "lupus-urinetest-01", "a urine pregnancy test only, where a blood test is asked for", birth="1998-11-11", house="us"
)
def _(chart: Chart) -> None:
    recent = lupus(chart, weight=59.9)
    chart.finding("hcg-urine", "negative", recent)


@case(
    "lupus-mother-01",
    "the only recent ALT in her record is about her newborn (focus); baby-01 is a patient too",
    birth="1993-08-13",
)
def _(chart: Chart) -> None:
    recent = lupus(chart)
    childbearing(chart)
    chart.drop("alt", "ast")
    blood(chart, "2025-06-30", alt=28, ast=26)
    baby = {"reference": "Patient/baby-01"}
    chart.lab("alt", 19, recent, focus=[baby])
    chart.lab("ast", 41, recent, focus=[baby])
    chart.resources.append(
        {
            "resourceType": "Patient",
            "id": "baby-01",
            "active": True,
            "name": [{"family": "Demopatient", "given": ["Newborn"]}],
            "gender": "male",
            "birthDate": "2025-12-19",
        }
    )


@case(
    "lupus-nosex-01",
    "administrative sex unknown: creatinine clearance holds for either",
    birth="1990-09-02",
    gender="unknown",
)
def _(chart: Chart) -> None:
    recent = lupus(chart)
    chart.drop("creatinine")
    chart.lab("creatinine", 92, recent, ranged=False)
