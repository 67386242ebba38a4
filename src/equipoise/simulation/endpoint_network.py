"""The variables of a patient as the trial kernel draws them: named, with their probabilities.

What needs no draw is not drawn: a variable of which one value is certain is a constant, one that
follows from others is looked up from what is drawn, and what nobody reads is left out. So a
scenario without assay errors costs what its few true draws cost.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.trial_draws import stream_key
from equipoise.statistics.trial_tables import ARM, FIRST_NODE, PERIOD, Nodes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PARENTS = 6
"""The most variables that another one may be read from."""
_ROWS = 4096
"""The longest table that looking up what is itself looked up may make."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the kernel: its number, and the code of each of its values."""

    number: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Node:
    """How one variable is made: of `width` categories, 0 for one that is looked up.

    `table` has a row for each combination of the parents' values, the last parent moving fastest:
    the upper limits of the categories but the last, or the value.
    """

    name: str
    width: int
    parents: tuple[Variable, ...]
    table: FloatArray | IntArray
    loading: float = 0.0
    constant: int | None = field(init=False, default=None)
    """The value that is certain, if there is one."""

    def __post_init__(self) -> None:
        if not self.width and (self.table == self.table[0]).all():
            object.__setattr__(self, "constant", int(self.table[0]))


@dataclass(slots=True)
class Network:
    """Variables in the order in which they are made; before `allocated` they precede the arm."""

    periods: int
    arms: tuple[str, ...]
    made: list[_Node] = field(default_factory=list)
    before: int = -1

    @property
    def period(self) -> Variable:
        """The period of accrual in which a patient comes."""
        return Variable(PERIOD, tuple(map(str, range(self.periods))))

    @property
    def arm(self) -> Variable:
        """The arm, known to what is made after `allocated`."""
        return Variable(ARM, self.arms)

    def allocated(self) -> None:
        """What is made from now on comes after allocation."""
        self.before = len(self.made)

    def draw(
        self,
        name: str,
        codes: Sequence[str],
        parents: Sequence[Variable],
        weights: Callable[..., Sequence[float]],
        *,
        loading: float = 0.0,
        varies: bool = False,
    ) -> Variable:
        """A variable drawn with `weights` (of any sum), a function of the values of its parents.

        `varies`: from trial to trial, so that it is kept as it stands. Raises BadInput for weights
        that are negative or all 0.
        """
        rows = []
        for values in _combinations(parents):
            row = np.asarray(weights(*values), dtype=np.float64)
            if (
                len(row) != len(codes)
                or not np.isfinite(row).all()
                or row.min() < 0
                or row.sum() <= 0
            ):
                raise BadInput(
                    f"{len(codes)} probabilities, none negative, not all 0",
                    field=name,
                    found=row.tolist(),
                )
            rows.append(row / row.sum())
        table = np.array(rows)
        if (table.max(axis=1) == 1.0).all() and not varies:
            certain = table.argmax(axis=1).astype(np.int64)
            return self._added(_Node(name, 0, tuple(parents), certain), codes)
        limits = np.cumsum(table, axis=1)[:, :-1]
        return self._added(_Node(name, len(codes), tuple(parents), limits, loading), codes)

    def look_up(
        self,
        name: str,
        codes: Sequence[str],
        parents: Sequence[Variable],
        value: Callable[..., int],
    ) -> Variable:
        """A variable that follows from its parents: a function of their values."""
        found = np.array([value(*values) for values in _combinations(parents)], dtype=np.int64)
        return self._added(_Node(name, 0, tuple(parents), found), codes)

    def _added(self, node: _Node, codes: Sequence[str]) -> Variable:
        self.made.append(self._direct(node))
        return Variable(FIRST_NODE + len(self.made) - 1, tuple(codes))

    def _direct(self, node: _Node) -> _Node:
        """The node read from what is drawn: looked-up parents are replaced by their own."""
        parents = list(node.parents)
        for parent in node.parents:
            source = self._source(parent)
            if source is None or source.width:
                continue
            own = [each for each in source.parents if source.constant is None]
            place = parents.index(parent)
            wider = [*dict.fromkeys([*parents[:place], *own, *parents[place + 1 :]])]
            if len(wider) <= PARENTS and math.prod(len(v.codes) for v in wider) <= _ROWS:
                parents = wider
        rows = []
        for values in _combinations(parents):
            known = {v.number: value for v, value in zip(parents, values, strict=True)}
            rows.append(node.table[self._row(node.parents, known)])
        return _Node(node.name, node.width, tuple(parents), np.array(rows), node.loading)

    def _row(self, parents: Sequence[Variable], known: dict[int, int]) -> int:
        """The row of these parents, whose values are `known` or follow from those that are."""
        row = 0
        for parent in parents:
            value = known.get(parent.number)
            if value is None:
                source = self._source(parent)
                assert source is not None
                value = source.constant
                if value is None:
                    value = int(source.table[self._row(source.parents, known)])
            row = row * len(parent.codes) + value
        return row

    def _source(self, variable: Variable) -> _Node | None:
        place = variable.number - FIRST_NODE
        return self.made[place] if place >= 0 else None

    def same(self, one: Variable, other: Variable) -> bool:
        """Whether a variable always has the code that another one has."""
        node = self._source(one)
        if node is None or node.width or node.parents != (other,):
            return False
        return all(
            one.codes[value] == other.codes[row] for row, value in enumerate(node.table.tolist())
        )

    def distribution(self, variable: Variable, given: Mapping[int, int]) -> list[float]:
        """The probability of each value of a variable, where those of numbers `given` are known.

        Exact, by enumeration of whatever else it needs; correlation by a common factor is left out.
        """
        found = [0.0] * len(variable.codes)
        needed = sorted(self._ancestors([variable.number]) - set(given))
        pending = [(0, 1.0, dict(given))]
        while pending:
            place, chance, known = pending.pop()
            if place == len(needed):
                found[known[variable.number]] += chance
                continue
            node = self.made[needed[place] - FIRST_NODE]
            row = node.table[self._row(node.parents, known)]
            shares = (
                zip(range(node.width), np.diff([0.0, *np.ravel(row), 1.0]), strict=True)
                if node.width
                else [(int(row), 1.0)]
            )
            for value, share in shares:
                if share > 0:
                    wider = {**known, needed[place]: value}
                    pending.append((place + 1, chance * float(share), wider))
        return found

    def _ancestors(self, read: Iterable[int]) -> set[int]:
        """The numbers `read` of variables that were made, and of those that they are read from."""
        needed, waiting = set(), [number for number in read if number >= FIRST_NODE]
        while waiting:
            number = waiting.pop()
            if number not in needed:
                needed.add(number)
                parents = self.made[number - FIRST_NODE].parents
                waiting += [each.number for each in parents if each.number >= FIRST_NODE]
        return needed

    def nodes(self, read: Iterable[int]) -> Nodes:
        """The kernel's table of the variables with the numbers `read`, and of what they need."""
        kept = sorted(self._ancestors(read))
        chosen = [self.made[number - FIRST_NODE] for number in kept]
        limits = [each.table.ravel() for each in chosen if each.width]
        values = [each.table for each in chosen if not each.width]
        first, limit, value = [], 0, 0
        for each in chosen:
            first.append(limit if each.width else value)
            limit += each.table.size if each.width else 0
            value += 0 if each.width else each.table.size
        parent, stride = pointers([each.parents for each in chosen])
        return Nodes(
            stream=np.array([stream_key(each.name) for each in chosen], dtype=np.uint64),
            variable=np.array(kept, dtype=np.int64),
            before=sum(number - FIRST_NODE < self.before for number in kept),
            first=np.array(first, dtype=np.int64),
            width=np.array([each.width for each in chosen], dtype=np.int64),
            parent=parent,
            stride=stride,
            cumulative=np.concatenate([*limits, np.zeros(1)]),
            value=np.concatenate([*values, np.zeros(1)]).astype(np.int64),
            loading=np.array([each.loading for each in chosen], dtype=np.float64),
            factor_stream=np.uint64(stream_key("factor")),
            variables=FIRST_NODE + len(self.made),
        )


def _combinations(parents: Sequence[Variable]) -> Iterable[tuple[int, ...]]:
    """The values of the parents, the last one moving fastest."""
    return itertools.product(*(range(len(each.codes)) for each in parents))


def pointers(parents: Sequence[Sequence[Variable]]) -> tuple[IntArray, IntArray]:
    """Numbers and strides of parents, each padded to PARENTS; the last parent moves fastest."""
    numbers = np.full((len(parents), PARENTS), -1, dtype=np.int64)
    strides = np.zeros((len(parents), PARENTS), dtype=np.int64)
    for row, mine in enumerate(parents):
        if len(mine) > PARENTS:
            raise BadInput(f"at most {PARENTS} variables", found=len(mine))
        step = 1
        for slot in range(len(mine) - 1, -1, -1):
            numbers[row, slot], strides[row, slot] = mine[slot].number, step
            step *= len(mine[slot].codes)
    return numbers, strides
