"""What a column of simulated trials is of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a trial: `measure` says of what, `subject` of whom (an analysis, a stratum).

    `measure` is p, estimate (of a group or comparison, on the scale on which it is nearly normal),
    covered (1 if the interval holds the truth), width (of an interval with two ends, on that scale)
    or a code of its own. `truth` is the value in the scenario, where there is one; `null` whether
    the hypothesis tested is true; `limit` the greatest P that rejects.
    """

    name: str
    measure: str
    subject: str
    label: str
    truth: float | None = None
    null: bool = False
    limit: float = 0.0
