"""Departures from the protocol: what the rules of the stages find, and what somebody recorded."""

from __future__ import annotations

from typing import Final

import polars as pl

from equipoise.oversight.events import DeviationCategory
from equipoise.oversight.plan import DeviationPlan
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows

DEVIATION: Columns = {
    **KEY,
    "site": pl.String,
    "day": pl.Date,
    "category": pl.String,
    "kind": pl.String,
    "entry": pl.String,
    "instance": pl.Int64,
    "found": pl.String,
    "expected": pl.String,
    "important": pl.Boolean,
    "recorded": pl.Boolean,
    **SOURCES,
}
RECORDED: Final = "recorded"
"""The kind of what somebody recorded."""

REQUIRES: dict[str, Columns] = {
    "randomised": {**KEY, "site": pl.String, "occurred": pl.Date},
    "consent_missing": {
        **KEY,
        "consent": pl.String,
        "randomised": pl.Date,
        "signed": pl.Date,
        **SOURCES,
    },
    "deviation_recorded": {
        **KEY,
        "site": pl.String,
        "occurred": pl.Date,
        "seq": pl.Int64,
        "category": pl.String,
        "description": pl.String,
        "important": pl.Boolean,
    },
    "stratum": {
        **KEY,
        "stratum": pl.String,
        "stratum_corrected": pl.String,
        "differs": pl.Boolean,
        **SOURCES,
    },
    "entry_eligibility": {
        **KEY,
        "decision": pl.String,
        "decided": pl.Date,
        "eligible_now": pl.Boolean,
        "unmet_now": pl.List(pl.String),
        "pending_now": pl.List(pl.String),
        "differs": pl.Boolean,
        **SOURCES,
    },
    "visit_timeline": {
        **KEY,
        "visit": pl.String,
        "instance": pl.Int64,
        "earliest": pl.Date,
        "latest": pl.Date,
        "actual": pl.Date,
        "state": pl.String,
        **SOURCES,
    },
    "treatment_departure": {
        **KEY,
        "kind": pl.String,
        "day": pl.Date,
        "cycle": pl.Int64,
        "drugs": pl.List(pl.String),
        "found": pl.Int64,
        "least": pl.Int64,
        "most": pl.Int64,
        "lot": pl.String,
        "limit": pl.Date,
        **SOURCES,
    },
    "expedited_report": {
        **KEY,
        "adverse_event": pl.String,
        "report": pl.String,
        "due": pl.Date,
        "due_at": pl.Datetime("us"),
        "done": pl.Date,
        "done_at": pl.Datetime("us"),
        "late": pl.Boolean,
        **SOURCES,
    },
    "prohibited_therapy": {
        **KEY,
        "prohibition": pl.String,
        "code": pl.String,
        "day": pl.Date,
        "since": pl.Date,
        "until": pl.Date,
        **SOURCES,
    },
}
"""The tables that the rule reads, with their columns."""


def deviation(tables: Tables, plan: DeviationPlan) -> pl.DataFrame:
    """One row per deviation of a randomised subject, and per deviation that somebody recorded.

    Sorted by replicate, subject, day, category, kind, entry, instance. `category` is that of the
    protocol's list, `important` whether the list or the record calls it so. By rules (`recorded` is
    false) are, each with what it concerns (`entry`, `instance`) and what was `found` and `expected`
    (days as YYYY-MM-DD, from-to as from/to, amounts in mg):

    - `wrong_stratum`: the stratum as corrected (`expected`, null if no longer known) is not that of
      the allocation; day of randomisation.
    - `not_eligible`: a criterion (`entry`: which, by commas) is not met by what the record says
      now of the time of entry; `eligibility_unknown`: that is no longer known.
    - `consent_missing`, by the table of that name: randomised without a consent (`entry`) that
      randomisation requires, or before the day (`found`) of its first signature.
    - `visit_early`, `visit_late`, `visit_missed`, and for a visit with imaging `scan_early`,
      `scan_late`, `scan_missed`: outside the window `expected`; a missed one on its last day.
    - the kinds of `treatment_departure`; `entry`: the drugs, by commas, `instance` the cycle.
    - `prohibited_therapy`: what was given (`found`: its code) in a period (`expected`; open at the
      end while it goes on) in which the study file prohibits it (`entry`: the prohibition).

    - `sae_late`: the sponsor was told of a serious adverse event (`entry`) after the last day, or
      where both are known after the hour, of the study file's clock (`expected`); day of the first
      report, with its hour in `found` where that decides.

    ICH E9(R1) and E3, 10.2: deviations related to entry, consent, treatment and assessments;
    Regulation (EU) 536/2014, article 41(2), for the report.
    """
    entered = tables["randomised"].select(*KEY, "site", pl.col("occurred").alias("on"))
    parts: list[pl.DataFrame] = []
    if len(entered):
        by_rules = [
            _strata(tables["stratum"], entered),
            _eligibility(tables["entry_eligibility"]),
            _consents(tables["consent_missing"]),
            _visits(tables["visit_timeline"], plan),
            _treatment(tables["treatment_departure"]),
            _prohibited(tables["prohibited_therapy"]),
            _notices(tables["expedited_report"]),
        ]
        found = [each for each in by_rules if len(each)]
        if found:
            rows = pl.concat([each.select(*_BY_RULES) for each in found])
            rows = rows.join(entered.select(*KEY, "site"), [*KEY], "inner", maintain_order="left")
            important = pl.col("category").is_in(plan.important)
            parts.append(rows.with_columns(important=important, recorded=pl.lit(False)))
    noted = tables["deviation_recorded"]
    if len(noted):
        parts.append(_noted(noted, plan))
    if not parts:
        return no_rows(DEVIATION)
    return pl.concat([each.select(*DEVIATION) for each in parts]).sort(
        *KEY, "day", "category", "kind", "entry", "instance", "found", maintain_order=True
    )


_BY_RULES = [name for name in DEVIATION if name not in ("site", "important", "recorded")]


def _found(
    frame: pl.DataFrame, category: DeviationCategory, kind: pl.Expr | str, **columns: pl.Expr | str
) -> pl.DataFrame:
    """Rows with `columns`, and null for what is not given; sources in order."""
    rest = [
        pl.lit(None, dtype=of).alias(name)
        for name, of in DEVIATION.items()
        if name in ("entry", "instance", "found", "expected") and name not in columns
    ]
    given = {name: pl.col(of) if isinstance(of, str) else of for name, of in columns.items()}
    return frame.select(
        *KEY,
        pl.lit(category).alias("category"),
        (pl.lit(kind) if isinstance(kind, str) else kind).alias("kind"),
        *rest,
        **given,
        sources=pl.col("sources").list.unique().list.sort(),
    )


def _strata(strata: pl.DataFrame, entered: pl.DataFrame) -> pl.DataFrame:
    wrong = strata.filter(pl.col("differs")).join(entered, [*KEY], "left", maintain_order="left")
    return _found(
        wrong, "wrong_stratum", "wrong_stratum", day="on", found="stratum",
        expected="stratum_corrected",
    )  # fmt: skip


def _eligibility(judged: pl.DataFrame) -> pl.DataFrame:
    eligible = pl.col("eligible_now")
    unfit = judged.filter(
        pl.col("differs") & ~eligible.fill_null(False), pl.col("decision") == "randomised"
    )
    unknown = eligible.is_null()
    kind = pl.when(unknown).then(pl.lit("eligibility_unknown")).otherwise(pl.lit("not_eligible"))
    criteria = pl.when(unknown).then("pending_now").otherwise("unmet_now")
    return _found(
        unfit, "not_eligible", kind, day="decided", entry=criteria.fill_null([]).list.join(", ")
    )


def _consents(missing: pl.DataFrame) -> pl.DataFrame:
    return _found(
        missing, "consent", "consent_missing", day="randomised", entry="consent",
        found=pl.col("signed").cast(pl.String), expected=pl.col("randomised").cast(pl.String),
    )  # fmt: skip


def _visits(visits: pl.DataFrame, plan: DeviationPlan) -> pl.DataFrame:
    off = visits.filter(pl.col("state").is_in(["early", "late", "missed"]))
    what = pl.when(pl.col("visit").is_in(plan.imaging)).then(pl.lit("scan_")).otherwise(
        pl.lit("visit_")
    )  # fmt: skip
    day = pl.when(pl.col("state") == "missed").then("latest").otherwise("actual")
    return _found(
        off, "visit_window", what + pl.col("state"), day=day, entry="visit", instance="instance",
        found=pl.col("actual").cast(pl.String), expected=pl.format("{}/{}", "earliest", "latest"),
    )  # fmt: skip


def _treatment(departed: pl.DataFrame) -> pl.DataFrame:
    kind, amount = pl.col("kind"), pl.col("kind") == "dose_amount"
    found = (
        pl.when(amount)
        .then(_mg("found"))
        .when(kind.str.starts_with("dispensed_"))
        .then("lot")
        .when(kind == "cycle_early")
        .then(pl.col("day").cast(pl.String))
        .otherwise(pl.col("found").cast(pl.String))
    )
    expected = (
        pl.when(amount)
        .then(pl.format("{}/{}", _mg("least"), _mg("most")))
        .otherwise(pl.coalesce(pl.col("limit").cast(pl.String), pl.col("most").cast(pl.String)))
    )
    return _found(
        departed, "dose", kind, day="day", entry=pl.col("drugs").list.join(", "), instance="cycle",
        found=found, expected=expected,
    )  # fmt: skip


def _mg(name: str) -> pl.Expr:
    """An amount in 1/100 mg as mg, exact, without needless zeros."""
    rest = (pl.col(name) % 100).cast(pl.String).str.zfill(2).str.strip_chars_end("0")
    return pl.format("{}.{}", pl.col(name) // 100, rest).str.strip_chars_end(".")


def _prohibited(given: pl.DataFrame) -> pl.DataFrame:
    period = pl.format("{}/{}", "since", pl.col("until").cast(pl.String).fill_null(""))
    return _found(
        given, "prohibited_therapy", "prohibited_therapy", day="day", entry="prohibition",
        found="code", expected=period,
    )  # fmt: skip


def _notices(reports: pl.DataFrame) -> pl.DataFrame:
    """Reports to the sponsor that came after their last day or hour."""
    late = reports.filter("late", pl.col("report") == "site_to_sponsor")
    told = [
        pl.when(pl.all_horizontal(pl.col("done_at", "due_at").is_not_null()))
        .then(pl.col(f"{name}_at").dt.to_string("%Y-%m-%d %H:%M"))
        .otherwise(pl.col(name).cast(pl.String))
        for name in ("done", "due")
    ]
    return _found(
        late, "safety_report", "sae_late", day="done", entry="adverse_event", found=told[0],
        expected=told[1],
    )  # fmt: skip


def _noted(noted: pl.DataFrame, plan: DeviationPlan) -> pl.DataFrame:
    nothing = [pl.lit(None, dtype=DEVIATION[name]).alias(name) for name in _NOT_NOTED]
    return noted.select(
        *KEY,
        "site",
        pl.col("occurred").alias("day"),
        "category",
        pl.lit(RECORDED).alias("kind"),
        *nothing,
        pl.col("description").alias("found"),
        (pl.col("important") | pl.col("category").is_in(plan.important)).alias("important"),
        pl.lit(True).alias("recorded"),
        pl.concat_list("seq").alias("sources"),
    )


_NOT_NOTED = ("entry", "instance", "expected")
