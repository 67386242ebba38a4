"""Where evaluators differ, of every subject whom several have read. Kept, made anew where moved.

What differs the rules say (`reader_discordance`); nobody who reads scans is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from equipoise.web.kept import AT_A_TIME
from equipoise.web.overview import Row
from equipoise.web.trial import Trial

TABLE = "reader_discordance"


@dataclass(slots=True)
class Differences:
    """The rows of `reader_discordance` by subject, each with the entry up to which they hold."""

    trial: Trial
    found: dict[str, tuple[tuple[int, str], list[dict[str, Any]]]] = field(default_factory=dict)

    def of(self, rows: Sequence[Row]) -> tuple[list[dict[str, Any]], int]:
        """The differences of subjects in their order, and how many subjects several have read."""
        read = self._evaluators()
        several = [row for row in rows if len(read.get(row.subject, ())) > 1]
        by_version: dict[str, list[Row]] = {}
        for row in several:
            version = self.trial.ask.study(row.site).version
            if self.found.get(row.subject, (None,))[0] != (row.last_seq, version):
                by_version.setdefault(version, []).append(row)
        for version, stale in by_version.items():
            for start in range(0, len(stale), AT_A_TIME):
                self._derive(stale[start : start + AT_A_TIME], version)
        return [each for row in several for each in self.found[row.subject][1]], len(several)

    def _evaluators(self) -> Mapping[str, set[str]]:
        read: dict[str, set[str]] = {}
        for event in self.trial.log.read(types={"TumourAssessed"}):
            read.setdefault(event.subject or "", set()).add(json.loads(event.body)["evaluator"])
        return read

    def _derive(self, rows: Sequence[Row], version: str) -> None:
        study = self.trial.ask.state.versions[version]
        events = [each for row in rows for each in self.trial.log.read(subject=row.subject)]
        made = derive(tables(sorted(events), CATALOGUE), study, upto=TABLE)[TABLE]
        by_subject: dict[str, list[dict[str, Any]]] = {}
        for each in made.iter_rows(named=True):
            by_subject.setdefault(each["subject"], []).append(each)
        for row in rows:
            told = by_subject.get(row.subject, [])
            self.found[row.subject] = ((row.last_seq, version), told)


_KEPT: dict[int, Differences] = {}


def differences(trial: Trial) -> Differences:
    """Those of a trial that is served."""
    kept = _KEPT.get(id(trial))
    if kept is None or kept.trial is not trial:
        _KEPT.clear()
        kept = _KEPT[id(trial)] = Differences(trial)
    return kept
