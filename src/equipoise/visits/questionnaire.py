"""Patients' questionnaires: how the items of an instrument make its scales, from its data file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml import YAML

from equipoise.record.plan import Label
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.visits.plan import VisitsPlan

QUESTIONNAIRE_SCORE: Columns = {
    **KEY,
    "form": pl.String,
    "instance": pl.String,
    "occurred": pl.Date,
    "instrument": pl.String,
    "scale": pl.String,
    "items": pl.Int64,
    "answered": pl.Int64,
    "score": pl.Float64,
    **SOURCES,
}


class Scale(BaseModel):
    """The items of one scale, and which way it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    label: Label
    kind: Literal["function", "symptom", "global"]
    items: tuple[int, ...] = Field(min_length=1)
    complete: bool = False


class Instrument(BaseModel):
    """A questionnaire: its items by number, the values that each takes, its scales.

    `half_rule`: a scale is scored when at least half of its items were answered, with the mean of
    those; else every item is needed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    source: str
    first_item: int = Field(ge=1)
    items: int = Field(ge=1)
    lowest: int
    highest: int
    highest_of: Mapping[int, int] = {}
    half_rule: bool
    scales: tuple[Scale, ...]

    @property
    def numbers(self) -> range:
        """The numbers of the items."""
        return range(self.first_item, self.first_item + self.items)

    def top(self, number: int) -> int:
        """The highest value of an item."""
        return self.highest_of.get(number, self.highest)

    @model_validator(mode="after")
    def _scales_fit(self) -> Self:
        for scale in self.scales:
            if not set(scale.items) <= set(self.numbers):
                raise ValueError(f"scale {scale.code} has an item that the instrument has not")
            if len({self.top(each) for each in scale.items}) > 1:
                raise ValueError(f"the items of scale {scale.code} have several ranges")
        return self


@cache
def instruments() -> Mapping[str, Instrument]:
    """Every instrument of the data file by its code.

    >>> [(code, len(each.scales)) for code, each in instruments().items()]
    [('qlq_c30', 15), ('qlq_lc13', 10)]
    """
    text = files("equipoise.visits").joinpath("questionnaires.yaml").read_text("utf-8")
    read: dict[str, Any] = YAML(typ="safe").load(text)
    return {code: Instrument.model_validate(each) for code, each in read.items()}


def item_code(number: int) -> str:
    """The code of an item on a form of the study.

    >>> item_code(29)
    'q29'
    """
    return f"q{number}"


def questionnaire_score(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """The scores of every questionnaire as it was saved last, one row for each scale.

    `score`: from 0 to 100; a function and the global status are best at 100, a symptom is worst
    there. The mean of the answered items, less the lowest value, over the range of an item; null
    where fewer than half of the items were answered, or any lacks of a scale that is scored whole.
    `items`, `answered`: of the scale. Which form is which questionnaire the study file says.

    Source: questionnaires.yaml (EORTC QLQ-C30 Scoring Manual, 3rd edition, Fayers et al. 2001).
    Sorted by replicate, subject, form, instance, and the instrument's order of scales. `sources`:
    the form and the answers as they stand.
    """
    asked = {form.code: form.instrument for form in plan.forms if form.instrument}
    saved = tables["form_saved"].filter(pl.col("form").is_in(list(asked)))
    if saved.is_empty():
        return no_rows(QUESTIONNAIRE_SCORE)
    instance = [*KEY, "form", "instance"]
    latest = saved.sort("event").unique(instance, keep="last", maintain_order=True)
    answers = (
        latest.select(
            *instance, "event", "occurred", of="seq",
            instrument=pl.col("form").replace_strict(asked, return_dtype=pl.String),
        )
        .join(
            tables["form_item"].select("replicate", "event", "item", "value", "seq"),
            ["replicate", "event"],
        )
        .with_columns(value=pl.col("value").cast(pl.Int64))
    )  # fmt: skip
    group = [*instance, "occurred", "instrument", "scale"]
    return (
        answers.join(_scales(), ["instrument", "item"])
        .group_by([*group, "place", "items", "range", "lowest", "kind", "needed"])
        .agg(
            answered=pl.col("value").count().cast(pl.Int64),
            mean=pl.col("value").mean(),
            sources=pl.concat_list("of", "seq").explode().unique().sort(),
        )
        .with_columns(score=_score())
        .sort(*instance, "place")
        .select(list(QUESTIONNAIRE_SCORE))
    )


def _score() -> pl.Expr:
    part = (pl.col("mean") - pl.col("lowest")) / pl.col("range")
    turned = pl.when(pl.col("kind") == "function").then(1 - part).otherwise(part)
    return pl.when(pl.col("answered") >= pl.col("needed")).then(turned * 100)


@cache
def _scales() -> pl.DataFrame:
    """One row for each item of each scale of each instrument."""
    rows = [
        {
            "instrument": code, "item": item_code(number), "scale": scale.code, "place": place,
            "items": len(scale.items), "lowest": each.lowest, "kind": scale.kind,
            "range": each.top(number) - each.lowest,
            "needed": -(-len(scale.items) // 2) if each.half_rule and not scale.complete
            else len(scale.items),
        }
        for code, each in instruments().items()
        for place, scale in enumerate(each.scales)
        for number in scale.items
    ]  # fmt: skip
    return pl.DataFrame(rows)
