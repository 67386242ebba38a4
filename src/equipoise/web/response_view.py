"""What the rules say of a reading, in the words and figures of the page.

Every figure is one of a derived table, of the standard's data file or of the study; here a decimal
point is put into it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from equipoise.conduct.together import Together
from equipoise.record.event import decimal_text
from equipoise.response.change import sum_change, sum_limits
from equipoise.response.criteria import Criteria, criteria
from equipoise.response.events import DIAMETER_PLACES
from equipoise.response.grounds import Ground, grounds
from equipoise.study.definition import Study
from equipoise.web.wording import Words

IN_MILLIMETRES = frozenset(
    {"not_measured_at_baseline", "below_measurable", "node_normal_at_baseline"}
)
"""Findings of which the figures are sizes; those of others are numbers or days."""

TREATMENT_TOLD = frozenset({"baseline_too_early"})
"""Findings that tell when treatment began: none for a blinded reader."""


def millimetres(scaled: int | None, words: Words) -> str:
    """A size of a table, in hundredths of a millimetre, as text; "" for none."""
    if scaled is None:
        return ""
    return _shown(decimal_text(Decimal(scaled).scaleb(-DIAMETER_PLACES)), words)


def percent(tenths: int | None, words: Words) -> str:
    """A change in tenths of a percent, with its sign; "" for none."""
    if tenths is None:
        return ""
    sign = "−" if tenths < 0 else "+" if tenths else ""
    return sign + _shown(f"{abs(tenths) // 10}.{abs(tenths) % 10}", words)


def signed(scaled: int | None, words: Words) -> str:
    """A change in hundredths of a millimetre, with its sign."""
    if scaled is None:
        return ""
    return ("−" if scaled < 0 else "+" if scaled else "") + millimetres(abs(scaled), words)


def _shown(text: str, words: Words) -> str:
    return text.replace(".", ",") if words.language == "fr" else text


@dataclass(frozen=True, slots=True)
class Verdict:
    """A response with the sentence of the standard that makes it so."""

    about: str
    verdict: str
    told: str
    section: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One assessment as the rules judge it; figures as text, "" where there is none.

    `row`: the same figures as `sum_limits` has them, for a drawing.
    """

    assessment: str
    occurred: datetime.date | None
    baseline: bool
    targets: int
    missing: int
    sum: str
    known: str
    from_baseline: str
    from_nadir: str
    rise: str
    nadir: str
    partial_at: str
    progression_at: str
    verdicts: tuple[Verdict, ...]
    row: Mapping[str, Any]

    @property
    def overall(self) -> str:
        """The overall response, "" at a baseline."""
        return self.verdicts[-1].verdict if self.verdicts else ""

    def of(self, about: str) -> str:
        """The response of targets, non-targets or new lesions, "" where there is none."""
        return next((each.verdict for each in self.verdicts if each.about == about), "")


def judged(
    sums: pl.DataFrame, responses: pl.DataFrame, evaluator: str, study: Study, words: Words
) -> list[Judged]:
    """Every assessment of an evaluator in one subject, in order of time."""
    found = criteria(study.response)
    by_name = {
        row["assessment"]: row for row in responses.filter(evaluator=evaluator).rows(named=True)
    }
    changes = sum_change(sums.filter(evaluator=evaluator))
    return [
        Judged(
            assessment=row["assessment"], occurred=row["occurred"], baseline=row["baseline"],
            targets=row["targets"], missing=row["not_evaluated"],
            sum=millimetres(row["diameter_sum"], words),
            known=millimetres(row["known_sum"], words),
            from_baseline=percent(row["from_baseline"], words),
            from_nadir=percent(row["from_nadir"], words), rise=signed(row["rise"], words),
            nadir=millimetres(row["nadir"], words), row=row,
            partial_at=millimetres(row["partial_at"], words),
            progression_at=millimetres(row["progression_at"], words),
            verdicts=_verdicts(by_name.get(row["assessment"]), found, words),
        )
        for row in sum_limits(changes, study.response).rows(named=True)
    ]  # fmt: skip


def _verdicts(row: Mapping[str, Any] | None, found: Criteria, words: Words) -> tuple[Verdict, ...]:
    if row is None:
        return ()
    return tuple(
        Verdict(each.about, each.verdict, _told(each, found, words), each.section)
        for each in grounds(row, found)
    )


def _told(ground: Ground, found: Criteria, words: Words) -> str:
    limits = {name: limit.value for name, limit in found.limits}
    if ground.about == "overall":
        return words["ground.overall"].format(row=ground.row)
    key = f"ground.{ground.about}.{ground.verdict}"
    return words.of(key, f"ground.{ground.about}").format(**limits)


def findings(rows: Iterable[Mapping[str, Any]], words: Words, *, blinded: bool) -> list[str]:
    """What is to be asked of a reader, in words, each with the section of the standard."""
    told = []
    for row in rows:
        code = row["finding"]
        if blinded and code in TREATMENT_TOLD:
            continue
        size = code in IN_MILLIMETRES
        found, limit = (
            millimetres(each, words) if size else "" if each is None else str(each)
            for each in (row["found"], row["limit"])
        )
        text = words[f"finding.{code}"].format(found=found or "—", limit=limit)
        lesion = f"{row['lesion']}: " if row["lesion"] else ""
        told.append(f"{lesion}{text} (RECIST 1.1, {row['section']})")
    return told


def judged_reading(
    together: Together, evaluator: str, name: str, words: Words, *, blinded: bool
) -> dict[str, Any]:
    """`this`: a reading as the rules would judge it; `warnings`: what is to be asked about it."""
    sums, responses, asked = (
        together.derived(each) for each in ("target_sum", "time_point_response", "reading_finding")
    )
    every = judged(sums, responses, evaluator, together.context.study, words)
    mine = [
        each
        for each in asked.filter(evaluator=evaluator).rows(named=True)
        if each["assessment"] in (name, None)
    ]
    return {
        "this": next((each for each in every if each.assessment == name), None),
        "warnings": findings(mine, words, blinded=blinded),
    }
