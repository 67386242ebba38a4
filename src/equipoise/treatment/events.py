"""What can be recorded about treatment. Calculated doses are derived, not recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from equipoise.record.declaration import Upcaster
from equipoise.record.event import (
    EventBody,
    FullDate,
    Identifier,
    MissingReason,
    Text,
    measured,
)
from equipoise.record.plan import Code


class RegimenChosen(EventBody):
    """The investigator chose one regimen of the allocated arm's family."""

    regimen: Code


class CycleStarted(EventBody):
    """A cycle began on the day `occurred`, with the body measures that its doses rest on."""

    cycle: int = Field(ge=1, le=200)
    regimen: Code
    height: measured("cm", 1, "50", "250")  # type: ignore[valid-type]
    weight: measured("kg", 1, "20", "350")  # type: ignore[valid-type]

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"cycle/{subject}/{self.cycle}",)


class DoseGiven(EventBody):
    """What the subject received of one drug in a cycle from one day on, or why nothing.

    `amount` is per administration, `administrations` their number from `day` on (a drug taken at
    home is recorded once per cycle, from the returned packs and the diary; an infusion per day).
    """

    cycle: int = Field(ge=1, le=200)
    day: int = Field(ge=1, le=400)
    drug: Code
    administrations: int = Field(default=1, ge=0, le=400)
    amount: measured("mg", 2, "0", "100000") | None = None  # type: ignore[valid-type]
    amount_missing: MissingReason | None = None
    lot: Text | None = None


class DoseVerified(EventBody):
    """A pharmacist compared the dose of a drug in a cycle with what the rules decide.

    `amount` is that of one administration, as it is released; a dose that is held has none, and a
    remark that says what the prescriber was asked. What is released counts while the rules decide
    the same: after a change it is verified anew. `against_rule`, which nobody enters: another
    amount than that of the rules was released, for the reason that the entry gives. An entry of
    version 1 does not say: it is read as by the rule.
    """

    VERSION: ClassVar[int] = 2

    cycle: int = Field(ge=1, le=200)
    drug: Code
    verdict: Literal["released", "held"]
    amount: measured("mg", 2, "0", "100000") | None = None  # type: ignore[valid-type]
    remark: Text | None = None
    against_rule: bool = False


class DrugDispensed(EventBody):
    """Units of one lot of a drug left the pharmacy for a cycle of the subject.

    `unit` is what one tablet, capsule or prepared unit holds, `expiry` the lot's last day.
    `statement_seen`: the prescription carries what the dosing rules demand of it (in France that
    the uracilaemia was taken into account).
    """

    dispensing: Identifier
    cycle: int = Field(ge=1, le=200)
    drug: Code
    lot: Text
    expiry: FullDate
    unit: measured("mg", 2, "0.01", "10000")  # type: ignore[valid-type]
    units: int = Field(ge=1, le=100_000)
    statement_seen: bool = False

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"dispensing/{subject}/{self.dispensing}",)


class DrugReturned(EventBody):
    """Units that were dispensed came back unused, and what became of them."""

    dispensing: Identifier
    units: int = Field(ge=0, le=100_000)
    fate: Literal["destroyed", "quarantined"]


class DrugDestroyed(EventBody):
    """Units that came back and stood in quarantine were destroyed; `document` names the proof."""

    dispensing: Identifier
    units: int = Field(ge=1, le=100_000)
    document: Text | None = None


class LotReceived(EventBody):
    """Units of a lot of a drug came to the pharmacy of a hospital, on the day `occurred`.

    `receipt` names the delivery. What is entered later about the same lot of the same delivery
    stands in place of what was entered before; without units it never came. `condition`: what came
    damaged, or was too warm or too cold on its way, is kept apart and not dispensed.
    """

    receipt: Identifier
    drug: Code
    lot: Text
    expiry: FullDate
    unit: measured("mg", 2, "0.01", "10000")  # type: ignore[valid-type]
    units: int = Field(ge=0, le=1_000_000)
    condition: Literal["intact", "damaged", "excursion"] = "intact"


EVENTS: tuple[type[EventBody], ...] = (
    RegimenChosen,
    CycleStarted,
    DoseGiven,
    DoseVerified,
    DrugDispensed,
    DrugReturned,
    DrugDestroyed,
    LotReceived,
)


def _by_the_rule(body: dict[str, Any]) -> dict[str, Any]:
    """A verification of version 1 as one of version 2: nothing against the rule was known then."""
    return {"against_rule": False, **body}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {(DoseVerified.TYPE, 1): _by_the_rule}
"""From a body of an older version to one of the next."""
