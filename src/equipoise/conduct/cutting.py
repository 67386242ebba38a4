"""A data cut: declared, what had happened by a day of what was known at a position; analysed."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.oversight.events import AnalyseCutOff, AnalysisRun, CutOffDeclared
from equipoise.record.event import EventBody
from equipoise.study.access import may_see_balance


def cut_off_declared(context: Context, body: CutOffDeclared) -> EventBody:
    """A day that is not to come, and a position that the record has; a name stands once (CO4)."""
    today = context.today
    if body.cut > today:
        raise BadInput(f"a day up to today ({today})", where=body.TYPE, field="cut", found=body.cut)
    if not 1 <= body.as_of <= context.head_seq:
        raise BadInput(
            f"an entry from 1 to {context.head_seq}", where=body.TYPE, field="as_of",
            found=body.as_of,
        )  # fmt: skip
    if body.cut_off in context.state.cut_offs:
        raise context.refuse(
            f"a cut-off is called {body.cut_off} already, and never moves",
            rule="CO4",
            way_out="give the new one another name",
        )
    return body


def analysis_run(context: Context, body: AnalyseCutOff) -> EventBody:
    """At a cut-off that was declared; by arm for whom the record says so, for nobody else."""
    declared = context.state.cut_offs.get(body.cut_off)
    if declared is None:
        raise BadInput(
            "a cut-off that was declared", where="AnalyseCutOff", field="cut_off",
            found=body.cut_off,
        )  # fmt: skip
    cut, as_of = declared
    action = context.action
    unblinded = action.actor in context.state.unblinded
    return AnalysisRun(
        cut_off=body.cut_off, cut=datetime.date.fromisoformat(cut), as_of=as_of,
        by_arm=may_see_balance(action.role, unblinded=unblinded),
    )  # fmt: skip


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody | tuple[EventBody, ...]]] = {
    "CutOffDeclared": cut_off_declared,
    "AnalyseCutOff": analysis_run,
}
