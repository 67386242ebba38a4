"""From reports of serious adverse events and opinions to what is due to whom, and when."""

from __future__ import annotations

import datetime
from typing import Final

import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables, no_rows
from equipoise.record.sources import group_sources
from equipoise.safety.events import (
    AdverseEventReported,
    CausalityAssessed,
    SeriousAdverseEventReported,
    SusarSubmitted,
)
from equipoise.safety.plan import NoticePlan, SafetyPlan
from equipoise.safety.seriousness import SEVERITY

EVENT = (*KEY, "adverse_event")

SERIOUS_ADVERSE_EVENT: Columns = {
    **KEY,
    "adverse_event": pl.String,
    "term": pl.String,
    "severity": pl.String,
    "aware": pl.Date,
    "aware_at": pl.Datetime("us"),
    "received": pl.Date,
    "received_at": pl.Datetime("us"),
    "severe_since": pl.Date,
    "related_investigator": pl.Boolean,
    "related_sponsor": pl.Boolean,
    "related": pl.Boolean,
    "related_since": pl.Date,
    "expected": pl.Boolean,
    "susar": pl.Boolean,
    **SOURCES,
}

EXPEDITED_REPORT: Columns = {
    **KEY,
    "adverse_event": pl.String,
    "report": pl.String,
    "start": pl.Date,
    "due": pl.Date,
    "due_at": pl.Datetime("us"),
    "done": pl.Date,
    "done_at": pl.Datetime("us"),
    "late": pl.Boolean,
    "certain": pl.Boolean,
    **SOURCES,
}
HOURS_PER_DAY = 24


def serious_adverse_event(tables: Tables, plan: SafetyPlan) -> pl.DataFrame:
    """One row per adverse event that was reported as serious to the sponsor, sorted by replicate,
    subject, adverse_event.

    - `severity`: fatal, life_threatening or serious, the worst of all reports. `aware`: since when
      the site knew; `received`: the day on which the first report reached the sponsor;
      `severe_since`: the same of the first report that says fatal or life-threatening.
      `aware_at`: by what time of the day `aware` the site surely knew, by the hospital's clock, the
      earliest that a report tells; `received_at` that of the first report, null where a report of
      that day has no time.
    - `related_investigator`, `related_sponsor`: whether one of the party's opinions, on any drug,
      is "related"; null while it has none. `related`: true if either says so, since the day
      `related_since`: neither takes the other's opinion back. False if the investigator sees no
      relation and the sponsor none or has no opinion; null while the investigator's is missing.
    - `expected`: whether the reference safety information lists the term for every drug to which it
      is related, up to this severity; null where it is not (yet) related.
    - `susar`: serious, related and unexpected; null while that is not known.

    Sources: ICH E2A II.B and III.A; Regulation (EU) 536/2014, article 2(2)(34) and annex III 2.2.
    `sources` are the reports of seriousness and the opinions.
    """
    reports = tables[SeriousAdverseEventReported.TABLE]
    if reports.is_empty():
        return no_rows(SERIOUS_ADVERSE_EVENT)
    fatal, threatening = (
        pl.col("criteria").list.contains(name) for name in ("death", "life_threatening")
    )
    rank = pl.when(fatal).then(2).when(threatening).then(1).otherwise(0)
    grave = pl.col("rank") > 0
    found = reports.with_columns(rank.alias("rank")).group_by(EVENT).agg(
        pl.col("rank").max(),
        pl.col("aware").min(),
        _at("aware", "aware_time").min().alias("aware_at"),
        pl.col("occurred").min().alias("received"),
        pl.when(_first_day("occurred", "received_time").is_not_null().all())
        .then(_at("occurred", "received_time").min())
        .alias("received_at"),
        pl.col("occurred").filter(grave).min().alias("severe_since"),
    )  # fmt: skip
    terms = tables[AdverseEventReported.TABLE].select(*EVENT, "term")
    found = found.join(terms, EVENT)
    opinions = tables[CausalityAssessed.TABLE].join(found.select(*EVENT, "term"), EVENT)
    both = pl.concat([each.select(*EVENT, "seq") for each in (reports, opinions)])
    ranks = {number: name for name, number in SEVERITY.items()}
    unexpected = pl.col("listed_up_to").fill_null(-1) < pl.col("rank")
    return (
        found.join(_opinions(opinions), EVENT, "left")
        .join(_listed(opinions, plan), EVENT, "left")
        .join(group_sources(both, EVENT), EVENT)
        .with_columns(_related())
        .with_columns(
            pl.when("related").then(~unexpected).alias("expected"),
            pl.col("rank").replace_strict(ranks, return_dtype=pl.String).alias("severity"),
            pl.when("related").then(unexpected).otherwise("related").alias("susar"),
        )
        .select(*SERIOUS_ADVERSE_EVENT)
        .sort(EVENT)
    )


def _first_day(day: str, time: str) -> pl.Expr:
    """The times of a day that is the first of its event."""
    return pl.col(time).filter(pl.col(day) == pl.col(day).min())


def _at(day: str, time: str) -> pl.Expr:
    """The first day of an event with each time HH:MM of it; null without a time."""
    text = pl.format("{} {}", pl.col(day).min(), _first_day(day, time))
    return text.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us")


def _opinions(opinions: pl.DataFrame) -> pl.DataFrame:
    """Whether either party has ever seen a relation, null where it said nothing, and since when."""
    yes = pl.col("related") == "related"
    return opinions.group_by(EVENT).agg(
        *(
            yes.filter(pl.col("opinion_of") == party).max().alias(f"related_{party}")
            for party in ("investigator", "sponsor")
        ),
        pl.col("occurred").filter(yes).min().alias("related_since"),
    )


def _related() -> pl.Expr:
    investigator, sponsor = pl.col("related_investigator"), pl.col("related_sponsor")
    return (
        pl.when(investigator.fill_null(False) | sponsor.fill_null(False)).then(True)
        .when(investigator.is_not_null()).then(False)
        .alias("related")
    )  # fmt: skip


def _listed(opinions: pl.DataFrame, plan: SafetyPlan) -> pl.DataFrame:
    """`listed_up_to`: the rank of severity up to which the reference safety information lists the
    event for every drug to which it is related; null where it does not for one of them."""
    listing = plan.reference_safety_information
    listed = pl.DataFrame(
        [
            (reaction.drug, reaction.term, SEVERITY[reaction.up_to])
            for reaction in (listing.reactions if listing else ())
        ],
        schema={"drug": pl.String, "term": pl.String, "listed_up_to": pl.Int32},
        orient="row",
    )
    related = opinions.filter(pl.col("related") == "related")
    each = related.join(listed, ["drug", "term"], "left")
    return each.group_by(EVENT).agg(pl.col("listed_up_to").fill_null(-1).min())


def expedited_report(tables: Tables, plan: NoticePlan) -> pl.DataFrame:
    """What is due about serious adverse events, sorted by replicate, subject, adverse event, due.

    A day counts as a whole: day 0 is `start`, and something is in time on the day `due` itself,
    but where the hour is known.

    - `site_to_sponsor`: the hours of the study file from the time at which the site knew
      (`due_at`, by the hospital's clock, as hours pass: over a night on which clocks change it is
      another hour of the day; of an hour that comes twice the first is meant); where only the day
      of that is known, in whole days (begun days count). Done on the day on which the report
      reached the sponsor, at the time `done_at` where that is known.
    - for a SUSAR, day 0 is the day on which the sponsor knew that it is serious and that somebody
      sees a relation: `other` after `other_days`; `fatal_or_life_threatening` after `fatal_days`
      from the day on which the sponsor also knew that; and its `fatal_follow_up` after
      `fatal_follow_up_days` more. Where the event was fatal or life-threatening from day 0 on,
      `other` falls away.
    - while the investigator's opinion is missing, what would be due from the first report on,
      with `certain` false. Nothing beyond the sponsor's notice for what is no SUSAR.

    `late`: done after its last day, or after its hour where both are known; null while it is not
    done. `done` is the day of the first submission since the first report (for the two of a fatal
    one: since it was known to be), null if there is none. The follow-up of a fatal one is a report
    of its own: the first that says that it is a follow-up among those which left after the first
    submission since the event was known to be fatal (on a later day, or entered later on the same).
    One report does not meet both.
    Sources: ICH E2A III.B; Regulation (EU) 536/2014, articles 41(2) and 42(2).
    """
    events = tables["serious_adverse_event"]
    if events.is_empty():
        return no_rows(EXPEDITED_REPORT)
    clocks = plan.clocks
    reportable = events.filter(pl.col("susar").fill_null(True)).with_columns(
        pl.max_horizontal("received", "related_since").alias("start"),
        pl.max_horizontal("severe_since", "related_since").alias("severe_start"),
    )
    severe = reportable.filter(pl.col("severe_since").is_not_null())
    at_once = pl.col("severe_since").is_not_null() & (pl.col("severe_start") <= pl.col("start"))
    later = clocks.fatal_days + clocks.fatal_follow_up_days
    past_the_hour = (pl.col("done_at") > pl.col("due_at")).fill_null(value=False)
    sent = tables[SusarSubmitted.TABLE]
    first = _since(sent, severe, "severe_since").unique(EVENT, keep="first", maintain_order=True)
    followed = sent.filter(pl.col("kind") == "follow_up").join(first, [*EVENT, "seq"], "anti")
    return (
        pl.concat(
            [
                _noticed(_at_its_place(events, tables, plan), clocks.site_to_sponsor_hours, plan),
                _due("other", reportable.filter(~at_once), clocks.other_days, sent),
                _due("fatal_or_life_threatening", severe, clocks.fatal_days, sent),
                _due("fatal_follow_up", severe, later, followed),
            ]
        )
        .with_columns(((pl.col("done") > pl.col("due")) | past_the_hour).alias("late"))
        .select(*EXPEDITED_REPORT)
        .sort(*EVENT, "due", "report")
    )


def _at_its_place(events: pl.DataFrame, tables: Tables, plan: NoticePlan) -> pl.DataFrame:
    """The events with the time `zone` of the hospital that reported each first."""
    sites = tables[SeriousAdverseEventReported.TABLE].group_by(EVENT).agg(pl.col("site").first())
    zone = pl.col("site").replace_strict(plan.zones, default=None, return_dtype=pl.String)
    return events.join(sites.select(*EVENT, zone.alias("zone")), EVENT, "left")


def _hours_after(name: str, hours: int, plan: NoticePlan) -> pl.Expr:
    """A time by a hospital's clock so many hours after another; in no known zone clocks do not
    change."""
    lasts, at = pl.duration(hours=hours), pl.col(name)
    passed = [
        pl.when(pl.col("zone") == zone).then(
            (at.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null") + lasts)
            .dt.replace_time_zone(None)
        )
        for zone in sorted(set(plan.zones.values()))
    ]  # fmt: skip
    return pl.coalesce(*passed, at + lasts)


def _noticed(events: pl.DataFrame, hours: int, plan: NoticePlan) -> pl.DataFrame:
    """The sponsor's notice of each event."""
    due_at = _hours_after("aware_at", hours, plan)
    days = -(-hours // HOURS_PER_DAY)
    return events.select(
        *EVENT,
        pl.lit("site_to_sponsor").alias("report"),
        pl.col("aware").alias("start"),
        pl.coalesce(due_at.dt.date(), pl.col("aware") + pl.duration(days=days)).alias("due"),
        due_at.alias("due_at"),
        pl.col("received").alias("done"),
        pl.col("received_at").alias("done_at"),
        pl.lit(True).alias("certain"),
        "sources",
    )


_NEVER: Final = pl.lit(None, pl.Datetime("us"))


def _due(report: str, events: pl.DataFrame, days: int, sent: pl.DataFrame) -> pl.DataFrame:
    """One report about each of `events`: its day 0, its last day, and the first day of `sent`."""
    start, since = ("start", "received") if report == "other" else ("severe_start", "severe_since")
    first = (
        _since(sent, events, since)
        .group_by(EVENT, maintain_order=True)
        .agg(pl.col("occurred").first().alias("done"), pl.col("seq").first())
    )
    return events.join(first, EVENT, "left").select(
        *EVENT,
        pl.lit(report).alias("report"),
        pl.col(start).alias("start"),
        (pl.col(start) + pl.duration(days=days)).alias("due"),
        _NEVER.alias("due_at"),
        "done",
        _NEVER.alias("done_at"),
        pl.col("susar").is_not_null().alias("certain"),
        pl.concat_list("sources", pl.col("seq")).list.drop_nulls().list.sort().alias("sources"),
    )


def _since(sent: pl.DataFrame, events: pl.DataFrame, since: str) -> pl.DataFrame:
    """What was sent about each of `events` since the day `since`, in the order in which it left."""
    return (
        sent.join(events.select(*EVENT, since), EVENT)
        .filter(pl.col("occurred") >= pl.col(since))
        .sort("occurred", "event")
    )


def reports_due(
    expedited: pl.DataFrame, on: datetime.date, at: datetime.time | None = None
) -> pl.DataFrame:
    """The rows of `expedited_report` with what each is on a day: `done`, `late`,
    `due`, or `overdue` (not done, and the last day is over, or the hour, at the time `at` by the
    hospital's clock).

    >>> import datetime
    >>> row = {"due": datetime.date(2024, 5, 8), "due_at": datetime.datetime(2024, 5, 8, 10)}
    >>> schema = {name: EXPEDITED_REPORT[name] for name in ("due", "due_at", "done", "late")}
    >>> frame = pl.DataFrame([row], schema=schema)
    >>> [reports_due(frame, datetime.date(2024, 5, day))["state"].item() for day in (8, 9)]
    ['due', 'overdue']
    >>> reports_due(frame, datetime.date(2024, 5, 8), datetime.time(10, 1))["state"].item()
    'overdue'
    """
    sent = pl.col("done").is_not_null() & (pl.col("done") <= on)
    over = pl.col("due") < on
    if at is not None:
        now = datetime.datetime.combine(on, at)
        over |= (pl.col("due_at") < now).fill_null(value=False)
    return expedited.with_columns(
        pl.when(sent & pl.col("late")).then(pl.lit("late"))
        .when(sent).then(pl.lit("done"))
        .when(over).then(pl.lit("overdue"))
        .otherwise(pl.lit("due"))
        .alias("state")
    )  # fmt: skip


RULES = (
    TableRule(
        produces="serious_adverse_event",
        columns=SERIOUS_ADVERSE_EVENT,
        requires={
            cls.TABLE: schema(cls)
            for cls in (AdverseEventReported, SeriousAdverseEventReported, CausalityAssessed)
        },
        plan="safety",
        rule=serious_adverse_event,
    ),
    TableRule(
        produces="expedited_report",
        columns=EXPEDITED_REPORT,
        requires={
            "serious_adverse_event": SERIOUS_ADVERSE_EVENT,
            SeriousAdverseEventReported.TABLE: {
                name: schema(SeriousAdverseEventReported)[name] for name in (*EVENT, "site")
            },
            SusarSubmitted.TABLE: schema(SusarSubmitted),
        },
        plan="notices",
        rule=expedited_report,
    ),
)
