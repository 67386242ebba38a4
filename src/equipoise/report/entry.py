"""Whose eligibility is another one now than when entry was decided, and why screening failed."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.report.layout import Cell, Heading, Row, Table, words
from equipoise.report.wording import NOT_GIVEN
from equipoise.study.definition import Study

_SAID = {True: "Eligible", False: "Not eligible", None: "Not known"}


def entry_table(tables: Tables, study: Study) -> Table:
    """A row for each subject whose verdict then was yes or no and is not the verdict now.

    Criteria are named by the protocol's numbers; their wording stands below the table. Where entry
    was decided under another version of the study than the one judged by now, that is said.
    """
    changed = tables["entry_eligibility"].filter("differs").sort(*KEY)
    deviations = tables["deviation_recorded"].filter(category="not_eligible")["subject"].to_list()
    rows = [
        Row(
            each["subject"],
            words(
                f"{_DECISION[each['decision']]} {each['decided']}"
                + (
                    ""
                    if each["study_version"] == study.version
                    else f", version {each['study_version']}"
                ),
                _verdict(each["eligible_then"], each["unmet_then"], []),
                _verdict(each["eligible_now"], each["unmet_now"], each["pending_now"]),
                "Recorded" if each["subject"] in deviations else NOT_GIVEN,
            ),
            whole=Cell(each["subject"], tuple(each["sources"])),
        )
        for each in changed.iter_rows(named=True)
    ]
    heads = [Heading("Decision"), Heading("Then"), Heading("Now"), Heading("Deviation")]
    return Table(
        "Eligibility when entry was decided, and by what the record says of that time now "
        f"(criteria of version {study.version})",
        "Subject",
        [heads],
        rows,
        _wording(study, [*changed["unmet_then"], *changed["unmet_now"], *changed["pending_now"]]),
        title="Eligibility, then and now",
    )


_DECISION = {"randomised": "Randomised", "screening_failed": "Screening failure"}


def _verdict(eligible: bool | None, unmet: list[str], pending: list[str]) -> str:
    named = unmet if eligible is False else pending if eligible is None else []
    return _SAID[eligible] + (f": {', '.join(named)}" if named else "")


def _wording(study: Study, named: list[pl.Series]) -> list[str]:
    """The criteria that are named, in protocol order."""
    wanted = {name for each in named for name in each}
    return [f"{c.id}: {c.wording.en}" for c in study.eligibility.criteria if c.id in wanted]
