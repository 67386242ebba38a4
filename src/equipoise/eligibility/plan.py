"""The part of the study file that says who may enter."""

from __future__ import annotations

from typing import Literal

from equipoise.record.plan import Code, Label, Plan


class Criterion(Plan):
    """One criterion: the wording of the protocol and the expression that judges it.

    The expression reads form items. For an inclusion criterion true means met; for an exclusion
    criterion true means excluded. `attested` marks criteria whose items are the investigator's
    statement rather than a measurement. A criterion judged `provisionally` may still be null at
    randomisation if nothing speaks against it; it is judged again at the first dose, and reads no
    item that is asked repeatedly.
    """

    id: Code
    kind: Literal["inclusion", "exclusion"]
    wording: Label
    expression: str
    attested: bool = False
    provisional: bool = False
    clause: str | None = None


class EligibilityPlan(Plan):
    """All criteria in protocol order, and what the protocol expressly allows."""

    criteria: tuple[Criterion, ...]
    allowed: Label | None = None
