"""Who is in each population of the analysis plan, and who of them can be evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from equipoise.analysis.populations import (
    evidence,
    items_behind,
    member,
    population_values,
)
from equipoise.analysis.subjects import EndPointTables, variable_of
from equipoise.record.rule import KEY, Tables
from equipoise.report.layout import (
    Cell,
    Heading,
    Row,
    Table,
    arm_codes,
    seqs_of,
    status_codes,
    status_label,
)
from equipoise.study.analysis_plan import BinaryEndPoint, Population
from equipoise.study.definition import Study


def population_table(tables: Tables, study: Study, end_points: EndPointTables, rule: str) -> Table:
    """Subjects of every population of the plan, with the evaluable ones for each binary end point
    that an estimand looks at in it.

    One column per marker status as randomised and arm, in the study's order, then all subjects.
    `rule` is the version of the marker's rule that says whose status is known. A cell leads to the
    events that the population's expression reads, and for evaluable ones to those of the end point.
    """
    items = population_values(tables, status_rule=rule)
    people = items.join(evidence(tables, status_rule=rule), on=[*KEY], suffix="/from").join(
        tables["allocation"].select(*KEY, "marker_status", "arm"),
        on=[*KEY],
        how="left",
        suffix="/as",
    )
    statuses, arms = status_codes(study), arm_codes(study)
    rows: list[Row] = []
    for population in study.analysis.populations:
        inside = people.filter(member(items, population))
        rows.append(
            Row(population.label.en, _cells(inside, statuses, arms, items_behind(population)))
        )
        for label, value in _end_points(study, population, end_points):
            known = inside.join(value.filter(pl.col("value").is_not_null()), on=[*KEY])
            cells = _cells(known, statuses, arms, [*items_behind(population), "found"])
            rows.append(Row(f"evaluable: {label}", cells, "level"))
    heads = [
        [Heading(status_label(study, status), len(arms)) for status in statuses] + [Heading("")],
        [Heading(name) for name in [*arms * len(statuses), "All"]],
    ]
    return Table(
        "Populations of the analysis plan, by marker status as randomised and arm",
        "Population",
        heads,
        rows,
        (f"Rule {rule} says whose status is known. Evaluable: with a value of the end point.",),
        block=len(arms),
        title="Populations",
    )


def _end_points(
    study: Study, population: Population, end_points: EndPointTables
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Labels of the binary end points that estimands look at in a population, with their values;
    estimands of one variable give one."""
    plan = study.analysis
    binary = {each.code: each for each in plan.end_points if isinstance(each, BinaryEndPoint)}
    told = set()
    for estimand in plan.estimands:
        if estimand.population != population.code or estimand.end_point not in binary:
            continue
        variable = variable_of(plan, estimand)
        if variable in end_points and variable not in told:
            told.add(variable)
            found = end_points[variable].select(*KEY, "value", found="sources")
            yield binary[estimand.end_point].label.en, found


def _cells(
    people: pl.DataFrame, statuses: list[str], arms: list[str], sources: Sequence[str]
) -> list[Cell]:
    columns = [
        people.filter(pl.col("marker_status") == status, pl.col("arm") == arm)
        for status in statuses
        for arm in arms
    ]
    return [
        Cell(str(len(each)), seqs_of(*(each[_of(each, name)] for name in sources)))
        for each in (*columns, people)
    ]


def _of(people: pl.DataFrame, item: str) -> str:
    """The column with the events behind an item."""
    return f"{item}/from" if f"{item}/from" in people.columns else item
