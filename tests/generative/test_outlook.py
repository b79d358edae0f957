"""The day from which a patient may qualify is the one that matching day after day finds."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from typing import Any

from hypothesis import given

from tests.generative.studies import Situation, situations
from tests.harness import judge

#: Weeks that are matched one by one where no day is said; the days of the week in which it lies always are.
STEP = 15
WEEKS = 105

_DATE = re.compile(r'"(\d{4}(?:-\d\d){0,2})')


def verdict(situation: Situation, day: date) -> dict[str, Any]:
    """The match as of another day."""
    return judge(situation.characteristics, situation.resources, **situation.settings | {"as_of": str(day)}).match


@given(situations())
def test_the_day_is_the_one_that_matching_later_finds(situation: Situation) -> None:
    today = date.fromisoformat(situation.settings["as_of"])
    situation = _known(situation, today)
    match = verdict(situation, today)
    ahead = match["mayQualifyFrom"]
    if match["verdict"] != "ineligible":
        assert ahead is None
        return
    opens = date.fromisoformat(ahead["date"]) if ahead else today + timedelta(weeks=WEEKS, days=1)
    week = today + timedelta(weeks=(opens - today - timedelta(days=1)).days // 7)  # the end of the week before
    days = [today + timedelta(weeks=number) for number in range(0, (week - today).days // 7, STEP)]
    days += [week + timedelta(days=number) for number in range((opens - week).days)] if ahead else [week]
    for day in days:
        assert verdict(situation, day)["verdict"] == "ineligible", day
    if ahead:
        after = verdict(situation, opens)
        assert after["verdict"] == ahead["verdict"] != "ineligible"
        statuses = _statuses(after["items"])
        assert all(statuses[one["linkId"]] != "unmet" for one in ahead["because"])


def _known(situation: Situation, today: date) -> Situation:
    """The same without what is dated later, which nobody knows yet."""

    def known(resource: Any) -> bool:
        return all(one <= str(today)[: len(one)] for one in _DATE.findall(json.dumps(resource)))

    answers = [one for one in situation.settings["attestations"] if known(one)]
    return Situation(
        situation.characteristics,
        [one for one in situation.resources if known(one)],
        situation.settings | {"attestations": answers},
    )


def _statuses(items: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for item in items:
        found[item["linkId"]] = item["status"]
        found |= _statuses(item["children"])
    return found
