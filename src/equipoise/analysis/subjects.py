"""One row per subject with everything that the analyses of a study read.

The table is wide: a column per population, status version and end point, so that the counts of
every analysis and of every replicate come out of one pass over it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.analysis.binary import binary_value, first_response
from equipoise.analysis.endpoints import start_of, time_to_event
from equipoise.analysis.observed import Observed
from equipoise.analysis.populations import (
    BASES,
    KEY,
    evidence,
    items_behind,
    member,
    population_values,
)
from equipoise.record.rule import Tables
from equipoise.study.analysis_plan import (
    MARKER_STATUS,
    Analysis,
    AnalysisPlan,
    BinaryEndPoint,
    Estimand,
    Group,
    Population,
    TimeToEventEndPoint,
)
from equipoise.study.censoring import handling_of, rules_in_words
from equipoise.study.definition import Study

EndPointTables = dict[str, pl.DataFrame]

POST_HOC = "post hoc: chosen after the results were known"
RECONSTRUCTION = "our reconstruction, not the method that the trial states"


def estimand_of(plan: AnalysisPlan, analysis: Analysis) -> Estimand:
    """The estimand that `analysis` names."""
    return next(each for each in plan.estimands if each.code == analysis.estimand)


def population_of(plan: AnalysisPlan, analysis: Analysis) -> Population:
    """The population of the analysis's estimand."""
    wanted = estimand_of(plan, analysis).population
    return next(each for each in plan.populations if each.code == wanted)


def end_point_of(plan: AnalysisPlan, analysis: Analysis) -> BinaryEndPoint | TimeToEventEndPoint:
    """The end point of the analysis's estimand."""
    wanted = estimand_of(plan, analysis).end_point
    return next(each for each in plan.end_points if each.code == wanted)


def denominator_rule(plan: AnalysisPlan, analysis: Analysis) -> str:
    """`evaluable` or `all`: the analysis's own rule, else that of its end point."""
    end_point = end_point_of(plan, analysis)
    own = end_point.denominator if isinstance(end_point, BinaryEndPoint) else "all"
    return analysis.denominator or own


def labelled(plan: AnalysisPlan, analysis: Analysis) -> str:
    """The title of the analysis, and whether it is post hoc or a reconstruction of ours."""
    return "; ".join((titled(plan, analysis), *flags(analysis)))


def titled(plan: AnalysisPlan, analysis: Analysis) -> str:
    """The label of the analysis, and the censoring rules where its end point names any."""
    end_point = end_point_of(plan, analysis)
    rules = "" if isinstance(end_point, BinaryEndPoint) else rules_in_words(end_point)
    return f"{analysis.label.en}; {rules}" if rules else analysis.label.en


def flags(analysis: Analysis) -> tuple[str, ...]:
    """What is said wherever the analysis is shown: that it is post hoc, that it is ours."""
    return ((POST_HOC,) if analysis.post_hoc else ()) + (
        (RECONSTRUCTION,) if analysis.reconstruction else ()
    )


def variable_of(plan: AnalysisPlan, estimand: Estimand) -> str:
    """The name of an estimand's variable: its end point, handled by its strategies.

    Estimands that differ only in population or status share a variable: the code of the first.
    """
    handling = handling_of(estimand)
    return next(
        each.code
        for each in plan.estimands
        if each.end_point == estimand.end_point and handling_of(each) == handling
    )


def end_point_tables(
    tables: Tables, study: Study, *, cut: datetime.date | None = None, with_sources: bool = True
) -> EndPointTables:
    """The table of every variable that an analysis uses, as read by the primary evaluator."""
    plan, evaluator = study.analysis, study.response.primary_evaluator
    observed = Observed(tables, plan, study.visits, evaluator)
    used = {each.estimand for each in plan.analyses}
    wanted = {variable_of(plan, each) for each in plan.estimands if each.code in used}
    end_points = {each.code: each for each in plan.end_points}
    found = {}
    for estimand in (each for each in plan.estimands if each.code in wanted):
        end_point, handling = end_points[estimand.end_point], handling_of(estimand)
        if isinstance(end_point, BinaryEndPoint):
            found[estimand.code] = binary_value(tables, study, end_point, handling)
            continue
        responses = None
        if end_point.start == "response":
            responses = first_response(tables, study, handling, confirmed=end_point.confirmed)
        start = start_of(observed, end_point, responses)
        found[estimand.code] = time_to_event(
            observed, end_point, handling, start, cut=cut, with_sources=with_sources
        )
    return found


def analysed_subjects(tables: Tables, study: Study, end_points: EndPointTables) -> pl.DataFrame:
    """One row per screened subject, replicate first, and one column per thing that is analysed.

    Columns: arm; `population/CODE/RULE` (Boolean); `status/RULE/BASIS`; of each variable its
    columns as `value/CODE`, or `time_days/CODE` and `event/CODE`; of each covariate that an
    analysis reads `item/CODE`, or `marker/RULE/BASIS` for the status, as codes of the study file.
    """
    plan = study.analysis
    frame = tables["disposition"].select(KEY).sort(KEY)
    for rule in _distinct(each.status_rule for each in plan.estimands):
        items = population_values(tables, status_rule=rule)
        if rule == plan.estimands[0].status_rule:
            frame = frame.with_columns(items["arm"])
        frame = frame.with_columns(
            *(
                member(items, each).alias(f"population/{each.code}/{rule}")
                for each in plan.populations
            ),
            *(items[f"status_{basis}"].alias(f"status/{rule}/{basis}") for basis in BASES),
        )
    for code, table in end_points.items():
        values = [name for name in ("value", "time_days", "event") if name in table.columns]
        named = table.select(*KEY, *(pl.col(name).alias(f"{name}/{code}") for name in values))
        frame = frame.join(named, on=KEY, how="left")
    return _with_covariates(frame, tables, study).sort(KEY)


def _with_covariates(frame: pl.DataFrame, tables: Tables, study: Study) -> pl.DataFrame:
    """`frame` with the columns of every covariate of the plan.

    An item stands on a form that is filled once: its latest answer, whenever it was given or put
    right, is what was so at entry.
    """
    plan = study.analysis
    read = {item for each in plan.analyses for item in covariates_of(each)}
    items = sorted(read - {MARKER_STATUS})
    if items:
        codes = {
            each.code: [code.code for code in each.codes]
            for form in study.visits.forms
            for each in form.items
        }
        answers = tables["subject_item"].select(
            *KEY, *(pl.col(item).cast(pl.Enum(codes[item])).alias(f"item/{item}") for item in items)
        )
        frame = frame.join(answers, on=KEY, how="left")
    statuses = pl.Enum([each.code for each in study.biomarker.marker.statuses])
    named = {
        (estimand.status_rule, estimand.status_basis)
        for each in plan.analyses
        if MARKER_STATUS in covariates_of(each)
        for estimand in [estimand_of(plan, each)]
    }
    return frame.with_columns(
        pl.col(f"status/{rule}/{basis}").cast(statuses).alias(f"marker/{rule}/{basis}")
        for rule, basis in sorted(named)
    )


def covariates_of(analysis: Analysis) -> tuple[str, ...]:
    """The covariates and strata of an analysis."""
    return (*analysis.adjust, *analysis.stratify)


def covariate_column(plan: AnalysisPlan, analysis: Analysis, item: str) -> str:
    """The column of `analysed_subjects` with the codes of a covariate: its categories are those of
    the study file, in their order."""
    if item != MARKER_STATUS:
        return f"item/{item}"
    estimand = estimand_of(plan, analysis)
    return f"marker/{estimand.status_rule}/{estimand.status_basis}"


def in_group(plan: AnalysisPlan, analysis: Analysis, group: Group) -> pl.Expr:
    """Whether a row of `analysed_subjects` is in this group of this analysis; never null.

    Who has no answer to a covariate of the analysis is in none.
    """
    estimand = estimand_of(plan, analysis)
    inside = pl.col(f"population/{estimand.population}/{estimand.status_rule}")
    if group.arms:
        inside &= pl.col("arm").is_in(group.arms)
    if group.statuses:
        status = pl.col(f"status/{estimand.status_rule}/{estimand.status_basis}")
        inside &= status.is_in(group.statuses)
    for item in covariates_of(analysis):
        inside &= pl.col(covariate_column(plan, analysis, item)).is_not_null()
    return inside.fill_null(False)


class DecidingEvents:
    """The events that put the subjects of trials in groups, with their values.

    `subjects` are the rows of `analysed_subjects`. What stands behind an item is read once for all
    analyses and all replicates.
    """

    def __init__(
        self, tables: Tables, plan: AnalysisPlan, subjects: pl.DataFrame, end_points: EndPointTables
    ) -> None:
        self._tables, self._plan, self._subjects = tables, plan, subjects
        self._end_points = end_points
        self._replicates = subjects["replicate"].to_numpy()
        self._inside: dict[tuple[str, Group], NDArray[np.bool_]] = {}
        self._evidence: dict[str, pl.DataFrame] = {}
        self._lists: dict[tuple[str, str], list[list[int] | None]] = {}
        self._behind: dict[tuple[str, Group], list[list[list[int] | None]]] = {}

    def of(self, analysis: Analysis, groups: Sequence[Group], replicate: int) -> tuple[int, ...]:
        """Sorted distinct `seq` of the events that decided the results of a replicate's groups.

        For each subject of a group: the allocation where the group names arms, the results behind
        the status where it names statuses, the events that the population's expression reads, the
        answers to covariates, and those that decided the end point.
        """
        found: set[int] = set()
        for group in groups:
            inside = self._members(analysis, group)
            members = np.flatnonzero(inside & (self._replicates == replicate))
            lists = self._lists_of(analysis, group)
            found.update(*(each[row] or () for each in lists for row in members))
        return tuple(sorted(found))

    def by_subject(self, analysis: Analysis, group: Group) -> list[frozenset[int]]:
        """For each subject, in the group or not, the events that say whether, and with which value.

        In order of the rows of `subjects`; what `of` says of a group is what this says of its
        members.
        """
        lists = self._lists_of(analysis, group)
        rows = range(len(self._subjects))
        return [frozenset(seq for each in lists for seq in each[row] or ()) for row in rows]

    def _lists_of(self, analysis: Analysis, group: Group) -> list[list[list[int] | None]]:
        """For each item that speaks to a group, and for the end point, each subject's events."""
        if (analysis.id, group) not in self._behind:
            self._behind[analysis.id, group] = self._read(analysis, group)
        return self._behind[analysis.id, group]

    def _read(self, analysis: Analysis, group: Group) -> list[list[list[int] | None]]:
        plan, estimand = self._plan, estimand_of(self._plan, analysis)
        items = set(items_behind(population_of(plan, analysis)))
        if group.arms:
            items.add("randomised")
        if group.statuses or MARKER_STATUS in covariates_of(analysis):
            items.add(f"status_{estimand.status_basis}")
        lists = [self._of_item(estimand.status_rule, item) for item in items]
        answered = (item for item in covariates_of(analysis) if item != MARKER_STATUS)
        lists += [self._of_answer(item) for item in answered]
        return [*lists, self._of_end_point(variable_of(plan, estimand))]

    def _members(self, analysis: Analysis, group: Group) -> NDArray[np.bool_]:
        """Whether each subject, of any replicate, is in a group of an analysis."""
        if (analysis.id, group) not in self._inside:
            inside = in_group(self._plan, analysis, group).alias("inside")
            found = self._subjects.select(inside)["inside"].to_numpy()
            self._inside[analysis.id, group] = found
        return self._inside[analysis.id, group]

    def _of_item(self, rule: str, item: str) -> list[list[int] | None]:
        """For each subject the events behind an item, by a version of the status rule."""
        if (rule, item) not in self._lists:
            if rule not in self._evidence:
                self._evidence[rule] = evidence(self._tables, status_rule=rule)
            self._lists[rule, item] = self._aligned(self._evidence[rule], item)
        return self._lists[rule, item]

    def _of_end_point(self, variable: str) -> list[list[int] | None]:
        """For each subject the events that decided a variable."""
        if ("", variable) not in self._lists:
            self._lists["", variable] = self._aligned(self._end_points[variable], "sources")
        return self._lists["", variable]

    def _of_answer(self, item: str) -> list[list[int] | None]:
        """For each subject the event that holds the answer to an item."""
        if ("item", item) not in self._lists:
            seqs = pl.col("item_sources").struct.field(item).alias(item)
            answers = self._tables["subject_item"].select(*KEY, seqs)
            found = self._aligned(answers, item)
            self._lists["item", item] = [[each] if each is not None else None for each in found]
        return self._lists["item", item]

    def _aligned(self, frame: pl.DataFrame, column: str) -> list[Any]:
        mine = self._subjects.select(KEY)
        found = mine.join(frame.select(*KEY, column), on=KEY, how="left", maintain_order="left")
        return found[column].to_list()


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
