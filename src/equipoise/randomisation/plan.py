"""The part of the study file that says who gets which arm with which probability."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Label, Plan


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


class Scheme(Plan):
    """A version of the allocation scheme.

    Strata are the marker's statuses crossed with the levels of `factors` (coded form items).
    """

    code: Code
    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,20}$")
    method: Literal["permuted_blocks", "simple"]
    ratios: tuple[StratumRatio, ...]
    factors: tuple[Code, ...] = ()


class RandomisationPlan(Plan):
    """Arms and the scheme in force."""

    arms: tuple[Arm, ...]
    scheme: Scheme
