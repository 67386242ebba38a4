"""In what treatment departs from the dosing rules, the calendar of cycles and the lots in date."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.columns import among, kept
from equipoise.record.plan import Count, Plan
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.subject_rows import (
    NONE,
    SOME,
    Flags,
    Numbers,
    SubjectRows,
    coded,
    dates,
    days,
    grouped_lists,
    grouped_sources,
    whole,
)
from equipoise.treatment.plan import Regimen

TREATMENT_DEPARTURE: Columns = {
    **KEY,
    "kind": pl.String,
    "day": pl.Date,
    "cycle": pl.Int64,
    "regimen": pl.String,
    "drugs": pl.List(pl.String),
    "found": pl.Int64,
    "least": pl.Int64,
    "most": pl.Int64,
    "lot": pl.String,
    "limit": pl.Date,
    **SOURCES,
}
DECIDED: Columns = {
    **KEY,
    "cycle": pl.Int64,
    "regimen": pl.String,
    "drug": pl.String,
    "occurred": pl.Date,
    "decision": pl.String,
    "least": pl.Int64,
    "most": pl.Int64,
    **SOURCES,
}
BEGUN: Columns = {
    **KEY,
    "cycle": pl.Int64,
    "regimen": pl.String,
    "started": pl.Date,
    "due": pl.Date,
    **SOURCES,
}
DOSES: Columns = {
    **KEY,
    "occurred": pl.Date,
    "seq": pl.Int64,
    "cycle": pl.Int64,
    "drug": pl.String,
    "administrations": pl.Int64,
    "amount": pl.Int64,
}
LOTS: Columns = {
    **KEY,
    "occurred": pl.Date,
    "seq": pl.Int64,
    "cycle": pl.Int64,
    "drug": pl.String,
    "lot": pl.String,
    "expiry": pl.Date,
}
"""What the rule reads of other tables."""

_ANY_NUMBER = np.iinfo(np.int64).max


class DeparturePlan(Plan):
    """The regimens, and by how many days a cycle may begin before it is due."""

    regimens: tuple[Regimen, ...]
    early_days: Count


def treatment_departure(tables: Tables, plan: DeparturePlan) -> pl.DataFrame:
    """What was given otherwise than by the rules, sorted by replicate, subject, cycle, kind, day.

    - `cycle_early`: a cycle that began more than `early_days` before it was due (`limit`); `found`
      is by how many days.
    - `cycle_put_off`: a cycle that began although the dosing rule delays it or cannot decide
      (`drugs`: for which), or, where it delays none, leaves no drug to be given (`drugs`: all).
    - `dose_amount`: an amount `found` that was given, outside `least` to `most` of the dosing rule.
      Amounts are those of one administration in 1/100 mg.
    - `dose_times`: a drug that was given in a cycle more often (`found`) than the regimen has
      administrations (`most`, 0 for a drug that the regimen does not have); `day` is that of the
      last dose.
    - `dispensed_expired`: a lot that left the pharmacy after its last day (`limit`).
    - `dispensed_omitted`: a drug that was dispensed for a cycle in which the rule omits or stops
      it.

    A dose without an amount or an administration was not given. A cycle of a regimen that this
    version of the study does not have departs from nothing but the calendar. `sources`: the entries
    that depart, and those that the decision rests on.
    """
    cycles, decided = tables["treatment_cycle"], tables["dose_decision"]
    given, lots = tables["dose_given"], tables["drug_dispensed"]
    amount, times = whole(given["amount"], 0), whole(given["administrations"], 0)
    was_given: Flags = (amount > 0) & (times > 0)
    undecided = was_given
    parts = [_early(cycles, plan.early_days), _expired(lots)]
    if len(decided):
        subjects = SubjectRows(decided)
        drugs, codes = coded(pl.concat([decided["drug"], given["drug"], lots["drug"]]))
        width = int(decided["cycle"].max()) + 1  # type: ignore[arg-type]
        of_each = np.split(codes, np.cumsum([len(decided), len(given)]))
        wanted, of_given, of_lots = (
            _keys(subjects, frame, code, width, len(drugs))
            for frame, code in zip((decided, given, lots), of_each, strict=True)
        )
        order = np.argsort(wanted, kind="stable")
        place_given, place_lots = (
            _found(wanted[order], order, keys) for keys in (of_given, of_lots)
        )
        undecided = was_given & (place_given < 0)
        place_given = np.where(was_given, place_given, -1)
        parts += [
            _put_off(decided, wanted // len(drugs)),
            _amounts(decided, given, place_given, amount),
            _times(decided, given, place_given, times, plan),
            _omitted(decided, lots, place_lots),
        ]
    parts.append(_foreign(cycles, given, undecided, plan))
    found = [part for part in parts if part is not None]
    if not found:
        return no_rows(TREATMENT_DEPARTURE)
    both = pl.concat([part.select(*TREATMENT_DEPARTURE) for part in found])
    first = pl.col("sources").list.first()
    return both.sort(*KEY, "cycle", "kind", "day", first, maintain_order=True)


def _keys(
    subjects: SubjectRows, frame: pl.DataFrame, drug: Numbers, width: int, drugs: int
) -> Numbers:
    """One number for each subject, cycle and drug; -1 for what is not decided on."""
    rows, cycle = subjects.rows(frame), frame["cycle"].to_numpy()
    return np.where((rows >= 0) & (cycle < width), (rows * width + cycle) * drugs + drug, -1)


def _found(known: Numbers, order: Numbers, wanted: Numbers) -> Numbers:
    """The row of each wanted key; -1 where it is not known."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, order[at], -1)


def _departed(
    frame: pl.DataFrame, kind: str, sources: pl.Series | pl.Expr, **columns: pl.Series | pl.Expr
) -> pl.DataFrame:
    """Rows of a kind: `columns`, those of `frame`, and null for the rest."""
    rest = [
        pl.lit(None, dtype=of).alias(name)
        for name, of in TREATMENT_DEPARTURE.items()
        if name not in ("kind", "sources", *columns, *frame.columns)
    ]
    return frame.with_columns(pl.lit(kind).alias("kind"), *rest, sources=sources, **columns)


def _early(cycles: pl.DataFrame, allowed: int) -> pl.DataFrame | None:
    on, due = days(cycles["started"]), days(cycles["due"])
    early = (on != NONE) & (due != NONE) & (on < due - allowed)
    if not early.any():
        return None
    found = pl.Series((due - on)[early])
    rows = kept(cycles, early)
    return _departed(
        rows, "cycle_early", rows["sources"], day=pl.col("started"), limit=pl.col("due"),
        found=found,
    )  # fmt: skip


def _put_off(decided: pl.DataFrame, cycle: Numbers) -> pl.DataFrame | None:
    """The cycles that should not have begun; `cycle` numbers that of each row, in order."""
    held = among(decided["decision"], ("delay", "undecided"))
    out = among(decided["decision"], ("omit", "stop"))
    if not (held | out).any():
        return None
    _, heads, group = np.unique(cycle, return_index=True, return_inverse=True)
    any_held = np.bincount(group, held) > 0
    none_left = np.bincount(group, ~out) == 0
    against = held | (none_left & ~any_held)[group]
    there, places = np.unique(group[against], return_inverse=True)
    if not len(there):
        return None
    order = np.argsort(places, kind="stable")
    drugs = kept(decided, against)["drug"].gather(order).alias("drugs")
    listed = grouped_lists(places[order], drugs, len(there))
    rows = decided[heads[there]].drop("least", "most")
    sources = rows["sources"]
    return _departed(rows, "cycle_put_off", sources, day=pl.col("occurred"), drugs=listed)


def _amounts(
    decided: pl.DataFrame, given: pl.DataFrame, place: Numbers, amount: Numbers
) -> pl.DataFrame | None:
    least, most = decided["least"].to_numpy()[place], decided["most"].to_numpy()[place]
    wrong = (place >= 0) & ((amount < least) | (amount > most))
    if not wrong.any():
        return None
    by, doses = decided[place[wrong]], kept(given, wrong)
    return _departed(
        by, "dose_amount", _beside(by, doses), day=doses["occurred"],
        found=pl.Series(amount[wrong]), drugs=pl.concat_list("drug"),
    )  # fmt: skip


def _times(
    decided: pl.DataFrame, given: pl.DataFrame, place: Numbers, times: Numbers, plan: DeparturePlan
) -> pl.DataFrame | None:
    planned = _planned_times(decided, plan)
    there = np.flatnonzero(place >= 0)
    number = np.zeros(len(decided), dtype=np.int64)
    np.add.at(number, place[there], times[there])
    over = number > planned
    if not over.any():
        return None
    last = np.full(len(decided), NONE)
    np.maximum.at(last, place[there], days(given["occurred"])[there])
    seqs = grouped_sources(place[there], given["seq"].to_numpy()[there], len(decided))
    by = kept(decided, over).drop("least", "most")
    both = pl.DataFrame([by["sources"], seqs.filter(over).alias("doses")])
    return _departed(
        by, "dose_times", both.select(_united("sources", "doses")).to_series(),
        day=dates(last[over]), found=pl.Series(number[over]), most=pl.Series(planned[over]),
        drugs=pl.concat_list("drug"),
    )  # fmt: skip


def _planned_times(decided: pl.DataFrame, plan: DeparturePlan) -> Numbers:
    """How many administrations the regimen of each row has of its drug."""
    known = {
        (regimen.code, dose.drug): len(dose.days) * dose.times_per_day
        for regimen in plan.regimens
        for dose in regimen.doses
    }
    if len(decided) <= SOME:
        pairs = zip(decided["regimen"].to_list(), decided["drug"].to_list(), strict=True)
        return np.array([known.get(pair, _ANY_NUMBER) for pair in pairs], dtype=np.int64)
    (regimens, of_regimen), (drugs, of_drug) = (
        coded(decided[name]) for name in ("regimen", "drug")
    )
    table = [[known.get((each, drug), _ANY_NUMBER) for drug in drugs] for each in regimens]
    found: Numbers = np.array(table, dtype=np.int64)[of_regimen, of_drug]
    return found


def _foreign(
    cycles: pl.DataFrame, given: pl.DataFrame, undecided: Flags, plan: DeparturePlan
) -> pl.DataFrame | None:
    """Drugs that were given in a cycle whose regimen, known to the study, does not have them."""
    if not undecided.any():
        return None
    head = [*KEY, "cycle"]
    known = cycles.filter(pl.col("regimen").is_in([each.code for each in plan.regimens]))
    doses = kept(given, undecided).select(*head, "drug", "occurred", "administrations", "seq")
    found = doses.join(known.select(*head, "regimen", "sources"), head, "inner")
    if found.is_empty():
        return None
    found = found.group_by(*head, "regimen", "drug", "sources", maintain_order=True).agg(
        pl.col("occurred").max().alias("day"),
        pl.col("administrations").sum().alias("found"),
        pl.col("seq"),
    )
    both = found.select(_united("sources", "seq")).to_series()
    return _departed(
        found, "dose_times", both, most=pl.lit(0, pl.Int64), drugs=pl.concat_list("drug")
    )


def _expired(lots: pl.DataFrame) -> pl.DataFrame | None:
    on, last = days(lots["occurred"]), days(lots["expiry"])
    expired: Flags = (on != NONE) & (last < on)
    if not expired.any():
        return None
    return _departed(
        kept(lots, expired), "dispensed_expired", pl.concat_list("seq"), day=pl.col("occurred"),
        limit=pl.col("expiry"), drugs=pl.concat_list("drug"),
    )  # fmt: skip


def _omitted(decided: pl.DataFrame, lots: pl.DataFrame, place: Numbers) -> pl.DataFrame | None:
    out = (place >= 0) & among(decided["decision"], ("omit", "stop"))[place]
    if not out.any():
        return None
    by, rows = decided[place[out]].drop("least", "most"), kept(lots, out)
    return _departed(
        by, "dispensed_omitted", _beside(by, rows), day=rows["occurred"], lot=rows["lot"],
        drugs=pl.concat_list("drug"),
    )  # fmt: skip


def _beside(by: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """The sources of each decision, and the entry beside it."""
    both = pl.DataFrame([by["sources"], rows["seq"]])
    return both.select(_united("sources", "seq")).to_series()


def _united(*names: str) -> pl.Expr:
    return pl.concat_list(*names).list.unique().list.sort().alias("sources")


REQUIRES = {
    "treatment_cycle": BEGUN,
    "dose_decision": DECIDED,
    "dose_given": DOSES,
    "drug_dispensed": LOTS,
}
"""The tables that the rule reads, with their columns."""
