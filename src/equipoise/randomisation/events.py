"""What can be recorded about allocation: the sealed scheme, and who got which arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from equipoise.record.declaration import Upcaster
from equipoise.record.event import Body, EventBody, Identifier, Text, measured
from equipoise.record.plan import Code

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
GUESS_PLACES = 2
"""Decimal places of a guess rate in percentage points."""


class SchemeActivated(EventBody):
    """A scheme went live: its rule, the algorithm, and its seed sealed under an outside key.

    `rule` is the canonical JSON of the scheme as it stands in the study file. A changed scheme
    has a new `scheme_version` and starts a new stream; allocations of the old one stay. The items
    from `dummy_seed` to `accepted` are those that the statistician signed (see `ActivateScheme`).
    """

    scheme: Code
    scheme_version: Identifier
    algorithm: Identifier
    rule: str
    sealed_seed: Text
    key: Identifier
    dummy_seed: int = Field(ge=0, lt=2**53)
    dummy_sha256: Sha256
    guess_trials: int | None = Field(default=None, ge=1)
    guess_excess: measured("points", GUESS_PLACES, "-100", "100") | None = None  # type: ignore[valid-type]
    accepted: Text | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"scheme/{self.scheme}/{self.scheme_version}",)


class FactorLevel(Body):
    """The level of one stratification factor at allocation."""

    TABLE: ClassVar[str] = "randomised_factor"
    ID: ClassVar[str] = "factor"

    factor: Code
    level: str


class Randomised(EventBody):
    """The subject was allocated. The evidence (block, position, draw) is recomputed, not stored.

    `allocation` counts the scheme version's allocations from 1 without gaps,
    `stratum_allocation` those of its stratum. `pending_criteria` are the criteria that were not yet
    known, which are judged provisionally; all others were met, or nobody would be allocated. `salt`
    is random: with it nobody who knows the rest of the event and the hashes around it can try
    statuses and arms until one fits; version 1 had none.
    """

    VERSION: ClassVar[int] = 2

    scheme: Code
    scheme_version: Identifier
    allocation: int = Field(ge=1)
    stratum: str
    stratum_allocation: int = Field(ge=1)
    factors: tuple[FactorLevel, ...]
    marker_status: Code
    status_rule: Code
    arm: Code
    pending_criteria: tuple[str, ...] = ()
    salt: str = Field("", max_length=64)

    def guards(self, subject: str | None) -> tuple[str, ...]:
        stream = f"{self.scheme}/{self.scheme_version}"
        return (
            f"randomised/{subject}",
            f"allocation/{stream}/{self.allocation}",
            f"allocation/{stream}/{self.stratum}/{self.stratum_allocation}",
        )


class Randomise(Body):
    """Action: allocate the subject. It carries no decision; the result is `Randomised`."""


class ActivateScheme(Body):
    """Action: draw and seal the seed of the scheme of the version in force, and go live.

    It says what was checked beforehand and signed: the SHA-256 of the list that the scheme gives
    on the dummy seed of this number; by how many points a site guesses better than the best
    constant guess, in so many simulated trials; and why that is accepted where it is more than the
    limit, or was not simulated.
    """

    dummy_seed: int = Field(ge=0, lt=2**53)
    dummy_sha256: Sha256
    guess_trials: int | None = Field(default=None, ge=1)
    guess_excess: measured("points", GUESS_PLACES, "-100", "100") | None = None  # type: ignore[valid-type]
    accepted: Text | None = None


class ReproduceAllocations(Body):
    """Action: open the seed of a scheme once more, to make its past allocations again."""

    scheme: Code
    scheme_version: Identifier
    purpose: Text


EVENTS: tuple[type[EventBody], ...] = (SchemeActivated, Randomised)


def _unsalted(body: dict[str, Any]) -> dict[str, Any]:
    """An allocation of version 1 as one of version 2."""
    return {**body, "salt": ""}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {(Randomised.TYPE, 1): _unsalted}
"""From a body of an older version to one of the next."""
