"""How far a study has come, as its record says (R5 ``ResearchStudy.progressStatus``)."""

from __future__ import annotations

from trialmatch.fhir.elements import Json, objects

#: A code of R5 that tells when the study as a whole begins and ends, and no state.
_OVERALL = "overall-study"


def states(study: Json) -> list[str]:
    """The codes of a study's progress that have come true, the latest last."""
    return [
        str(coding["code"])
        for one in objects(study, "progressStatus")
        if one.get("actual") is not False
        for coding in objects(one.get("state"), "coding")
        if "code" in coding
    ]


def latest(study: Json) -> str | None:
    """The last of them; a state for which there is no code, such as the registry's SUSPENDED, in its words."""
    for one in reversed(objects(study, "progressStatus")):
        state = one.get("state")
        if one.get("actual") is not False and isinstance(state, dict):
            codes = [coding["code"] for coding in objects(state, "coding") if isinstance(coding.get("code"), str)]
            said = codes[-1] if codes else state.get("text")
            if isinstance(said, str) and said.strip() and said != _OVERALL:
                return said
    return None
