"""The rules of oversight: what departs from the protocol, and where each query stands."""

from __future__ import annotations

from equipoise.oversight.deviation import DEVIATION, REQUIRES, deviation
from equipoise.oversight.query import QUERY, query
from equipoise.oversight.query import REQUIRES as QUERY_REQUIRES
from equipoise.record.rule import TableRule

RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="deviation",
        columns=DEVIATION,
        requires=REQUIRES,
        plan="deviations",
        rule=deviation,
    ),
    TableRule(
        produces="query",
        columns=QUERY,
        requires=QUERY_REQUIRES,
        plan="oversight",
        rule=query,
    ),
)
