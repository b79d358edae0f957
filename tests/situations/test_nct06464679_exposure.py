"""NCT06464679: treatment before: doses by weight, months, distinct drugs and mechanisms."""

from __future__ import annotations

from tests.situations.builders import Json, daily, ordered, stated, weight
from tests.situations.nk_cells import (
    ADALIMUMAB,
    BELIMUMAB,
    CYCLOPHOSPHAMIDE,
    DEXAMETHASONE,
    ETANERCEPT,
    HYDROXYCHLOROQUINE,
    METHOTREXATE,
    MYCOPHENOLATE,
    PREDNISONE,
    TOCILIZUMAB,
    answered,
    arthritis,
    nk,
    says,
    sjogren,
    taken,
)
from tests.situations.situation import OPEN, Situation, cases, check


def _steroid(rxnorm: str, milligrams: float) -> Json:
    return taken(rxnorm, "2025-06-01", "2025-07-31", dosage=daily(milligrams))


def _routine() -> tuple[Json, ...]:
    """Routine treatment as printed: prednisone 65 mg at 60 kg, cyclophosphamide, a drug for 7 months."""
    return (
        sjogren(),
        weight(60),
        _steroid(PREDNISONE, 65),
        taken(CYCLOPHOSPHAMIDE, "2025-06-01", "2025-08-31"),
        taken(MYCOPHENOLATE, "2025-06-01", "2025-12-31"),
    )


@cases(
    # more than 1 mg/kg/d in prednisone-equivalents; relapse after remission stays an alternative
    nk(
        "116",
        "prednisone 60 mg at 58 kg: 1.03",
        (sjogren(), weight(58), _steroid(PREDNISONE, 60)),
        {"pSS3.a1.a": "met:evidence"},
    ),
    nk(
        "116",
        "prednisone 60 mg at 60 kg: 1.00, and the print says above",
        (sjogren(), weight(60), _steroid(PREDNISONE, 60)),
        {"pSS3.a1.a": "unmet:evidence", "pSS3.a": "unmet", "pSS3": "unknown"},
        OPEN,
    ),
    nk(
        "118",
        "dexamethasone 8 mg at 70 kg: 0.76",
        (sjogren(), weight(70), _steroid(DEXAMETHASONE, 8)),
        {"pSS3.a1.a": "unmet:evidence", "pSS3": "unknown"},
        OPEN,
    ),
    nk("119", "no weight", (sjogren(), _steroid(PREDNISONE, 60)), {"pSS3.a1.a": "unknown:unusable"}, "possible"),
    nk(
        "119",
        '"take as directed"',
        (sjogren(), weight(58), ordered(PREDNISONE, "2025-06-01", dosageInstruction=[{"text": "take as directed"}])),
        {"pSS3.a1.a": "unknown:unusable"},
        "possible",
    ),
    nk(
        "121",
        "140 lb (63.5 kg), prednisone 65 mg: 1.02",
        (sjogren(), weight(140, "[lb_av]"), _steroid(PREDNISONE, 65)),
        {"pSS3.a1.a": "met:evidence"},
        OPEN,
    ),
    # without cyclophosphamide the print is ambiguous: never unmet
    nk(
        "",
        "cyclophosphamide not taken",
        (sjogren(), stated(CYCLOPHOSPHAMIDE, "2025-01-01", status="not-taken")),
        {"pSS3.a1.b": "unknown:open-list", "pSS3": "unknown"},
        OPEN,
    ),
    # more than 6 months, of the drugs together: overlaps once
    nk(
        "113",
        "hydroxychloroquine for exactly 6 months",
        (sjogren(), taken(HYDROXYCHLOROQUINE, "2025-07-01", "2025-12-31")),
        {"pSS3.a1.c": "unknown:open-list"},
        OPEN,
    ),
    nk(
        "113",
        "hydroxychloroquine for 6 months and a day",
        (sjogren(), taken(HYDROXYCHLOROQUINE, "2025-06-30", "2025-12-31")),
        {"pSS3.a1.c": "met:evidence"},
        OPEN,
    ),
    nk(
        "113",
        "hydroxychloroquine and methotrexate overlapping: 5 months in all",
        (
            sjogren(),
            taken(HYDROXYCHLOROQUINE, "2025-01-01", "2025-04-30"),
            taken(METHOTREXATE, "2025-03-01", "2025-05-31"),
        ),
        {"pSS3.a1.c": "unknown:open-list"},
        OPEN,
    ),
    nk(
        "",
        "tetracycline is no telitacicept",
        (sjogren(), taken("198250", "2024-01-01", "2025-12-31")),
        {"pSS3.a1.c": "unknown:no-record"},
    ),
    # records that are no exposure
    nk(
        "109",
        "belimumab as a draft, a proposal, and an order not to",
        (
            sjogren(),
            ordered(BELIMUMAB, "2025-01-01", status="draft"),
            ordered(BELIMUMAB, "2025-01-01", intent="proposal"),
            ordered(BELIMUMAB, "2025-01-01", doNotPerform=True),
        ),
        {"pSS3.a1.c": "unknown:no-record"},
        OPEN,
    ),
    nk(
        "112",
        "cyclophosphamide only intended",
        (sjogren(), stated(CYCLOPHOSPHAMIDE, "2026-01-01", status="intended")),
        {"pSS3.a1.b": "unknown:provisional"},
        "possible",
    ),
    nk(
        "112",
        "cyclophosphamide ordered",
        (sjogren(), ordered(CYCLOPHOSPHAMIDE, "2025-01-01")),
        {"pSS3.a1.b": "met:evidence"},
    ),
    # what it came to, a person says
    nk("", "routine treatment, effect unknown", _routine(), {"pSS3.a1": "met", "pSS3": "unknown"}, OPEN),
    nk(
        "",
        "routine treatment without effect",
        _routine(),
        {"pSS3.a": "met", "pSS3": "met"},
        OPEN,
        given=answered(says("response", "sjogren")),
    ),
    nk(
        "",
        "relapse after remission, treatment not recorded",
        (sjogren(),),
        {"pSS3.a": "unknown", "pSS3": "met"},
        OPEN,
        given=answered(says("relapse", "sjogren")),
    ),
)
def test_routine_treatment(situation: Situation) -> None:
    check(situation)


TWO_OF_A_KIND = (
    arthritis(),
    taken(ADALIMUMAB, "2022-01-01", "2022-12-31"),
    taken(ETANERCEPT, "2023-01-01", "2023-12-31"),
)
TWO_KINDS = (arthritis(), taken(ADALIMUMAB, "2022-01-01", "2022-12-31"), taken(TOCILIZUMAB, "2023-01-01", "2023-12-31"))
FAILED = says("response", "b-ts-dmard")
CONTRAINDICATED = says("contraindication", "csdmard")


@cases(
    nk(
        "134",
        "adalimumab and etanercept failed, csDMARDs contraindicated: one mechanism",
        TWO_OF_A_KIND,
        {
            "RA4.1.a2.2": "unmet:evidence",
            "RA4.1.a2": "unmet",
            "RA4.1.b": "met",
            "RA4.1.a1": "unknown",
            "RA4.1": "unknown",
        },
        OPEN,
        given=answered(FAILED, CONTRAINDICATED),
    ),
    nk(
        "134",
        "adalimumab and tocilizumab failed, csDMARDs contraindicated: two mechanisms",
        TWO_KINDS,
        {"RA4.1.a2": "met", "RA4.1": "met"},
        OPEN,
        given=answered(FAILED, CONTRAINDICATED),
    ),
    nk(
        "134",
        "adalimumab and etanercept failed after methotrexate",
        (*TWO_OF_A_KIND, taken(METHOTREXATE, "2016-01-01", "2021-12-31")),
        {"RA4.1": "met"},
        OPEN,
        given=answered(FAILED, says("response", "csdmard")),
    ),
    nk(
        "",
        "one b/tsDMARD only, and access limited",
        (arthritis(), taken(METHOTREXATE, "2016-01-01", "2021-12-31"), taken(ADALIMUMAB, "2022-01-01", "2022-12-31")),
        {"RA4.1.b1": "unmet", "RA4.1.b2": "met:attested", "RA4.1": "met"},
        OPEN,
        given=answered(says("response", "csdmard"), says("socioeconomic-access", "b-ts-dmard")),
    ),
    # tapering: the dose of today, and whether it can be reduced
    nk(
        "",
        "prednisone 7.5 mg today, cannot be reduced",
        (arthritis(), stated(PREDNISONE, "2025-01-01", dosage=daily(7.5))),
        {"RA4.3-3.a": "met:evidence", "RA4.3-3": "met"},
        OPEN,
        given=answered(says("taper", "glucocorticoid")),
    ),
    nk(
        "",
        "prednisone 5 mg today",
        (arthritis(), stated(PREDNISONE, "2025-01-01", dosage=daily(5))),
        {"RA4.3-3.a": "unmet:evidence", "RA4.3-3": "unmet", "RA4.3": "unknown"},
        OPEN,
    ),
)
def test_refractory_arthritis(situation: Situation) -> None:
    check(situation)
