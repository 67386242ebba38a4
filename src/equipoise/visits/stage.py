"""Where a subject stands, in one word, from their row of `disposition`."""

from __future__ import annotations

from typing import Final

import polars as pl

from equipoise.record.rule import KEY, Columns

STAGE: Columns = {**KEY, "stage": pl.String}

_ENDED: Final = (
    ("death_text", "died"),
    ("screening_failed", "screening_failed"),
    ("consent_withdrawn", "withdrawn"),
    ("lost", "lost"),
)
"""What ends the trial for a subject, whichever of them there is first in this order."""

STAGES: Final = (
    "screening", "randomised", "on_treatment", "follow_up", *(name for _, name in _ENDED),
)  # fmt: skip


def stage(disposition: pl.DataFrame) -> pl.DataFrame:
    """One row per row of `disposition`, in its order: replicate, subject, `stage`.

    What ended a subject's participation comes before how far it had come: death (of which only the
    fact may be known), screening failure, withdrawal of a consent that randomisation requires,
    loss to follow-up. Who is not randomised is in `screening`; whose treatment ended, in
    `follow_up`; whoever had a dose is `on_treatment`, else `randomised`. The words are this
    project's; the facts those of CONSORT 2025, item 22a (losses and exclusions after
    randomisation).

    >>> day = __import__("datetime").date(2026, 1, 5)
    >>> names = ("death_text", "screening_failed", "consent_withdrawn", "lost", "randomised",
    ...          "treatment_discontinued", "first_dose")
    >>> row = dict.fromkeys(names) | {"replicate": 0, "subject": "A-1", "randomised": day}
    >>> stage(pl.DataFrame([row]))["stage"].item()
    'randomised'
    """
    reached = (
        pl.when(pl.col("randomised").is_null()).then(pl.lit("screening"))
        .when(pl.col("treatment_discontinued").is_not_null()).then(pl.lit("follow_up"))
        .when(pl.col("first_dose").is_not_null()).then(pl.lit("on_treatment"))
        .otherwise(pl.lit("randomised"))
    )  # fmt: skip
    ended = [pl.when(pl.col(day).is_not_null()).then(pl.lit(name)) for day, name in _ENDED]
    return disposition.select(*KEY, pl.coalesce(*ended, reached).alias("stage"))
