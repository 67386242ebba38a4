"""What is laid before the statistician who signs an allocation scheme (RN2, RN7)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from equipoise.randomisation.approval import (
    Listed,
    approval_sha256,
    dummy_list,
    list_sha256,
    list_text,
)
from equipoise.randomisation.events import GUESS_PLACES, ActivateScheme
from equipoise.simulation.predictability import Predictability, predictability
from equipoise.simulation.scenario import Scenario
from equipoise.study.definition import Study
from equipoise.study.factor_levels import factor_levels


@dataclass(frozen=True, slots=True)
class SchemeEvidence:
    """A scheme's list on a dummy seed, how well a site guesses it, and what is to be signed.

    `asked` is the action that activates the scheme once `sha256` is signed.
    """

    study: Study
    rows: tuple[Listed, ...]
    guessed: Predictability
    asked: ActivateScheme
    sha256: str

    @property
    def text(self) -> str:
        """The dummy list as comma-separated text, whose SHA-256 is signed."""
        return list_text(self.study.randomisation, self.rows)

    @property
    def balance(self) -> dict[str, dict[str, int]]:
        """How often each arm stands in each stratum of the list."""
        counts = Counter((each.stratum, each.arm) for each in self.rows)
        arms = [arm.code for arm in self.study.randomisation.arms]
        strata = dict.fromkeys(each.stratum for each in self.rows)
        return {stratum: {arm: counts[stratum, arm] for arm in arms} for stratum in strata}


def scheme_evidence(
    study: Study, scenario: Scenario, seed: int, trials: int, *, accepted: str | None = None
) -> SchemeEvidence:
    """The evidence on the dummy seed `seed`; the guess rate is of so many trials of the scenario.

    It is that of somebody at one site, who knows the marker's status if the study tells it to
    sites, rounded up. `accepted` says why it is accepted where it is above the limit.
    """
    plan, levels = study.randomisation, factor_levels(study)
    known = study.biomarker.disclosed_to_sites
    guessed = next(
        each
        for each in predictability(study, scenario, seed, trials)
        if each.in_study_file and not each.every_site and each.status_known == known
    )
    points = Decimal(100 * guessed.rate.excess).quantize(
        Decimal(1).scaleb(-GUESS_PLACES), ROUND_CEILING
    )
    asked = ActivateScheme(
        dummy_seed=seed,
        dummy_sha256=list_sha256(plan, levels, seed),
        guess_trials=trials,
        guess_excess=points,
        accepted=accepted,
    )
    rows = tuple(dummy_list(plan, levels, seed))
    return SchemeEvidence(study, rows, guessed, asked, approval_sha256(plan, asked))


def first_difference(ours: str, theirs: str) -> str | None:
    """The first line in which somebody else's list differs, in words; None where none does.

    >>> first_difference("stratum,arm\\nLOW,A\\n", "stratum,arm\\r\\nLOW,B\\r\\n")
    "line 2: here 'LOW,A', there 'LOW,B'"
    """
    mine, other = ours.splitlines(), theirs.splitlines()
    for number in range(max(len(mine), len(other))):
        pair = [lines[number].strip() if number < len(lines) else "" for lines in (mine, other)]
        if pair[0] != pair[1]:
            return f"line {number + 1}: here {pair[0]!r}, there {pair[1]!r}"
    return None
