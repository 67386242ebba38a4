"""The list of allocations with both strata and the deviations, as somebody may see it (RN5)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import polars as pl

from equipoise.conduct.conductor import Conductor
from equipoise.exchange.archive import File
from equipoise.exchange.spreadsheet import comma_separated
from equipoise.record.correction import Corrected, Redacted
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.tables import tables
from equipoise.study.access import may_see
from equipoise.study.actions import Action
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.workflow.leaving import taken

REVEALS = {
    "stratum": "stratum", "stratum_corrected": "stratum", "differs": "stratum",
    "marker_status": "marker_status", "arm": "arm",
}  # fmt: skip
"""Columns that reveal something, each with the item of `Randomised` that decides who sees it."""

_JUDGED = {
    "replicate": pl.Int32, "subject": pl.String, "study_version": pl.String,
    "eligible_corrected": pl.Boolean,
}  # fmt: skip

COLUMNS = (
    "subject", "site", "randomised", "scheme", "scheme_version", "marker_status", "stratum",
    "stratum_corrected", "factors", "factors_corrected", "differs", "eligible_corrected",
    "deviations", "arm",
)  # fmt: skip


def allocation_rows(
    events: Sequence[Event], study: Study, versions: Mapping[str, Study]
) -> pl.DataFrame:
    """One row per allocated subject, sorted by subject, with the columns COLUMNS.

    Strata as randomised and as corrected are those of the table `stratum`. `eligible_corrected` is
    the verdict of the version that randomised, on what the record held at randomisation, with every
    later correction: no that was yes is a deviation. `deviations` names the categories recorded.
    """
    found = tables(events, CATALOGUE)
    derived = derive(derive(found, study, upto="stratum"), study, upto="allocation")
    key = ["replicate", "subject"]
    recorded = (
        found["deviation_recorded"]
        .sort("event")
        .group_by(key, maintain_order=True)
        .agg(deviations=pl.col("category").unique(maintain_order=True))
    )
    return (
        derived["allocation"]
        .join(derived["stratum"].drop("stratum", "sources"), on=key, how="left")
        .join(found["randomised"].select(*key, "study_version"), on=key, how="left")
        .join(_judged(events, found["randomised"], versions), [*key, "study_version"], "left")
        .join(recorded, on=key, how="left")
        .with_columns(pl.col("deviations").fill_null([]))
        .sort("subject")
        .select(COLUMNS)
    )


def _judged(
    events: Sequence[Event], randomised: pl.DataFrame, versions: Mapping[str, Study]
) -> pl.DataFrame:
    """The verdict of each version on the subjects that it randomised, as corrected."""
    parts = [pl.DataFrame(schema=_JUDGED)]
    for version in randomised["study_version"].unique().sort():
        then = tables(_then(events, version), CATALOGUE)
        verdicts = derive(then, versions[version], upto="eligibility")["eligibility"]
        named = verdicts.with_columns(study_version=pl.lit(version))
        parts.append(named.rename({"eligible": "eligible_corrected"}).select(*_JUDGED))
    return pl.concat(parts)


def _then(events: Sequence[Event], version: str) -> list[Event]:
    """What the record held of each subject when this version randomised it, later corrections of
    that included."""
    limit = {
        event.subject: event.seq
        for event in events
        if event.type == "Randomised" and event.study_version == version
    }
    return [
        event
        for event in events
        if event.subject in limit
        and (event.seq <= limit[event.subject] or _changed(event) <= limit[event.subject])
    ]


def _changed(event: Event) -> int:
    """The seq of the event that a correction or redaction changes; its own for any other."""
    if event.type in (Corrected.TYPE, Redacted.TYPE):
        return int(json.loads(event.body)["target"])
    return event.seq


CONTENT = "allocations with strata as randomised and as corrected"


def allocation_file(
    events: Sequence[Event], versions: Mapping[str, Study], role: str, *, unblinded: bool
) -> File:
    """The list as comma-separated text, without the columns that the role may not see."""
    rows = allocation_rows(events, versions[[*versions][-1]], versions)
    kept = [
        name
        for name in COLUMNS
        if name not in REVEALS or may_see(role, "Randomised", REVEALS[name], unblinded=unblinded)
    ]
    return File(comma_separated(kept, rows.select(kept).iter_rows()), rows.height)


def exported(log: Log, keys: KeyStore, action: Action) -> str:
    """The list as whoever asks may see it; recorded with its hash before anybody gets it.

    `action` is Exported as somebody asks for it. Raises what `conduct` raises.
    """
    conductor = Conductor(log, keys)
    state, events = conductor.state, log.read()
    file = allocation_file(
        events, state.versions, action.role, unblinded=action.actor in state.unblinded
    )
    taken(conductor, action, file, content=CONTENT, as_of=events[-1].seq)
    return str(file.text)
