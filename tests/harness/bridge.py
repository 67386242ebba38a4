"""Send a rehearsal through a store and compare everything that is derived from it."""

from __future__ import annotations

import datetime
import json
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import fields, replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import polars as pl
from polars.testing import assert_frame_equal

from equipoise.analysis import models
from equipoise.analysis.run import results
from equipoise.record.event import Draft, Event, EventBody
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.tables import Tables, tables
from equipoise.simulation.run import Rehearsal, Version, rehearsed
from equipoise.simulation.scenario import PriorTherapyNature, Scenario, load_scenario
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import ORDER, derive
from equipoise.study.load import load_study, study_path
from equipoise.workflow.rehearse import Replay, replayed
from tests.harness.schemes import minimised

STUDIES = ("mgmt-net", "lung-tmb")
SCENARIOS = ("planning", "null")


def scenario_of(
    study: str,
    name: str,
    subjects: int | None = None,
    *,
    failures: int = 12,
    per_month: int = 20,
    months: int = 5,
) -> Scenario:
    """A bundled scenario; with `subjects`, a small trial of so many randomised, or of so many and
    `failures` screened. They enter at `per_month`, and are followed for `months` after the last."""
    scenario = load_scenario(study_path(study).parent, name)
    if subjects is None:
        return scenario
    enrolment = scenario.enrolment.model_copy(
        update={
            "randomise": subjects,
            "screen_at_most": subjects + failures,
            "per_month": Decimal(per_month),
            "follow_up_months": months,
        }
    )
    return scenario.model_copy(update={"enrolment": enrolment})


def eventful(scenario: Scenario) -> Scenario:
    """The scenario with a correction for every third subject and half of results repeated."""
    assert scenario.correction and scenario.redetermination
    correction = scenario.correction.model_copy(update={"chance": Decimal("0.35")})
    again = scenario.redetermination.model_copy(
        update={"chance": Decimal("0.5"), "invalidated": Decimal("0.4"), "days": (20, 60)}
    )
    return scenario.model_copy(update={"correction": correction, "redetermination": again})


def troubled(scenario: Scenario) -> Scenario:
    """The scenario with assays, lesions, doses and scans that often fail, and people who leave."""
    assert scenario.withdrawal and scenario.second_reader
    apart = PriorTherapyNature(overlooked=Decimal("0.3"), not_entered=Decimal("0.3"))
    often = {
        name: Decimal("0.2")
        for name in ("late_scan", "not_evaluable", "false_alarm", "lesion_missing", "split")
    }
    reading = {**often, "merged": Decimal("0.4"), "equivocal_first": Decimal("0.6")}
    tumour = {
        "missed_scan": Decimal("0.15"),
        "lesion_not_evaluated": Decimal("0.1"),
        "reading": scenario.tumour.reading.model_copy(update=reading),
    }
    assays = {
        code: each.model_copy(update={"failure": Decimal("0.4"), "repeated": Decimal("0.5")})
        for code, each in scenario.marker.assays.items()
    }
    leaving = {
        "treatment": Decimal("0.2"), "visits": Decimal("0.15"), "consent": Decimal("0.15"),
        "lost": Decimal("0.15"),
    }  # fmt: skip
    again = {"share": Decimal("0.4"), "spread": Decimal("0.2"), "overlooks": Decimal("0.5")}
    return eventful(scenario).model_copy(
        update={
            "prior_therapies": apart,
            "second_reader": scenario.second_reader.model_copy(update=again),
            "tumour": scenario.tumour.model_copy(update=tumour),
            "marker": scenario.marker.model_copy(update={"assays": assays}),
            "treatment": scenario.treatment.model_copy(update={"omission": Decimal("0.2")}),
            "withdrawal": scenario.withdrawal.model_copy(update=leaving),
        }
    )


def amended(study: Study) -> Study:
    """A second version: the other rule in force, other block sizes (or another coin)
    under a new scheme version."""
    marker = study.biomarker.marker
    other = next(each.version for each in marker.rules if each.version != marker.rule_in_force)
    scheme = study.randomisation.scheme
    rule = scheme.minimisation
    ratios = tuple(
        ratio.model_copy(update={"block_sizes": () if rule else (2 * total, 3 * total)})
        for ratio in scheme.ratios
        for total in [sum(ratio.ratio.values())]
    )
    changed = {
        "version": "2",
        "ratios": ratios,
        "minimisation": rule and rule.model_copy(update={"probability": Decimal("0.7")}),
    }
    return study.model_copy(
        update={
            "version": "2.0",
            "biomarker": study.biomarker.model_copy(
                update={"marker": marker.model_copy(update={"rule_in_force": other})}
            ),
            "randomisation": study.randomisation.model_copy(
                update={"scheme": scheme.model_copy(update=changed)}
            ),
        }
    )


def drawn(
    study: str,
    scenario: Scenario,
    seed: int,
    *,
    amended_on: int | None = None,
    minimising: bool = False,
) -> Rehearsal:
    """One trial in tables, perhaps amended on a day, perhaps allocated by minimisation."""
    first = minimised(load_study(study), study) if minimising else load_study(study)
    versions = [Version(0, first)]
    if amended_on is not None:
        versions.append(Version(amended_on, amended(first)))
    return rehearsed(versions, scenario, seed, [0])


class Recorded(NamedTuple):
    """A rehearsed trial, the event tables of its record, and what its replay did."""

    rehearsal: Rehearsal
    tables: Tables
    replay: Replay


def recorded(rehearsal: Rehearsal, log: Log, replay: Replay) -> Recorded:
    """The trial with what its record says."""
    return Recorded(rehearsal, tables(log.read(), CATALOGUE), replay)


def assert_same(rehearsal: Rehearsal, log: Log, replay: Replay) -> None:
    """Every derived table and every result is the same from tables and from the record."""
    assert_all_same([recorded(rehearsal, log, replay)])


def assert_all_same(trials: Sequence[Recorded]) -> None:
    """Every derived table and every result of trials of one study is the same from tables and from
    the records. Here the trials are replicates 0, 1, 2 ...

    A deviation that `conduct` records beside an entry stands in the record alone."""
    study = trials[0].rehearsal.study
    assert all(each.rehearsal.study == study for each in trials)
    in_memory = derive(_replicates([each.rehearsal.tables for each in trials]), study)
    found = derive(_replicates([each.tables for each in trials]), study)
    seqs = [each.replay.seq for each in trials]
    for rule in ORDER:
        expected = in_record_terms(in_memory[rule.produces], seqs)
        mine = found[rule.produces]
        if rule.produces == "deviation":
            mine, expected = (each.filter(~pl.col("recorded")) for each in (mine, expected))
        if mine.schema != expected.schema or not mine.equals(expected):
            assert_frame_equal(mine, expected, check_exact=True)
            raise AssertionError(rule.produces)
    places = range(len(trials))
    with _fitted_once():
        both = [results(each, study, places) for each in (in_memory, found)]
    for mapped, expected_results, its_results in zip(seqs, *both, strict=True):
        assert its_results == [
            replace(each, sources=_mapped(each.sources, mapped)) for each in expected_results
        ]


@contextmanager
def _fitted_once() -> Iterator[None]:
    """A model of exactly the same numbers, to the byte, is fitted once: half of the time went into
    fitting it again."""
    kept: dict[bytes, Any] = {}

    def once(fit: Callable[..., Any]) -> Callable[..., Any]:
        def fitted(*data: Any, **options: Any) -> Any:
            asked = pickle.dumps((fit.__qualname__, data, options))
            if asked not in kept:
                kept[asked] = fit(*data, **options)
            return kept[asked]

        return fitted

    with ExitStack() as stack:
        for name in ("logistic_effect", "cox_effect"):
            stack.enter_context(patch.object(models, name, once(getattr(models, name))))
        yield


def _replicates(trials: Sequence[Tables]) -> Tables:
    """The tables of several trials together, each as a replicate of its own."""
    if len(trials) == 1:
        return trials[0]
    return {
        name: pl.concat(
            each[name].with_columns(replicate=pl.lit(place, pl.Int32))
            for place, each in enumerate(trials)
        )
        for name in trials[0]
    }


def carried_over(events: Sequence[Event], log: Log) -> None:
    """Append to an empty record what another store holds, action by action, as it was recorded."""
    with log.transaction() as transaction:
        for (recorded, offset), together in groupby(events, lambda each: each[_RECORDED]):
            zone = datetime.timezone(datetime.timedelta(minutes=offset))
            moment = datetime.datetime.fromisoformat(recorded).astimezone(zone)
            transaction.append([_draft(event) for event in together], recorded=moment)


_RECORDED = slice(Event._fields.index("recorded"), Event._fields.index("offset") + 1)


def _draft(event: Event) -> Draft:
    body, cls = json.loads(event.body), CATALOGUE.of(event.type)
    guarded = cls.guards is not EventBody.guards
    guards = cls.model_validate(body).guards(event.subject) if guarded else ()
    return Draft(**{name: getattr(event, name) for name in _GIVEN}, body=body, guards=guards)


_GIVEN = [each.name for each in fields(Draft) if each.name not in ("body", "guards")]


def in_record_terms(frame: pl.DataFrame, seqs: Sequence[Mapping[int, int]]) -> pl.DataFrame:
    """`frame` with the seq of the record of each replicate in place of those of its rehearsal."""
    of = [seqs[replicate] for replicate in frame["replicate"].to_list()]

    def one_by_one(column: pl.Series) -> pl.Series:
        pairs = zip(of, column.to_list(), strict=True)
        mapped = [None if seq is None else known[seq] for known, seq in pairs]
        return pl.Series(column.name, mapped, dtype=column.dtype)

    if "sources" in frame.columns:
        pairs = zip(of, frame["sources"].to_list(), strict=True)
        mapped = [_mapped(each, known) for known, each in pairs]
        frame = frame.with_columns(pl.Series("sources", mapped, dtype=pl.List(pl.Int64)))
    for name in {"event", "seq", "invalidation", "judgement", "content"} & set(frame.columns):
        frame = frame.with_columns(one_by_one(frame[name]))
    if "item_sources" in frame.columns:
        each_item = frame["item_sources"].struct.unnest()
        frame = frame.with_columns(
            pl.DataFrame([one_by_one(each) for each in each_item]).to_struct("item_sources")
        )
    return frame


def _mapped(sources: Any, seqs: Mapping[int, int]) -> Any:
    return type(sources)(sorted(seqs[each] for each in sources))


def through_sqlite(rehearsal: Rehearsal, folder: Path) -> tuple[Log, KeyStore, Replay]:
    """The rehearsal recorded in a new SQLite file."""
    from equipoise.record.sqlite import SqliteLog

    folder.mkdir(parents=True, exist_ok=True)
    log = SqliteLog.create(folder / "record.sqlite3", trial="bridge")
    keys = KeyStore.create(folder / "record.sqlite3.keys")
    return log, keys, replayed(rehearsal, 0, log, keys)


def recorded_in_sqlite(rehearsal: Rehearsal, folder: Path) -> Recorded:
    """The rehearsal recorded in a new SQLite file, and read again."""
    log, keys, replay = through_sqlite(rehearsal, folder)
    with closing(log), closing(keys):
        return recorded(rehearsal, log, replay)
