"""Results in words and rows: what the report says of each analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.analysis.estimates import COMPARISONS, ESTIMATES, PER_GROUP
from equipoise.analysis.result import Result
from equipoise.analysis.subjects import end_point_of, estimand_of, flags, labelled, titled
from equipoise.report.claims import caution, claim
from equipoise.report.wording import (
    Written,
    interval,
    p_value,
    percentage,
    plain,
    quantity,
    unit_of,
)
from equipoise.study.analysis_plan import (
    Analysis,
    AnalysisPlan,
    Estimand,
    TimeToEventEndPoint,
)
from equipoise.study.definition import Study
from equipoise.study.interim_limits import interim_limits

RATIO = ("ratio", "ratios")
BASES = {"as_randomised": "as randomised", "as_redetermined": "as re-determined"}


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of a result: its name, its count, its share."""

    label: str
    count: str
    share: str


@dataclass(frozen=True, slots=True)
class ResultView:
    """A result in words: `label` is the title of its analysis, `flags` what must be said beside it,
    `why` what could not be given, `claim` what such a comparison can and cannot show."""

    result: Result
    analysis: Analysis
    label: str
    flags: tuple[str, ...]
    why: str
    population: str
    status: str
    groups: tuple[GroupView, ...]
    kind: str
    unit: str
    estimate: str
    interval: str
    p: Written
    sources: str
    claim: str

    @property
    def role(self) -> str:
        """The role of the analysis."""
        return self.analysis.role

    @property
    def scale(self) -> str:
        """What the estimate is, in small type below it."""
        return self.unit or (ESTIMATES[self.kind] if self.kind.endswith(RATIO) else "")

    @property
    def kind_in_words(self) -> str:
        """What is estimated; empty where nothing is."""
        return ESTIMATES.get(self.kind, "")

    @property
    def limits(self) -> str:
        """The limits in full."""
        return f"{self.result.lower} to {self.result.upper}"

    @property
    def in_words(self) -> str:
        """Estimate with unit and interval."""
        unit = f" {self.unit}" if self.unit else ""
        if self.result.estimate is None:
            if self.kind != "median" or not sum(self.result.denominators):
                return "not estimable"
            return f"not reached ({self.interval}{unit})" if self.interval else "not reached"
        return f"{self.estimate}{unit} ({self.interval})" if self.interval else self.estimate + unit


@dataclass(frozen=True, slots=True)
class PrimaryView:
    """The primary result: sentences, the rows of its analysis, and the rows of the same analysis by
    another version of the marker status."""

    label: str
    sentences: tuple[str, ...]
    caution: str
    rows: tuple[ResultView, ...]
    counterparts: tuple[ResultView, ...]


@dataclass(frozen=True, slots=True)
class EstimandView:
    """An estimand by the attributes of ICH E9(R1), in words.

    `handling` is the letter of its handling of intercurrent events: estimands may share one.
    """

    code: str
    label: str
    population: str
    status: str
    variable: str
    summary: str
    handling: str


Handling = tuple[tuple[str, str, str], ...]
"""Intercurrent events, each with its strategy and what is done."""


def result_views(study: Study, results: list[Result], sources: list[str]) -> list[ResultView]:
    """One view per result; `sources` names each result's list of events."""
    plan = study.analysis
    analyses = {each.id: each for each in plan.analyses}
    populations = {each.code: each.label.en for each in plan.populations}
    views = []
    for result, name in zip(results, sources, strict=True):
        analysis = analyses[result.analysis]
        estimand = estimand_of(plan, analysis)
        kind = _kind(analysis, result)
        end_point = end_point_of(plan, analysis)
        time_unit = end_point.unit if isinstance(end_point, TimeToEventEndPoint) else ""
        views.append(
            ResultView(
                result=result,
                analysis=analysis,
                label=titled(plan, analysis),
                flags=flags(analysis),
                why=result.label.removeprefix(labelled(plan, analysis))[2:-1],
                population=populations[result.population],
                status=_status(estimand),
                groups=tuple(_groups(result)),
                kind=kind,
                unit=unit_of(kind, time_unit),
                estimate=quantity(result.estimate, kind),
                interval=interval(result.lower, result.upper, kind),
                p=p_value(result.p),
                sources=name,
                claim=claim(analysis),
            )
        )
    return views


def primary_view(study: Study, analysis: Analysis, views: list[ResultView]) -> PrimaryView:
    """The primary result in words: counts, contrast, P value, level, and what it can mean."""
    rows = tuple(view for view in views if view.result.analysis == analysis.id)
    sentences = [_sentence(study, analysis, row) for row in rows]
    verdict = _verdict(study, analysis, rows)
    if verdict:
        sentences.append(verdict)
    sentences += _closed_test(study, views)
    others = {each.id for each in counterparts(study.analysis, analysis)}
    beside = tuple(view for view in views if view.result.analysis in others)
    return PrimaryView(analysis.label.en, tuple(sentences), caution(analysis), rows, beside)


def counterparts(plan: AnalysisPlan, analysis: Analysis) -> list[Analysis]:
    """The analyses that differ from this one in the version of the marker status alone."""
    apart = {"id", "label", "role", "estimand"}
    mine, said = estimand_of(plan, analysis), analysis.model_dump(exclude=apart)
    found = []
    for other in plan.analyses:
        theirs = estimand_of(plan, other)
        same = (mine.end_point, mine.status_rule) == (theirs.end_point, theirs.status_rule)
        alike = same and other.model_dump(exclude=apart) == said
        if alike and mine.status_basis != theirs.status_basis:
            found.append(other)
    return found


def estimand_views(study: Study) -> tuple[list[EstimandView], list[tuple[str, Handling]]]:
    """The estimands in plan order, and the distinct handlings of intercurrent events by letter."""
    plan = study.analysis
    populations = {each.code: each.label.en for each in plan.populations}
    end_points = {each.code: each.label.en for each in plan.end_points}
    handlings: dict[Handling, str] = {}
    views = []
    for each in plan.estimands:
        handling = tuple(
            (plain(event.event).capitalize(), plain(event.strategy), event.handling)
            for event in each.intercurrent_events
        )
        letter = handlings.setdefault(handling, _letter(len(handlings))) if handling else ""
        views.append(
            EstimandView(
                each.code,
                each.label.en,
                populations[each.population],
                _status(each),
                end_points[each.end_point],
                each.summary_measure,
                letter,
            )
        )
    return views, [(letter, handling) for handling, letter in handlings.items()]


def _letter(place: int) -> str:
    """A, B, … Z, then A2, B2, …"""
    turn, letter = divmod(place, 26)
    return chr(ord("A") + letter) + (str(turn + 1) if turn else "")


def shorter(study: Study) -> str:
    """The acronym of the study where it has one, else its identifier."""
    return study.registration.acronym or study.id


def _status(estimand: Estimand) -> str:
    return f"{BASES[estimand.status_basis]}, rule {estimand.status_rule}"


def _kind(analysis: Analysis, result: Result) -> str:
    if analysis.estimate in COMPARISONS:
        return analysis.estimate
    return analysis.estimate if len(result.groups) == 1 and result.p is None else "none"


def _groups(result: Result) -> list[GroupView]:
    return [
        GroupView(label, f"{count}/{size}", percentage(count, size))
        for label, count, size in zip(
            result.groups, result.numerators, result.denominators, strict=True
        )
    ]


def _sentence(study: Study, analysis: Analysis, row: ResultView) -> str:
    end_point = end_point_of(study.analysis, analysis)
    counts = [
        f"{count} of {size} subjects{share} in the group {label}"
        for label, count, size, share in zip(
            row.result.groups,
            row.result.numerators,
            row.result.denominators,
            (f" ({group.share})" for group in row.groups),
            strict=True,
        )
    ]
    text = f"{end_point.label.en}: {_listed(counts)}."
    if row.kind in COMPARISONS or row.kind in PER_GROUP:
        name = f"{_percent(analysis)}% confidence interval "
        value = row.in_words.replace("(", f"({name}", 1) if row.interval else row.in_words
        text += f" {ESTIMATES[row.kind].capitalize()} {value}."
    if row.result.p is not None:
        text += f" P {'' if row.p.text.startswith('<') else '= '}{row.p.text}."
    return text + (f" {row.why[:1].upper()}{row.why[1:]}." if row.why else "")


def _verdict(study: Study, analysis: Analysis, rows: Sequence[ResultView]) -> str:
    """Whether the null hypothesis is rejected at the level that the sample size was planned for; of
    an analysis with interim looks, what the last of them asks for."""
    if analysis.interims is not None:
        limits = interim_limits(analysis.interims)
        sided = "two-sided" if limits.sides == 2 else f"one-sided ({analysis.interims.side})"
        return (
            f"The trial has interim looks: at the last, Z {limits.critical[-1]:.3f} rejects, a "
            f"{sided} P of {limits.nominal[-1]:.4f}."
        )
    size = study.analysis.sample_size
    tested = [row.result.p for row in rows if row.result.p is not None]
    if size is None or size.analysis != analysis.id or not tested:
        return ""
    if (size.sided == 2) != (analysis.side == "two_sided"):
        return ""
    sided = "two-sided" if size.sided == 2 else "one-sided"
    outcome = "is rejected" if tested[0] <= float(size.alpha) else "is not rejected"
    return f"At the planned {sided} level of {size.alpha} the null hypothesis {outcome}."


def _closed_test(study: Study, views: Sequence[ResultView]) -> list[str]:
    """What the closed test rejects, with adjusted P values; nothing where the plan has none."""
    closed = study.analysis.closed_testing
    if closed is None:
        return []
    decided = {view.result.analysis: view for view in views if view.result.rejected is not None}
    told = []
    for name in closed.weights:
        view = decided[name]
        p = p_value(view.result.adjusted_p)
        told.append(
            f"{view.label} {'is' if view.result.rejected else 'is not'} rejected (adjusted P "
            f"{'' if p.text.startswith('<') else '= '}{p.text})"
        )
    return [f"Closed test at {closed.alpha}, null hypotheses: {'; '.join(told)}."]


def _percent(analysis: Analysis) -> str:
    return f"{analysis.level * 100:f}".rstrip("0").rstrip(".")


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
