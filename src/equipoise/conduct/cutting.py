"""A data cut is declared: what had happened by a day, of what was known at a position."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.oversight.events import CutOffDeclared
from equipoise.record.event import EventBody


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


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody | tuple[EventBody, ...]]] = {
    "CutOffDeclared": cut_off_declared,
}
