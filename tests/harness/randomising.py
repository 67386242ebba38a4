"""Processes that randomise in one record at once, and the replay that they must equal."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from equipoise.conduct.allocation import allocation_source
from equipoise.errors import RecordError
from equipoise.randomisation.rules import Allocated, allocated
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.study.actions import Action
from equipoise.study.definition import Study
from tests.harness.killing import Pausing, Report, paused_for_good
from tests.harness.stores import Store
from tests.harness.trial import PEOPLE, Trial

WRITERS = 3
"""Writers of the test that kills the server."""


def ready(trial: Trial, count: int) -> list[str]:
    """So many new subjects who can be randomised, in all strata."""
    names = [f"A-{number:04d}" for number in range(count)]
    for number, name in enumerate(names):
        trial.screened(name, burden=("2", "10", "30")[number % 3])
    return names


def randomise_all(report: Report, name: str, pauses: int | None, *arguments: Any) -> None:
    """A writer that randomises the subjects it was given and ends."""
    store, keys, subjects = arguments
    mine = subjects[int(name[1:])]
    log = store.open()
    trial = Trial(log, KeyStore(keys))
    report("ready", "")
    for subject in mine:
        trial.conductor.act(_randomise(trial, subject))
        report("acknowledged", subject)
    report("done", "")


def randomise_until_killed(
    report: Report, name: str, pauses: int | None, store: Store, keys: Path, subjects: Sequence[str]
) -> None:
    """A writer that randomises whoever is left, from a place of its own, until it is killed."""
    current = [("", -1)]

    def pause(transaction: Any) -> None:
        if current[0][1] == pauses:
            paused_for_good(report, current[0][0])

    log: Any = store.open(Pausing)
    log.pause = pause
    trial = Trial(log, KeyStore(keys))
    start = (int(name[1:]) * 37) % len(subjects)
    report("ready", "")
    done = 0
    for subject in [*subjects[start:], *subjects[:start]]:
        if log.read(subject=subject, types={"Randomised"}):
            continue
        current[0] = (subject, done)
        trial.conductor.act(_randomise(trial, subject))
        report("acknowledged", subject)
        done += 1
    raise AssertionError("nobody is left to randomise: give the test more subjects")


def _randomise(trial: Trial, subject: str) -> Action:
    return trial.action("Randomise", {}, subject=subject, key=f"randomise-{subject}")


def assert_replayed(events: Sequence[Event], trial: str, study: Study, keys: KeyStore) -> None:
    """The allocations are distinct, gapless in the scheme and in every stratum, and the seed's."""
    plan = study.randomisation
    sealed = next(json.loads(each.body) for each in events if each.type == "SchemeActivated")
    words = allocation_source(keys, trial, plan.scheme, sealed["sealed_seed"])
    found = [json.loads(each.body) for each in events if each.type == "Randomised"]
    assert [each["allocation"] for each in found] == list(range(1, len(found) + 1))
    by_stratum: dict[str, list[Allocated]] = {}
    for each in found:
        earlier = by_stratum.setdefault(each["stratum"], [])
        assert each["stratum_allocation"] == len(earlier) + 1
        factors = {row["factor"]: row["level"] for row in each["factors"]}
        arm, _ = allocated(plan, each["marker_status"], factors, earlier, words)
        assert each["arm"] == arm
        earlier.append(Allocated(arm, factors))
    subjects = [each.subject for each in events if each.type == "Randomised"]
    assert len(set(subjects)) == len(subjects)


def prepared(log: Log, keys: KeyStore, count: int) -> tuple[Trial, list[str]]:
    """A live trial with its scheme active and so many subjects ready."""
    trial = Trial.opened(log, keys)
    trial.activate()
    assert PEOPLE["investigator"]
    return trial, ready(trial, count)


def randomise_whatever_happens(
    report: Report, name: str, pauses: int | None, store: Store, keys: Path, subjects: Sequence[str]
) -> None:
    """A writer that repeats each randomisation under its key until it is confirmed."""
    trial = Trial(store.open(), KeyStore(keys))
    mine = subjects[int(name[1:]) :: WRITERS]
    report("ready", "")
    for subject in mine:
        action = trial.action("Randomise", {}, subject=subject, seen=2**40, key=f"r-{subject}")
        confirmed = False
        while not confirmed:
            try:
                trial.conductor.act(action)
                confirmed = True
            except RecordError as error:
                report("trouble", str(error))
                time.sleep(0.05)
        report("acknowledged", subject)
    raise AssertionError("nobody is left to randomise: give the test more subjects")
