"""Whether the dose of a drug in a cycle was verified by pharmacists, as the rules decide it now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from equipoise.treatment.amount import AMOUNT_SCALE

Standing = Literal["to_verify", "held", "changed", "verified", "none"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one pharmacist said of a dose: `amount` in mg per administration, None where held.

    `against_rule`: another amount than that of the rules of then was released, for a reason.
    """

    person: str
    amount: Decimal | None
    against_rule: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """Where a dose stands: `persons` released it as it is now, `lacking` more have to."""

    standing: Standing
    persons: tuple[str, ...] = ()
    lacking: int = 0


def verification(checks: Sequence[Check], least: int, most: int, needed: int) -> Verification:
    """Where a dose stands after `checks`, oldest first, by `needed` different pharmacists.

    `least` and `most` are the amounts of `dose_decision`, in 1/100 mg. `none`: the rules give
    nothing of the drug. `held`: the last check held it. `changed`: it was released, but not as the
    rules decide it now. `to_verify`: fewer than needed, or nobody, released it. Only what was
    released after the last time that it was held counts, and of each person the last. What was
    released against the rules for a reason counts until the dose is held.

    >>> twice = [Check("a", Decimal(100)), Check("a", Decimal(100)), Check("b", Decimal(100))]
    >>> [verification(twice[:n], 10_000, 10_000, 2).standing for n in (1, 2, 3)]
    ['to_verify', 'to_verify', 'verified']
    >>> verification(twice, 8_000, 8_000, 2).standing
    'changed'
    """
    if not most:
        return Verification("none")
    if checks and checks[-1].amount is None:
        return Verification("held", lacking=needed)
    held = max((place for place, each in enumerate(checks) if each.amount is None), default=-1)
    released = {each.person: each for each in checks[held + 1 :]}
    persons = tuple(
        person
        for person, each in released.items()
        if each.against_rule or least <= (each.amount or 0) * AMOUNT_SCALE <= most
    )
    lacking = max(needed - len(persons), 0)
    if released and not persons:
        return Verification("changed", lacking=lacking)
    if lacking or not persons:
        return Verification("to_verify", persons, lacking)
    return Verification("verified", persons)


Step = Literal["nothing", "held", "changed", "to_verify", "to_dispense", "dispensed"]
OPEN: tuple[Step, ...] = ("held", "changed", "to_verify", "to_dispense")
"""Steps at which a pharmacist still has something to do."""


def next_step(found: Verification, dispensed: int) -> Step:
    """Where a drug of a cycle stands in the pharmacy; `dispensed`: the units handed out for it.

    >>> [next_step(Verification("to_verify", lacking=n), 0) for n in (0, 1)]
    ['to_dispense', 'to_verify']
    """
    if found.standing in ("held", "changed"):
        return "held" if found.standing == "held" else "changed"
    if dispensed:
        return "dispensed"
    if found.standing == "none":
        return "nothing"
    return "to_verify" if found.lacking else "to_dispense"
