"""A trial of LUNG-TMB whose doses are signed, so that patients can be treated in it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from equipoise.treatment.plan import SignedSource
from tests.harness.trial import Trial

SIGNED = SignedSource(document="label", pharmacist="P. Harmacist", investigator="I. Nvestigator")


def signed() -> Study:
    """The second study with every dose released for patients."""
    study = load_study("lung-tmb")
    regimens = tuple(
        regimen.model_copy(
            update={
                "doses": tuple(
                    dose.model_copy(update={"release": SIGNED}) for dose in regimen.doses
                )
            }
        )
        for regimen in study.treatment.regimens
    )
    treatment = study.treatment.model_copy(update={"regimens": regimens})
    return study.model_copy(update={"treatment": treatment})


def opened(folder: Path, study: Study) -> Iterator[Trial]:
    """A live trial, its scheme active."""
    with (
        closing(SqliteLog.create(folder / "record.sqlite3", trial="T1")) as log,
        closing(KeyStore.create(folder / "record.sqlite3.keys")) as keys,
    ):
        found = Trial.opened(log, keys, study=study, behind=90)
        found.activate()
        yield found


def allocated(trial: Trial) -> str:
    """The first subject who is allocated to the doublet."""
    for number in itertools.count(1):
        subject = f"A-{number:03}"
        trial.screened(subject)
        (event,) = trial.act("Randomise", {}, subject=subject)
        if json.loads(event.body)["arm"] == "CHEMO":
            return subject
    raise AssertionError
