"""The rule by which ICD-10-CM codes take their descendants along, held against the whole classification."""

from __future__ import annotations

import warnings

from trialmatch.terminology.systems import ICD10CM, SNOMED, with_ancestors

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import simple_icd_10_cm as icd


def _is_code(name: str) -> bool:
    """Whether a name is a code from the category down, not a block (``I60-I69``) or a chapter (``9``)."""
    return "-" not in name and not icd.is_chapter(name)


def test_ancestors_are_the_classification_s() -> None:
    wrong = []
    codes = [code for code in icd.get_all_codes(True) if _is_code(code)]
    assert len(codes) > 90_000
    for code in codes:
        known = [one for one in with_ancestors(ICD10CM, code) if icd.is_valid_item(one)]
        above = [one for one in dict.fromkeys(icd.get_ancestors(code)) if _is_code(one) and one != code]
        if known != [code, *above]:
            wrong.append((code, known, above))
    assert not wrong, wrong[:10]


def test_codes_without_dot_and_in_lower_case() -> None:
    assert with_ancestors(ICD10CM, "m3210")[:3] == ["M32.10", "M32.1", "M32"]


def test_other_systems_have_no_rule() -> None:
    assert with_ancestors(SNOMED, "55464009") == ["55464009"]
