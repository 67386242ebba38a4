"""The margins of a cohort, counted in draws: at baseline, by central review, in every analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from equipoise.analysis.counts import counted
from equipoise.analysis.grid import Grid, times_in_groups
from equipoise.analysis.result import Result
from equipoise.analysis.run import READS, run
from equipoise.analysis.subjects import analysed_subjects, end_point_tables
from equipoise.errors import BadInput
from equipoise.record.rule import KEY, Tables
from equipoise.simulation.answers import Texts
from equipoise.simulation.cohort_plan import (
    BaselineMargin,
    CohortPlan,
    Limits,
    ResultMargin,
)
from equipoise.simulation.entries import Entries
from equipoise.simulation.exchange import TimeMargin, distances, missed
from equipoise.simulation.margins import Margin, limits_in_words, met
from equipoise.simulation.nature import Bools
from equipoise.simulation.recruitment import places
from equipoise.study.analysis_plan import Analysis, AnalysisPlan
from equipoise.study.definition import Study
from equipoise.study.derivation import derive, spent

_RANDOMISED = pl.col("arm").is_not_null()


def check_margins(study: Study, plan: CohortPlan) -> None:
    """Refuse margins of what the study has not, or of what none can be met: BadInput."""
    items = {
        item.code: item.type
        for form in study.visits.forms
        if not form.repeating
        for item in form.items
    }
    assays = {each.code for each in study.biomarker.marker.assays}
    analyses = {each.id: each for each in study.analysis.analyses}
    for each in plan.baseline:
        _check_where(each.where, {**items, "arm": "code", "marker_status": "code"}, "baseline")
        if each.assay is not None and each.assay not in assays:
            raise _no_such("baseline.assay", each.assay, f"an assay: {', '.join(sorted(assays))}")
    for margin in plan.results:
        field = f"results.{margin.analysis}"
        if margin.analysis not in analyses:
            named = f"an analysis of the plan: {', '.join(analyses)}"
            raise _no_such("results.analysis", margin.analysis, named)
        _check_where(margin.where, items, field)
        _check_figures(analyses[margin.analysis], margin, field)


def _check_where(where: Mapping[str, str | Limits], types: Mapping[str, str], field: str) -> None:
    for name, wanted in where.items():
        kinds = ("code",) if isinstance(wanted, str) else ("integer", "decimal")
        if types.get(name) not in kinds:
            allowed = f"an item of type {' or '.join(kinds)} of a form that is filled once"
            raise _no_such(f"{field}.where", name, allowed)


def _no_such(field: str, found: object, allowed: str) -> BadInput:
    return BadInput(allowed, where="cohort", field=field, found=found)


def _check_figures(analysis: Analysis, margin: ResultMargin, field: str) -> None:
    """As many figures as the analysis has, of a kind that can be looked for."""
    groups = len(analysis.groups)
    ratio = analysis.method == "cox" and groups == 2
    ratio &= not (analysis.adjust or analysis.stratify or analysis.interaction)
    if (margin.estimates or margin.events is not None) and not (
        ratio or analysis.method == "kaplan_meier"
    ):
        raise _no_such(
            f"{field}.estimates", analysis.method,
            "a median of Kaplan–Meier, or a hazard ratio of two groups without covariates",
        )  # fmt: skip
    for name, wanted in (
        ("numerators", groups), ("denominators", groups), ("estimates", 1 if ratio else groups),
    ):  # fmt: skip
        given = len(getattr(margin, name))
        if given not in (0, wanted):
            allowed = f"{wanted} of them, null where nothing was published"
            raise _no_such(f"{field}.{name}", given, allowed)


def baseline_margins(
    entries: Entries, status: Texts, arm: Texts, study: Study, plan: CohortPlan
) -> list[Margin]:
    """The margins that are decided before allocation, over replicates x candidates of `entries`."""
    tables = entries.tables()
    answers = derive(tables, study, upto="subject_item")["subject_item"].drop("sources")
    found = derive(tables, study, upto="assay_determination")["assay_determination"]
    stands = places(entries).with_columns(
        arm=pl.Series(np.broadcast_to(arm, status.shape).ravel().tolist(), dtype=pl.String),
        marker_status=pl.Series(status.ravel().tolist(), dtype=pl.String),
    )
    people = stands.join(answers, on=[*KEY], how="left").sort("_place")
    margins = []
    for each in plan.baseline:
        here = people
        if each.assay is not None:
            read = found.filter(basis="randomisation", assay=each.assay, interpretable=True)
            here = people.with_columns(_read=_among(people, read))
        inside = met(each.where) & _RANDOMISED & (pl.col("_read") if each.assay else True)
        margins.append(
            Margin(
                _named(each),
                here.select(inside.alias("inside"))["inside"].to_numpy().reshape(status.shape),
                *_limits(each, status.shape[1]),
            )
        )
    return margins


def _among(people: pl.DataFrame, read: pl.DataFrame) -> pl.Series:
    marked = people.join(
        read.select(*KEY).unique().with_columns(_there=pl.lit(value=True)),
        on=[*KEY], how="left", maintain_order="left",
    )  # fmt: skip
    return marked["_there"].fill_null(value=False)


def _named(margin: BaselineMargin) -> str:
    parts = [
        f"{name} {wanted if isinstance(wanted, str) else limits_in_words(wanted)}"
        for name, wanted in margin.where.items()
    ]
    parts += [f"{margin.assay} interpretable"] if margin.assay else []
    return ", ".join(parts)


def _limits(margin: BaselineMargin, size: int) -> tuple[int, int]:
    if margin.count is not None:
        return margin.count, margin.count
    return margin.at_least or 0, size if margin.at_most is None else margin.at_most


def subjects_of(tables: Tables, study: Study) -> pl.DataFrame:
    """`analysed_subjects` of trials, with the answers at baseline and `central_grade`."""
    kept = spent(dict(tables), study, READS | {"tumour_grade"})
    end_points = end_point_tables(kept, study, with_sources=False)
    subjects = analysed_subjects(kept, study, end_points)
    answers = kept["subject_item"].drop("sources", "item_sources")
    graded = kept["tumour_grade"]
    if study.biomarker.pathology is not None:
        graded = graded.filter(classification=study.biomarker.pathology.in_force)
    graded = graded.select(*KEY, central_grade="central")
    for each in (answers, graded):
        new = [name for name in each.columns if name not in subjects.columns or name in KEY]
        subjects = subjects.join(each.select(new), on=[*KEY], how="left", maintain_order="left")
    return subjects


def course_margins(
    subjects: pl.DataFrame, names: pl.Series, study: Study, plan: CohortPlan
) -> list[Margin]:
    """The margins that are decided after allocation, over replicates x the subjects `names`."""
    margins = []
    for grade, read in plan.central_grade.items():
        graded = (pl.col("central_grade") == grade) & _RANDOMISED
        margins.append(
            Margin(f"central grade {grade}", _spread(subjects, names, graded), read, read)
        )
    for each in plan.results:
        analysis = _analysis_of(study.analysis, each)
        where = met(each.where)
        for place, group in enumerate(analysis.groups):
            counts = counted(study.analysis, analysis, place)
            for part, wanted, inside in zip(
                ("numerator", "denominator"), (each.numerators, each.denominators), counts,
                strict=True,
            ):  # fmt: skip
                number = wanted[place] if wanted else None
                if number is not None:
                    name = " ".join([each.analysis, *each.where.values(), group.label, part])
                    found = _spread(subjects, names, inside & where)
                    margins.append(Margin(name, found, number, number))
    return margins


def _analysis_of(plan: AnalysisPlan, margin: ResultMargin) -> Analysis:
    return next(each for each in plan.analyses if each.id == margin.analysis)


def _spread(subjects: pl.DataFrame, names: pl.Series, inside: pl.Expr) -> Bools:
    """A condition over replicates x `names`. `subjects` has every name in every replicate."""
    found = subjects.select(inside.fill_null(value=False).alias("inside"))["inside"].to_numpy()
    return _in_order(found, names)


def _in_order(values: np.ndarray, names: pl.Series) -> np.ndarray:
    """Values by replicate and name, in one row or two-dimensional, with `names` as columns."""
    by_name = values.reshape(-1, len(names))
    spread = np.empty_like(by_name)
    spread[:, names.arg_sort().to_numpy()] = by_name
    return spread


def times_of(
    subjects: pl.DataFrame, names: pl.Series, study: Study, plan: CohortPlan
) -> list[TimeMargin]:
    """The margins that are no counts, with the times behind them."""
    return list(_times(subjects, names, study, plan))


def _times(
    subjects: pl.DataFrame, names: pl.Series, study: Study, plan: CohortPlan
) -> Iterator[TimeMargin]:
    grid = Grid(subjects, subjects["replicate"].unique(maintain_order=True).to_list())
    for margin in plan.results:
        if not margin.estimates and margin.events is None:
            continue
        analysis = _analysis_of(study.analysis, margin)
        days, event, group = (
            _in_order(each, names)
            for each in times_in_groups(study.analysis, subjects, analysis, grid)
        )
        yield TimeMargin(study.analysis, analysis, margin, days, event, group)


def disagreements(entries: Entries, tables: Tables, study: Study, plan: CohortPlan) -> list[str]:
    """In words, every margin that a trial of one replicate does not meet.

    What a margin says of a whole analysis is looked up in the results of the trial.
    """
    allocated = places(entries).join(
        tables["randomised"].select(*KEY, "arm", "marker_status"),
        on=[*KEY], how="left", maintain_order="left",
    )  # fmt: skip
    status, arm = (
        np.array(allocated[name].to_list(), dtype=object)[None] for name in ("marker_status", "arm")
    )
    names = pl.Series(entries.subject_names[0].tolist(), dtype=pl.String)
    within = plan.model_copy(update={"results": tuple(each for each in plan.results if each.where)})
    margins = [
        *baseline_margins(entries, status, arm[0], study, plan),
        *course_margins(subjects_of(tables, study), names, study, within),
    ]
    found = []
    for each in margins:
        count = int(each.counted.sum())
        if not each.low <= count <= each.high:
            found.append(f"{each.name}: {count}, not {each.low} to {each.high}")
    (replicate,) = entries.replicates
    results = run(derive(tables, study), study, replicate=replicate)
    for margin in plan.results:
        if not margin.where:
            found += not_as_published(margin, [r for r in results if r.analysis == margin.analysis])
    return found


def not_as_published(margin: ResultMargin, results: Sequence[Result]) -> list[str]:
    """In words, in what the results of an analysis do not show a margin of all its subjects."""
    single = [each for each in results if len(each.groups) == 1]
    whole = [each for each in results if len(each.groups) > 1]
    counted = single or whole
    found = []
    for name in ("numerators", "denominators"):
        there = [number for each in counted for number in getattr(each, name)]
        for place, wanted in enumerate(getattr(margin, name)):
            if wanted is not None and there[place] != wanted:
                what = f"{name.removesuffix('s')} {place + 1} of {margin.analysis}"
                found.append(f"{what}: {there[place]}, not {wanted}")
    events = sum(number for each in counted for number in each.numerators)
    estimates = [each.estimate for each in counted]
    return [*found, *missed(distances(margin, estimates, events))]
