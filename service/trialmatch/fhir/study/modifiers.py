"""What stands beside a definition and qualifies it: windows, counts, durations, extensions."""

from __future__ import annotations

from dataclasses import dataclass, field

from trialmatch.eligibility.dates import Offset, Window
from trialmatch.eligibility.values import Interval
from trialmatch.fhir.study.limits import Limit


@dataclass
class Modifiers:
    """What stands beside a definition: windows, counts, durations and the extensions that a leaf may carry."""

    windows: tuple[Window, ...] = ()
    count: Interval | None = None
    duration: Limit | None = None
    absent: bool = False
    open_list: bool = False
    validity: Offset | None = None
    dose: Limit | None = None
    distinct_by: str | None = None
    used: set[str] = field(default_factory=set)

    def take(self, *names: str) -> None:
        """Say that a leaf understands these."""
        self.used |= set(names)

    def left(self) -> list[str]:
        """Those that are there and that the leaf does not understand."""
        there = {
            "timeFromEvent": bool(self.windows),
            "instances[x]": self.count is not None,
            "duration[x]": self.duration is not None,
            "extension absence": self.absent,
            "extension open-list": self.open_list,
            "extension validity": self.validity is not None,
            "extension daily-dose": self.dose is not None,
            "extension distinct-by": self.distinct_by is not None,
        }
        return [name for name, present in there.items() if present and name not in self.used]
