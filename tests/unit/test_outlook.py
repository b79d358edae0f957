"""What is said of the day from which a patient may qualify; which day that is tells ``spec/cases/outlook.py``."""

from __future__ import annotations

from typing import Any

from tests.harness import judge
from tests.spec import record as r
from tests.spec.cases.outlook import INFUSED, VACCINATED, VACCINE, WASHOUT
from tests.spec.criteria import age, judgement, measured, named, times
from tests.spec.model import Fact
from tests.spec.run import resources

Json = dict[str, Any]


def matched(criteria: list[Json], *facts: Fact, **given: Any) -> Json:
    """The one match of a patient."""
    return judge(criteria, resources(facts), **given).match


def test_the_leaves_that_no_longer_decide_are_named() -> None:
    match = matched([named("E1", WASHOUT), named("E2", VACCINE), named("I1", age(">=", 18))], INFUSED, VACCINATED)
    ahead = match["mayQualifyFrom"]
    assert (ahead["date"], ahead["verdict"]) == ("2026-07-11", "possible")
    assert [(one["linkId"], one["basis"]) for one in ahead["because"]] == [("E1", "evidence"), ("E2", "evidence")]
    assert " May qualify from 2026-07-11, if nothing else happens: E1 " in match["why"]


def test_a_result_that_becomes_too_old_promises_nothing() -> None:
    """The words say how long it counts: it may be replaced any day."""
    match = matched([named("I2", measured("alt", times("<=", 3)))], r.alt(200))
    assert match["mayQualifyFrom"]["verdict"] == "possible"
    assert [one["basis"] for one in match["mayQualifyFrom"]["because"]] == ["stale"]
    assert "That counts until 2026-05-21, if no new result changes it sooner." in match["why"]
    assert "May qualify" not in match["why"]
    both = matched([named("I2", measured("alt", times("<=", 3))), named("E1", WASHOUT)], r.alt(200), INFUSED)
    assert " May qualify from 2026-07-11, if nothing else happens and no new result changes it sooner: " in both["why"]


def test_a_death_to_come_is_not_known_yet() -> None:
    """It leaves the answer as it is; who is dead today has no outlook."""
    criteria = [named("E1", WASHOUT)]
    ahead = matched(criteria, r.patient(deceasedDateTime="2026-04-01"), INFUSED)["mayQualifyFrom"]
    assert ahead["date"] == "2026-07-11"
    assert matched(criteria, r.patient(deceasedBoolean=True), INFUSED)["mayQualifyFrom"] is None


def test_an_answer_that_has_run_out_by_then_is_open() -> None:
    """Consent to the end of June; without an end it holds."""
    criteria = [named("E1", WASHOUT), named("I5", judgement("consent"))]
    given = {"judgement": "consent", "answer": "met", "by": "Dr A", "at": "2026-02-01"}
    for answer, verdict in ((given, "eligible"), (given | {"until": "2026-06-30"}, "likely")):
        assert matched(criteria, INFUSED, attestations=[answer])["mayQualifyFrom"]["verdict"] == verdict


def test_the_calendar_ends() -> None:
    """As of its last days hardly anything lies ahead."""
    for day in ("9999-12-20", "9999-12-31"):
        match = matched([named("E1", WASHOUT)], r.given("belimumab", "9999-12-01"), as_of=day)
        assert (match["verdict"], match["mayQualifyFrom"]) == ("ineligible", None)
