"""The controls of a run: what they have to read before anything that the run says counts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.biomarker.events import ASSAY_PLACES
from equipoise.biomarker.plan import BiomarkerPlan, Limits
from equipoise.record.columns import among, true
from equipoise.record.subject_rows import Flags, Numbers, parent_rows, whole

SCALE = 10**ASSAY_PLACES


class Failed(NamedTuple):
    """By result: the place among `names` of the control by which its run fails (-1: by none), what
    it read, its seq (-1: it was not given)."""

    names: Sequence[str]
    control: Numbers
    value: Numbers
    seq: Numbers


def failed_controls(controls: pl.DataFrame, results: pl.DataFrame, plan: BiomarkerPlan) -> Failed:
    """The control by which the run of each of `results` fails, of those that are technically valid.

    A control without a value gave no signal and reads 0. Of several that fail, the one that the
    study declares first is told.
    """
    declared = [(assay, each) for assay in plan.marker.assays for each in assay.controls]
    if controls.is_empty():
        declared = [pair for pair in declared if pair[1].obligatory]
    found = np.full((3, len(results)), -1, dtype=np.int64)
    if declared:
        result, value = parent_rows(results, controls), whole(controls["value"], 0)
        seq, valid = controls["seq"].to_numpy(), true(results["technically_valid"])
    for place, (assay, control) in enumerate(declared):
        mine = valid & (found[0] < 0) & among(results["assay"], [assay.code])
        if not mine.any():
            continue
        read = np.flatnonzero((result >= 0) & among(controls["control"], [control.code]))
        read = read[mine[result[read]]]
        given = np.zeros(len(results), dtype=np.bool_)
        given[result[read]] = True
        if control.obligatory:
            found[0, mine & ~given] = place
        wrong = read[~within(control, value[read], np.ones_like(read))]
        found[:, result[wrong]] = np.full(len(wrong), place), value[wrong], seq[wrong]
    return Failed([control.code for _, control in declared], *found)


def within(limits: Limits, total: Numbers, count: Numbers) -> Flags:
    """Whether total / count / SCALE lies within `limits`, by cross-multiplication.

    >>> within(Limits(at_least=9), np.array([90_000, 89_999]), np.array([1, 1])).tolist()
    [True, False]
    """
    inside: Flags = np.ones(len(total), dtype=np.bool_)
    for limit, sign, closed in (
        (limits.at_least, 1, True),
        (limits.above, 1, False),
        (limits.below, -1, False),
        (limits.at_most, -1, True),
    ):
        if limit is not None:
            ratio = Fraction(limit) * SCALE
            beyond = sign * (total * ratio.denominator - count * ratio.numerator)
            inside = inside & (beyond >= 0 if closed else beyond > 0)
    return inside
