"""Who is analysed: what the record knows of every screened subject, and sets of subjects.

A population of the study file is a SQL boolean expression over the columns of `population_item`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import polars as pl

from equipoise.record.expression import Expression
from equipoise.record.rule import Tables
from equipoise.record.sources import group_sources
from equipoise.study.analysis_plan import Population, StatusBasis
from equipoise.treatment.rules import WAS_GIVEN

KEY = ("replicate", "subject")

BASES: dict[StatusBasis, str] = {
    "as_randomised": "randomisation",
    "as_redetermined": "redetermination",
}
"""A status basis of the analysis plan and what the table `marker_status` calls it."""

NO_SOURCES = pl.lit([], dtype=pl.List(pl.Int64))


def status(tables: Tables, rule: str, basis: StatusBasis) -> pl.DataFrame:
    """Marker status of every subject who has one: replicate, subject, status, sources.

    `as_randomised` by the rule that randomisation used is the status that the allocation states,
    whatever was corrected later; by any other version it is derived from the results that
    randomisation had. `as_redetermined` is derived from the re-determination, where there is one.
    """
    derived = (
        tables["marker_status"]
        .filter(
            pl.col("rule") == rule, pl.col("basis") == BASES[basis], pl.col("status").is_not_null()
        )
        .select(*KEY, "status", "sources")
    )
    if basis == "as_redetermined":
        return derived.sort(KEY)
    allocated = (
        tables["allocation"]
        .filter(pl.col("status_rule") == rule)
        .select(*KEY, pl.col("marker_status").alias("status"), "sources")
    )
    others = derived.join(allocated, on=KEY, how="anti")
    return pl.concat([allocated, others]).sort(KEY)


def population_item(tables: Tables, *, status_rule: str) -> pl.DataFrame:
    """One row per screened subject, with what expressions of populations may read.

    Booleans screened, randomised, treated (some dose was given), status_known_as_randomised,
    status_known_as_redetermined, consent_withdrawn; arm, status_as_randomised and
    status_as_redetermined by the version `status_rule` (null where there is none); sources.
    """
    items = population_values(tables, status_rule=status_rule)
    found = evidence(tables, status_rule=status_rule)
    parts = [name for name in found.columns if name not in KEY]
    union = pl.concat_list(parts).list.unique().list.sort().alias("sources")
    return items.join(found.select(*KEY, union), on=KEY, how="left").sort(KEY)


def population_values(tables: Tables, *, status_rule: str) -> pl.DataFrame:
    """`population_item` without its sources: what a simulation of many trials needs."""
    known = {basis: status(tables, status_rule, basis) for basis in BASES}
    frame = tables["disposition"].select(*KEY, "first_dose", "consent_withdrawn")
    frame = frame.join(tables["allocation"].select(*KEY, "arm"), on=KEY, how="left")
    for basis, found in known.items():
        named = found.select(*KEY, pl.col("status").alias(f"status_{basis}"))
        frame = frame.join(named, on=KEY, how="left")
    return frame.select(
        *KEY,
        pl.lit(True).alias("screened"),
        pl.col("arm").is_not_null().alias("randomised"),
        pl.col("first_dose").is_not_null().alias("treated"),
        *(
            pl.col(f"status_{basis}").is_not_null().alias(f"status_known_{basis}")
            for basis in BASES
        ),
        pl.col("consent_withdrawn").is_not_null(),
        "arm",
        *(f"status_{basis}" for basis in BASES),
    ).sort(KEY)


def evidence(tables: Tables, *, status_rule: str) -> pl.DataFrame:
    """For every screened subject the events behind each item of `population_item`.

    Columns replicate, subject, then lists of `seq`: screened, randomised, treated (the doses
    of the first day), consent_withdrawn, status_as_randomised, status_as_redetermined.
    """
    dates = tables["disposition"].select(*KEY, "first_dose", "consent_withdrawn")
    frame = dates.select(KEY)
    parts = {
        "screened": group_sources(tables["subject_screened"], KEY),
        "randomised": tables["allocation"].select(*KEY, "sources"),
        "treated": first_doses(tables),
        "consent_withdrawn": group_sources(
            _on_day(tables["consent_withdrawn"], dates, "consent_withdrawn"), KEY
        ),
        **{f"status_{basis}": status(tables, status_rule, basis) for basis in BASES},
    }
    for name, found in parts.items():
        part = found.select(*KEY, pl.col("sources").alias(name))
        frame = frame.join(part, on=KEY, how="left").with_columns(
            pl.col(name).fill_null(NO_SOURCES)
        )
    return frame.sort(KEY)


def first_doses(tables: Tables) -> pl.DataFrame:
    """A row for each subject with a first dose: replicate, subject, and as `sources` the doses of
    that day of which something was given."""
    dates = tables["disposition"].select(*KEY, "first_dose")
    given = tables["dose_given"].filter(WAS_GIVEN)
    return group_sources(_on_day(given, dates, "first_dose"), KEY)


def member(items: pl.DataFrame, population: Population) -> pl.Series:
    """Whether each row of `items` belongs to `population`; not yet known counts as no."""
    return _condition(population.expression).evaluate(items).fill_null(False)


@cache
def _condition(text: str) -> Expression:
    return Expression(text)


def items_behind(population: Population) -> Sequence[str]:
    """The columns of `evidence` that speak to membership in `population`, in order.

    >>> fit = Population(code="t", label={"en": "T"}, expression="treated AND screened")
    >>> items_behind(fit)
    ['screened', 'treated']
    """
    read = {
        item.replace("status_known_", "status_") for item in _condition(population.expression).items
    }
    if "arm" in read:
        read.add("randomised")
    order = [
        "screened",
        "randomised",
        "treated",
        "consent_withdrawn",
        *(f"status_{b}" for b in BASES),
    ]
    return [name for name in order if name in read]


def _on_day(events: pl.DataFrame, dates: pl.DataFrame, day: str) -> pl.DataFrame:
    """Rows of `events` that occurred on the subject's date `day`."""
    return events.select(*KEY, "occurred", "seq").join(
        dates.select(*KEY, pl.col(day).alias("occurred")).drop_nulls(),
        on=[*KEY, "occurred"],
        how="semi",
    )
