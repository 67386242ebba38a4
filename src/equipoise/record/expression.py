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
        absent = [name for name in self.items if name not in frame.columns]
        if absent:
            raise BadInput(f"must have the items of {self.text!r}", found=", ".join(absent))
        try:
            result = frame.select(self._verdict(frame.schema).alias("verdict")).to_series()
        except pl.exceptions.PolarsError as error:
            said = str(error).splitlines()[0]
            raise BadInput(f"must stay within 38 digits ({said})", found=self.text) from error
        return result if len(result) == len(frame) else result.new_from_index(0, len(frame))

    def _verdict(self, schema: pl.Schema) -> pl.Expr:
        types = tuple(schema[name] for name in self.items)
        if types not in self._verdicts:
            try:
                found = verdict(self._tree, dict(zip(self.items, types, strict=True)))
            except BadInput as error:
                raise BadInput(error.allowed, found=self.text) from None
            self._verdicts[types] = found
        return self._verdicts[types]
