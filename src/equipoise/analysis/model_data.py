"""What a regression or a stratified test reads: cells of groups and covariates, and a design.

A cell is a group of the analysis and a combination of the codes of its covariates. The codes and
their order come from the study file: they are the categories of the columns of
`analysed_subjects`, so that every trial has the same cells.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.analysis.grid import Grid, place_in_groups
from equipoise.analysis.subjects import covariate_column, denominator_rule, estimand_of, variable_of
from equipoise.study.analysis_plan import Analysis, AnalysisPlan

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A row for each group and combination of adjusting codes, groups first; a column for each
    coefficient, the constant first. `names` name the columns, `tested` are those asked about."""

    rows: NDArray[np.float64]
    names: tuple[str, ...]
    tested: tuple[int, ...]


class ModelData:
    """The subjects of one analysis by group and covariates, in every replicate of the grid."""

    def __init__(
        self, plan: AnalysisPlan, subjects: pl.DataFrame, analysis: Analysis, grid: Grid
    ) -> None:
        self._plan, self._subjects, self._analysis, self._grid = plan, subjects, analysis, grid
        self.strata = tuple(self._codes(item) for item in analysis.stratify)

    @cached_property
    def adjusting(self) -> tuple[tuple[str, ...], ...]:
        """The codes of each adjusting covariate."""
        return tuple(self._codes(item) for item in self._analysis.adjust)

    @property
    def combinations(self) -> tuple[tuple[str, ...], ...]:
        """Every combination of the codes of the adjusting covariates, in order."""
        return tuple(itertools.product(*self.adjusting))

    @cached_property
    def adjusting_place(self) -> Counts:
        """The place of each subject's combination of adjusting codes; -1 where one is missing."""
        return self._place(self._analysis.adjust, self.adjusting)

    @cached_property
    def stratum(self) -> Counts:
        """The place of each subject's combination of stratifying codes; -1 where one is missing."""
        return self._place(self._analysis.stratify, self.strata)

    def counts(self) -> tuple[Counts, Counts]:
        """Responders and those counted, of shape (replicates, groups, combinations).

        The combinations are those of the adjusting covariates, or of the strata where there are.
        Who is not evaluable is left out or counts as not responding, as the analysis says.
        """
        value = pl.col(f"value/{variable_of(self._plan, estimand_of(self._plan, self._analysis))}")
        everybody = denominator_rule(self._plan, self._analysis) == "all"
        present = value.fill_null(False) if everybody else value
        found = self._subjects.with_columns(present.alias("counted")).select(
            place_in_groups(self._plan, self._analysis, "counted").alias("group"),
            pl.col("counted").fill_null(False).cast(pl.Int64).alias("responded"),
        )
        by_stratum = bool(self._analysis.stratify)
        codes = self.strata if by_stratum else self.adjusting
        place = self.stratum if by_stratum else self.adjusting_place
        width = int(np.prod([len(each) for each in codes], dtype=np.int64))
        group = found["group"].to_numpy()
        shape = (self._grid.shape[0], len(self._analysis.groups), width)
        inside = (group >= 0) & (place >= 0)
        cell = np.ravel_multi_index((self._grid.row[inside], group[inside], place[inside]), shape)
        size = int(np.prod(shape))
        responded = found["responded"].to_numpy()[inside]
        events = np.bincount(cell[responded == 1], minlength=size).reshape(shape)
        return events, np.bincount(cell, minlength=size).reshape(shape)

    def _codes(self, item: str) -> tuple[str, ...]:
        dtype = self._subjects.schema[covariate_column(self._plan, self._analysis, item)]
        assert isinstance(dtype, pl.Enum)
        return tuple(dtype.categories)

    def _place(self, items: tuple[str, ...], codes: tuple[tuple[str, ...], ...]) -> Counts:
        place = np.zeros(len(self._subjects), dtype=np.int64)
        for item, values in zip(items, codes, strict=True):
            column = self._subjects[covariate_column(self._plan, self._analysis, item)]
            code = column.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
            place = np.where((place < 0) | (code < 0), -1, place * len(values) + code)
        return place


class Coded(Protocol):
    """Codes of the adjusting covariates of an analysis, and every combination of them, in order."""

    @property
    def adjusting(self) -> tuple[tuple[str, ...], ...]: ...

    @property
    def combinations(self) -> tuple[tuple[str, ...], ...]: ...


class Unadjusted:
    """Of an analysis without covariates there is one combination of codes: none."""

    adjusting: tuple[tuple[str, ...], ...] = ()
    combinations: tuple[tuple[str, ...], ...] = ((),)


def design_of(data: Coded, analysis: Analysis) -> Design:
    """Constant, groups (or arms, statuses and their products), then codes beside the first."""
    names = ["constant"]
    columns = []
    groups = len(analysis.groups)
    if analysis.interaction is None:
        columns += [[float(place == 0) for place in range(groups)]]
        names += [analysis.groups[0].label]
        tested: tuple[int, ...] = (1,)
    else:
        arms, statuses = analysis.interaction.arms[:-1], analysis.interaction.statuses[:-1]
        in_arm = {a: [float(each.arms == (a,)) for each in analysis.groups] for a in arms}
        of = {s: [float(each.statuses == (s,)) for each in analysis.groups] for s in statuses}
        pairs = list(itertools.product(arms, statuses))
        products = [[x * y for x, y in zip(in_arm[a], of[s], strict=True)] for a, s in pairs]
        columns += [*in_arm.values(), *of.values(), *products]
        names += [*arms, *statuses, *(f"{arm} in {status}" for arm, status in pairs)]
        tested = tuple(range(1 + len(arms) + len(statuses), 1 + len(columns)))
    combinations = data.combinations
    grouped = np.repeat(np.array(columns).T, len(combinations), axis=0)
    others = []
    for place, (item, codes) in enumerate(zip(analysis.adjust, data.adjusting, strict=True)):
        for code in codes[1:]:
            names.append(f"{item.replace('_', ' ')} {code}")
            others.append([float(each[place] == code) for each in combinations] * groups)
    constant = np.ones((len(grouped), 1))
    rows = np.hstack([constant, grouped, *(np.array([each]).T for each in others)])
    return Design(rows, tuple(names), tested)
