"""Which day it is when something is recorded: that of the hospital, not that of the server."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.conduct.conductor import Conductor
from equipoise.errors import BadInput
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.sqlite import SqliteLog
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.harness.trial import STUDY, Trial

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Log, KeyStore]]:
    """An empty record in a file, and its keys."""
    with (
        closing(SqliteLog.create(tmp_path / "record.sqlite3", trial="T1")) as log,
        closing(KeyStore.create(tmp_path / "record.sqlite3.keys")) as keys,
    ):
        yield log, keys


def study_in(zone: str) -> Study:
    """The study with its first site in another time zone."""
    study = load_study(STUDY)
    first = study.sites[0].model_copy(update={"time_zone": zone})
    return study.model_copy(update={"sites": (first, *study.sites[1:])})


def midnight() -> datetime.datetime:
    """A later midnight in UTC than that of today, so that all that was recorded lies before."""
    tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=2)
    return datetime.datetime.combine(tomorrow, datetime.time(), datetime.UTC)


def at(trial: Trial, moment: datetime.datetime) -> None:
    """From now on it is that moment at the server."""
    trial.conductor = Conductor(trial.log, trial.keys, clock=lambda: moment)


@pytest.mark.parametrize(
    ("zone", "hours", "days"),
    [
        ("Europe/Paris", -0.5, 0),  # half past midnight, or half past one in summer
        ("Indian/Reunion", -3, 0),
        ("Pacific/Auckland", -11, 0),
        ("America/Los_Angeles", 2, -1),
        ("UTC", 0, 0),
    ],
)
@pytest.mark.requirement("AT4")
def test_an_arm_is_dated_by_the_calendar_on_the_wall(
    small: tuple[Log, KeyStore], zone: str, hours: float, days: int
) -> None:
    """Around midnight in UTC a hospital elsewhere has another day. It is asked for today's date."""
    trial = Trial.opened(*small, study=study_in(zone))
    trial.activate()
    trial.screened("A-001")
    moment = midnight() + hours * HOUR
    wall = midnight().date() + datetime.timedelta(days=days)
    at(trial, moment)
    for wrong in (-1, 1):
        other = (wall + datetime.timedelta(days=wrong)).isoformat()
        with pytest.raises(BadInput, match=rf"today \({wall}\)"):
            trial.act("Randomise", {}, subject="A-001", occurred=other)
    (event,) = trial.act("Randomise", {}, subject="A-001", occurred=None)
    assert event.occurred == wall.isoformat()


def test_a_role_that_is_given_works_at_once_everywhere(
    small: tuple[Log, KeyStore],
) -> None:
    """West of Greenwich it is still yesterday when an administrator in UTC gives a role today."""
    trial = Trial.opened(*small, study=study_in("America/Los_Angeles"))
    at(trial, midnight() + 2 * HOUR)
    body = {"person": "new", "granted_role": "nurse", "granted_site": trial.site}
    on = midnight().date().isoformat()
    trial.act("GrantGiven", body, "administrator", occurred=on)
    yesterday = (midnight().date() - datetime.timedelta(days=1)).isoformat()
    (event,) = trial.act(
        "SubjectScreened", {}, "nurse", actor="new", subject="A-009", site=trial.site,
        occurred=yesterday,
    )  # fmt: skip
    assert event.occurred == yesterday


def test_what_belongs_to_no_site_may_be_dated_at_any(small: tuple[Log, KeyStore]) -> None:
    """In the afternoon in UTC it is tomorrow in Auckland, where the administrator sits."""
    trial = Trial.opened(*small, study=study_in("Pacific/Auckland"))
    at(trial, midnight() + 13 * HOUR)
    body = {"person": "new", "granted_role": "nurse", "granted_site": trial.site}
    on, after = ((midnight() + days * 24 * HOUR).date().isoformat() for days in (1, 2))
    with pytest.raises(BadInput, match=f"not after today .{on}"):
        trial.act("GrantGiven", body, "administrator", occurred=after)
    (event,) = trial.act("GrantGiven", body, "administrator", occurred=on)
    assert event.occurred == on
