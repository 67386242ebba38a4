"""The rules of oversight: what departs from the protocol, in one table."""

from __future__ import annotations

from equipoise.oversight.deviation import DEVIATION, REQUIRES, deviation
from equipoise.record.rule import TableRule

RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="deviation",
        columns=DEVIATION,
        requires=REQUIRES,
        plan="deviations",
        rule=deviation,
    ),
)
