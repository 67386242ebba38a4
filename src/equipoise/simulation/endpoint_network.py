"""The variables of a patient as the trial kernel draws them: named, with their probabilities."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.statistics.trial_draws import stream_key
from equipoise.statistics.trial_tables import ARM, FIRST_NODE, PERIOD, Nodes

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PARENTS = 4
"""The most variables that another one may depend on."""
_SUM = 1e-9


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the kernel: its number, and the code of each of its values."""

    number: int
    codes: tuple[str, ...]


@dataclass(slots=True)
class Network:
    """Variables in the order in which they are made; before `allocated` they precede the arm."""

    periods: int
    arms: tuple[str, ...]
    streams: list[str] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    parents: list[tuple[Variable, ...]] = field(default_factory=list)
    cumulative: list[FloatArray] = field(default_factory=list)
    values: list[IntArray] = field(default_factory=list)
    loadings: list[float] = field(default_factory=list)
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
        self.before = len(self.streams)

    def draw(
        self,
        name: str,
        codes: Sequence[str],
        parents: Sequence[Variable],
        weights: Callable[..., Sequence[float]],
        *,
        loading: float = 0.0,
    ) -> Variable:
        """A variable drawn with `weights` (of any sum), a function of the values of its parents.

        Raises BadInput for weights that are negative or all 0.
        """
        rows = []
        for values in itertools.product(*(range(len(each.codes)) for each in parents)):
            row = np.asarray(weights(*values), dtype=np.float64)
            if (
                len(row) != len(codes)
                or not np.isfinite(row).all()
                or row.min() < 0
                or not row.sum()
            ):
                raise BadInput(
                    f"{len(codes)} probabilities, none negative, not all 0", field=name, found=row
                )
            rows.append(np.cumsum(row / row.sum())[:-1])
        self.cumulative.append(np.concatenate(rows) if rows else np.zeros(0))
        self.values.append(np.zeros(0, dtype=np.int64))
        return self._added(name, len(codes), parents, codes, loading)

    def look_up(
        self,
        name: str,
        codes: Sequence[str],
        parents: Sequence[Variable],
        value: Callable[..., int],
    ) -> Variable:
        """A variable that follows from its parents: a function of their values."""
        found = [
            value(*values)
            for values in itertools.product(*(range(len(each.codes)) for each in parents))
        ]
        self.values.append(np.array(found, dtype=np.int64))
        self.cumulative.append(np.zeros(0))
        return self._added(name, 0, parents, codes, 0.0)

    def _added(
        self,
        name: str,
        width: int,
        parents: Sequence[Variable],
        codes: Sequence[str],
        loading: float,
    ) -> Variable:
        self.streams.append(name)
        self.widths.append(width)
        self.parents.append(tuple(parents))
        self.loadings.append(loading)
        return Variable(FIRST_NODE + len(self.streams) - 1, tuple(codes))

    def nodes(self) -> Nodes:
        """The kernel's table of all variables."""
        first, place, where = [], 0, 0
        for width, limits, values in zip(self.widths, self.cumulative, self.values, strict=True):
            first.append(where if width == 0 else place)
            where, place = where + len(values), place + len(limits)
        parent, stride = pointers(self.parents)
        return Nodes(
            stream=np.array([stream_key(name) for name in self.streams], dtype=np.uint64),
            before=self.before,
            first=np.array(first, dtype=np.int64),
            width=np.array(self.widths, dtype=np.int64),
            parent=parent,
            stride=stride,
            cumulative=np.concatenate([*self.cumulative, np.zeros(1)]),
            value=np.concatenate([*self.values, np.zeros(1, dtype=np.int64)]),
            loading=np.array(self.loadings),
            factor_stream=np.uint64(stream_key("factor")),
        )


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
