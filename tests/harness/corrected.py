"""A subject of LUNG-TMB, randomised or treated, whose record is put right afterwards."""

from __future__ import annotations

import datetime
import json
from typing import Any

from equipoise.record.event import Event
from tests.harness.trial import Trial

CYCLE = {"cycle": 1, "regimen": "DOUBLET", "height": "170", "weight": "70"}
EXEMPLATIN = {"cycle": 1, "day": 1, "drug": "exemplatin", "amount": "108.58"}


def randomised(trial: Trial) -> tuple[str, Event]:
    """The first subject who is allocated to the doublet, and its allocation."""
    for number in range(1, 40):
        subject = f"A-{number:03}"
        trial.screened(subject)
        (event,) = trial.act("Randomise", {}, subject=subject)
        if json.loads(event.body)["arm"] == "CHEMO":
            trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
            return subject, event
    raise AssertionError


def treated(trial: Trial) -> str:
    """A subject of the doublet who was randomised, and two days later dosed by the rule."""
    subject, _ = randomised(trial)
    trial.wait(2)
    trial.act("CycleStarted", CYCLE, subject=subject)
    trial.act("DoseGiven", EXEMPLATIN, subject=subject)
    return subject


def of_type(trial: Trial, subject: str, name: str) -> Event:
    return trial.log.read(subject=subject, types={name})[-1]


def form_of(trial: Trial, subject: str, code: str) -> Event:
    """The last instance of a form."""
    saved = trial.log.read(subject=subject, types={"FormSaved"})
    return [each for each in saved if json.loads(each.body)["form"] == code][-1]


def corrected(trial: Trial, subject: str, target: Event, item: str, new: Any) -> list[Event]:
    change = {"target": target.seq, "item": item, "new": json.dumps(new)}
    return trial.act("Correct", change, subject=subject, reason="misread")


def told(trial: Trial, events: list[Event]) -> dict[str, str]:
    """The deviations among `events` by category, in plain text."""
    found = {}
    for event in events:
        if event.type == "DeviationRecorded":
            body = json.loads(event.body)
            place = f"T1/{event.subject}/description"
            found[body["category"]] = str(trial.keys.unseal(body["description"], place))
    return found


def ago(trial: Trial, days: int) -> str:
    return (trial.today - datetime.timedelta(days=days)).isoformat()
