"""The part of the study file that says who gets which arm with which probability."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Label, Number, Plan

SITE = "site"
"""The factor that is the subject's hospital and no item of a form."""


class Arm(Plan):
    """A randomised arm: a family of regimens inside which the investigator chooses."""

    code: Code
    label: Label
    description: Label
    regimens: tuple[Code, ...]


class StratumRatio(Plan):
    """Allocation ratio and block sizes of one marker status.

    `ratio` maps arm to integer weight. Block sizes are multiples of the sum of the weights; each
    block's size is drawn from them at random.
    """

    status: Code
    ratio: dict[Code, Count]
    block_sizes: tuple[Count, ...] = ()


class Minimised(Plan):
    """How minimisation weighs imbalance, and how often it follows it (Pocock and Simon 1975).

    `probability` is that of the notional arm which leaves the least imbalance, the others share
    the rest; `weights` maps factor to integer weight. `range` is the largest count of a level less
    the smallest, `variance` the variance of its counts.
    """

    probability: Number
    measure: Literal["range", "variance"]
    weights: dict[Code, Count]


class Scheme(Plan):
    """A version of the allocation scheme.

    `factors` are coded form items, or `site`. Permuted blocks and simple allocation cross them
    with the marker's statuses to strata. Minimisation balances the arms at each level of each
    factor within a status; its strata are the statuses.
    """

    code: Code
    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,20}$")
    method: Literal["permuted_blocks", "simple", "minimisation"]
    ratios: tuple[StratumRatio, ...]
    factors: tuple[Code, ...] = ()
    minimisation: Minimised | None = None


class RandomisationPlan(Plan):
    """Arms and the scheme in force."""

    arms: tuple[Arm, ...]
    scheme: Scheme
