"""Conditions of the study file: SQL boolean expressions over items, three-valued and exact.

A condition is written as every data manager writes it, `age >= 18 AND measurable_disease`, and
evaluated column by column by polars. Null means not yet known, as SQL has it: `age >= 18 AND
measurable_disease` is false for a minor even while `measurable_disease` is unknown, and unknown
while it could still go either way.

Allowed are items, numbers, texts in single quotes, TRUE, FALSE, NULL, the comparisons = <> < <= >
>=, AND, OR, NOT, BETWEEN, IN, IS NULL, + - *, and COALESCE. Nothing else is: no sub-query, no
second statement, no other function, nothing that reads a clock. There is no division, which no
fixed number of places could hold; multiply the other side instead. The difference of two dates is
a number of whole days, and a number of days may be added to a date.

Numbers with a point are decimals, never binary fractions: 0.1 + 0.2 = 0.3 here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from equipoise.errors import BadInput
from equipoise.record.condition import Tree, items_of, parsed
from equipoise.record.condition_terms import verdict


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition, parsed. Raises BadInput for anything that is not allowed in one.

    `items` are the sorted names of the items that it reads.

    >>> condition = Expression("uracilaemia >= 150 OR contraindication")
    >>> condition.items
    ('contraindication', 'uracilaemia')
    >>> frame = pl.DataFrame({"uracilaemia": [16, None], "contraindication": [None, True]})
    >>> condition.evaluate(frame).to_list()
    [None, True]
    """

    text: str
    items: tuple[str, ...] = field(init=False)
    _tree: Tree = field(init=False, repr=False, compare=False)
    _verdicts: dict[Sequence[pl.DataType], pl.Expr] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        tree = parsed(self.text)
        object.__setattr__(self, "items", tuple(sorted(set(items_of(tree)))))
        object.__setattr__(self, "_tree", tree)

    def evaluate(self, frame: pl.DataFrame) -> pl.Series:
        """What the condition says of every row of `frame`: true, false, or null for not yet known.

        Raises BadInput when an item is not a column of `frame`, where a comparison makes no sense
        between the kinds of its sides, and for numbers beyond 38 digits.
        """
        return evaluated([self], frame)[0]

    def verdict_of(self, schema: pl.Schema) -> pl.Expr:
        """The condition on columns of these types; BadInput where it makes no sense."""
        types = tuple(schema[name] for name in self.items)
        if types not in self._verdicts:
            try:
                found = verdict(self._tree, dict(zip(self.items, types, strict=True)))
            except BadInput as error:
                raise BadInput(error.allowed, found=self.text) from None
            self._verdicts[types] = found
        return self._verdicts[types]


def evaluated(conditions: Sequence[Expression], frame: pl.DataFrame) -> list[pl.Series]:
    """What each condition says of every row of `frame`; raises what `Expression.evaluate` does.

    What was said of a single row is kept: the same few answers come again with every subject.

    >>> frame = pl.DataFrame({"age": [17, 18, None]})
    >>> [each.to_list() for each in evaluated([Expression("age >= 18")], frame)]
    [[False, True, None]]
    """
    if len(frame) != 1:
        _check_there(conditions, frame)
        return _evaluated(conditions, frame)
    said = evaluated_row(conditions, frame)
    return [pl.Series("verdict", [each], dtype=pl.Boolean) for each in said]


def evaluated_row(conditions: Sequence[Expression], frame: pl.DataFrame) -> list[bool | None]:
    """What each condition says of the only row of `frame`, as `evaluated`.

    >>> frame = pl.DataFrame({"age": [17]})
    >>> evaluated_row([Expression("age >= 18"), Expression("age < 70")], frame)
    [False, True]
    """
    _check_there(conditions, frame)
    names = {name for each in conditions for name in each.items}
    row = {name: (column.dtype, column.item()) for name in names for column in [frame[name]]}
    asked = [(each.text, *(row[name] for name in each.items)) for each in conditions]
    new = {key: each for key, each in zip(asked, conditions, strict=True) if key not in _KEPT}
    if len(_KEPT) + len(new) > _MOST_KEPT:
        _KEPT.clear()
        return [each.item() for each in _evaluated(conditions, frame)]
    found = _evaluated([*new.values()], frame) if new else []
    _KEPT.update({key: each.item() for key, each in zip(new, found, strict=True)})
    return [_KEPT[key] for key in asked]


def _check_there(conditions: Sequence[Expression], frame: pl.DataFrame) -> None:
    columns = frame.columns
    for condition in conditions:
        absent = [name for name in condition.items if name not in columns]
        if absent:
            raise BadInput(f"must have the items of {condition.text!r}", found=", ".join(absent))


_KEPT: dict[tuple[Any, ...], bool | None] = {}
"""What conditions said of single rows, by text and by type and value of each item read."""
_MOST_KEPT = 65536


def _evaluated(conditions: Sequence[Expression], frame: pl.DataFrame) -> list[pl.Series]:
    verdicts = [condition.verdict_of(frame.schema) for condition in conditions]
    try:
        found = frame.select(
            verdict.alias(str(place)) for place, verdict in enumerate(verdicts)
        ).get_columns()
    except pl.exceptions.PolarsError as error:
        if len(conditions) > 1:
            return [_evaluated([condition], frame)[0] for condition in conditions]
        said = str(error).splitlines()[0]
        allowed = f"must stay within 38 digits ({said})"
        raise BadInput(allowed, found=conditions[0].text) from error
    size = len(frame)
    return [
        (each if len(each) == size else each.new_from_index(0, size)).alias("verdict")
        for each in found
    ]
