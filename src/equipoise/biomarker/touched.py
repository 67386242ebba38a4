"""A status stands as the record had it: at the allocation, and at the freeze of what is determined
again. Whoever is concerned by something that came later is read once more, as of that position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from equipoise.biomarker.assay import assay_value
from equipoise.biomarker.events import (
    AssayControl,
    AssayMeasurement,
    AssayResultInvalidated,
    AssayResultRecorded,
    SampleCollected,
    SampleDerived,
    SampleLabelled,
    SampleReceived,
    SampleShipped,
)
from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.sample import sample_state
from equipoise.biomarker.steps import BASES, allocated_at, frozen_at
from equipoise.record.columns import among, kept, named
from equipoise.record.declaration import Column, schema
from equipoise.record.past import CORRECTED, Addressed, addressed, as_it_stood
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.subject_rows import Numbers, SubjectRows, gathered, grouped_sources, pack

MARKER_TOUCHED: Columns = {**KEY, "basis": pl.String, "as_of": pl.Int64, **SOURCES}

_EVENTS = (
    SampleCollected, SampleDerived, SampleLabelled, SampleShipped, SampleReceived,
    AssayResultRecorded, AssayResultInvalidated,
)  # fmt: skip
_READ: Mapping[str, Addressed] = {
    **{table: how for cls in _EVENTS for table, how in addressed(cls)},
    "consent_signed": Addressed(
        1, {"consent": Column("consent", "text", pl.String(), pl.String())}
    ),
}
"""The tables that a marker is read from, and how corrections address their rows."""

_COMING = ("sample_collected", "sample_derived", "sample_received")
"""What may change by coming later how an earlier run is read."""

_CORRECTED = (*(cls.TABLE for cls in _EVENTS), "consent_signed")

_OTHERS = ("subject_screened", "randomised", "assay_determination", "marker_status")

MARKER_EVENTS: Mapping[str, Columns] = {
    **{cls.TABLE: schema(cls) for cls in (*_EVENTS, AssayMeasurement, AssayControl)},
    "consent_signed": {
        **KEY, "consent": pl.String, "occurred": pl.Date, "event": pl.Int64, "seq": pl.Int64,
    },
    "randomised": {**KEY, "occurred": pl.Date, "event": pl.Int64, "seq": pl.Int64},
    "redetermination_frozen": {"replicate": pl.Int32, "as_of": pl.Int64},
    "corrected": CORRECTED,
}  # fmt: skip
"""What a rule requires that reads a status as the record had it."""


def marker_touched(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """Of whom something came later that can change how what counts for a status is read.

    One row per subject and basis, sorted by these. `as_of` is the position in the record at which
    the status stands: on basis `randomisation` the subject's allocation, on basis `redetermination`
    the position of the freeze. `sources` came after it: samples that were collected, made or
    received, and corrections of anything that a marker is read from. A run, an invalidation or a
    consent that came later is none of them: the rules leave it out by its position.
    """
    randomised, frozen = tables["randomised"], tables["redetermination_frozen"]
    if randomised.is_empty() and frozen.is_empty():
        return no_rows(MARKER_TOUCHED)
    coming = [tables[name].select(*KEY, seq="event") for name in _COMING]
    events = pl.concat([*coming, _corrections(tables)])
    subjects = SubjectRows(events)
    rows, seq = subjects.rows(events), events["seq"].to_numpy()
    limits = allocated_at(subjects, randomised)[rows], frozen_at(frozen, events)
    later = [np.flatnonzero(seq > limit) for limit in limits]
    groups = np.concatenate([rows[mine] * len(BASES) + basis for basis, mine in enumerate(later)])
    if not len(groups):
        return no_rows(MARKER_TOUCHED)
    positions = np.concatenate([limit[mine] for limit, mine in zip(limits, later, strict=True)])
    touched, first, group = np.unique(groups, return_index=True, return_inverse=True)
    return pl.DataFrame(
        [
            *(gathered(subjects.key[name], touched // len(BASES)) for name in KEY),
            named("basis", BASES, touched % len(BASES)),
            pl.Series("as_of", positions[first]),
            grouped_sources(group, seq[np.concatenate(later)], len(touched)),
        ]
    )


def _corrections(tables: Tables) -> pl.DataFrame:
    """Subject and seq of each correction of something that a marker is read from."""
    corrected = tables["corrected"]
    if corrected.is_empty():
        return corrected.select(*KEY, "seq")
    targets = np.concatenate([_packed(tables[name], "event") for name in _CORRECTED])
    mine = np.isin(_packed(corrected, "target"), targets)
    return kept(corrected, mine).select(*KEY, "seq")


def _packed(frame: pl.DataFrame, event: str) -> Numbers:
    return pack(frame["replicate"].to_numpy().astype(np.int64), frame[event].to_numpy())


def on_each_basis(
    rule: Callable[[Tables, BiomarkerPlan], pl.DataFrame],
    tables: Tables,
    plan: BiomarkerPlan,
    key: Sequence[str],
) -> pl.DataFrame:
    """What `rule` finds, on each basis as the record stood then; `key` is what rows are sorted by.

    A rule without a column `basis` is about the randomisation.
    """
    found = rule(tables, plan)
    touched = tables["marker_touched"]
    if "basis" not in found.columns:
        touched = kept(touched, among(touched["basis"], BASES[:1]))
    if touched.is_empty():
        return found
    same = [*KEY, "basis"] if "basis" in found.columns else [*KEY]
    parts = [found.join(touched, same, "anti")]
    for (basis,), mine in touched.group_by("basis"):
        then = rule(as_it_was(tables, plan, mine), plan)
        parts.append(then.filter(basis=basis) if "basis" in then.columns else then)
    return pl.concat(parts).sort(*key)


def as_it_was(tables: Tables, plan: BiomarkerPlan, touched: pl.DataFrame) -> Tables:
    """The tables of the subjects `touched` as the record held them at the position `as_of` of each;
    what was derived of samples and runs anew, of statuses as it is."""
    subjects = SubjectRows(touched)
    at = np.append(touched["as_of"].to_numpy(), 0)
    found = of_touched(tables, touched)
    for name, how in _READ.items():
        frame = found[name]
        found[name] = as_it_stood(frame, tables["corrected"], at[subjects.rows(frame)], how)
    found["sample_state"] = sample_state(found, plan)
    found["assay_value"] = assay_value(found, plan)
    return found


def of_touched(tables: Tables, touched: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables of the subjects `touched` as they are now."""
    names = [*_READ, *_OTHERS, "sample_state", "assay_value"]
    mine = {
        name: tables[name].join(touched, [*KEY], "semi", maintain_order="left")
        for name in names
        if name in tables
    }
    return {
        **mine,
        "redetermination_frozen": tables["redetermination_frozen"],
        "corrected": tables["corrected"],
        "marker_touched": touched.clear(),
    }
