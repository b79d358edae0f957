"""The rule by which ICD-10-CM codes take their descendants along, held against the whole classification."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from types import ModuleType

import pytest
from trialmatch.config import Settings
from trialmatch.terminology import mappings
from trialmatch.terminology.systems import ICD10CM, SNOMED, with_ancestors

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import simple_icd_10_cm as icd

BENCH = Path(__file__).resolve().parents[2] / "bench"


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


@pytest.fixture
def diseases(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The bench's module of that name."""
    monkeypatch.syspath_prepend(str(BENCH))
    import diseases

    return diseases


def test_the_bench_s_categories_are_the_classification_s(diseases: ModuleType) -> None:
    real = {code for code in icd.get_all_codes(True) if icd.is_category(code) and "A" <= code[0] <= "Q"}
    assert diseases.categories() == sorted(real)


def test_the_bench_s_thousand_diseases_are_different_and_mapped(diseases: ModuleType, tmp_path: Path) -> None:
    concepts = diseases.different(1_000, tmp_path)
    assert len(set(concepts)) == 1_000 and concepts[0] == "sle"
    sets = mappings.load(Settings.read({}, mappings=str(tmp_path))).sets
    assert all(concept in sets for concept in concepts)
    below = [code for code in icd.get_all_codes(True) if "A" <= code[0] <= "Q" and "." in code]
    for code in random.Random(7).sample(below, 500):
        own = [one for one in sets.concepts(ICD10CM, code) if one.startswith("icd-10-cm-")]
        category = f"icd-10-cm-{code[:3].lower()}"
        assert own == ([category] if category in concepts else [])
    for common in ("I10", "E11.9", "E78.5", "J02.9", "J20.9", "E66.9", "D64.9", "J32.9", "M19.90", "F32.9", "J45.909"):
        assert not [one for one in sets.concepts(ICD10CM, common) if one.startswith("icd-10-cm-")]
