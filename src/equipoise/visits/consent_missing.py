"""Who was randomised without a consent that randomisation requires (CN1)."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.visits.plan import VisitsPlan

CONSENT_MISSING: Columns = {
    **KEY,
    "consent": pl.String,
    "randomised": pl.Date,
    "signed": pl.Date,
    **SOURCES,
}
_DATED: Columns = {**KEY, "occurred": pl.Date, "seq": pl.Int64}
REQUIRES: dict[str, Columns] = {
    "randomised": _DATED,
    "consent_signed": {**_DATED, "consent": pl.String},
}
"""The tables that the rule reads, with their columns."""


def consent_missing(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """One row per randomised subject and consent that randomisation requires, where it was first
    signed, in any version, after the day of randomisation, or never (`signed` is null).

    A signature of the day itself is in time. Sorted by replicate, subject, in the order of the
    study file. `sources`: the randomisation, every signature of the consent. ICH E6(R3) 2.8.1;
    Regulation (EU) 536/2014, article 28(1)(c).
    """
    entered, signed = tables["randomised"], tables["consent_signed"]
    required = [each.code for each in plan.consents if each.required_for_randomisation]
    if entered.is_empty() or not required:
        return no_rows(CONSENT_MISSING)
    firsts = signed.group_by(*KEY, "consent").agg(
        pl.col("occurred").min().alias("signed"), pl.col("seq").alias("by")
    )
    asked = pl.DataFrame({"consent": required, "place": range(len(required))})
    both = entered.select(*KEY, pl.col("occurred").alias("randomised"), "seq").join(
        asked, how="cross"
    )
    found = both.join(firsts, [*KEY, "consent"], "left").filter(
        pl.col("signed").is_null() | (pl.col("signed") > pl.col("randomised"))
    )
    seqs = pl.concat_list("seq", pl.col("by").fill_null([])).list.unique().list.sort()
    return found.sort(*KEY, "place").with_columns(seqs.alias("sources")).select(*CONSENT_MISSING)
