"""Departures from the protocol from two programmers, the second of whom has not read the rules.

Compared row by row: every column of `treatment_departure`, `prohibited_therapy` and `deviation`,
and the order of the rows. From events alone all but `sources` is compared.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from equipoise.oversight.plan import ImportantDeviation
from equipoise.record.rule import KEY
from equipoise.record.tables import tables as read_tables
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, drawn, scenario_of, through_sqlite, troubled
from tests.second_programming.departure_courses import departing, disturbed
from tests.second_programming.departures_compared import compared, derived, differences
from tests.second_programming.departures_from_events import subjects_from_events

SUBJECTS = 120
"""Random subjects by each plan."""

KINDS = {
    "wrong_stratum", "not_eligible", "eligibility_unknown", "consent_missing", "visit_early",
    "visit_late", "visit_missed", "scan_early", "scan_late", "scan_missed", "cycle_early",
    "cycle_put_off", "dose_amount", "dose_times", "dispensed_expired", "dispensed_omitted",
    "prohibited_therapy", "recorded", "sae_late",
}  # fmt: skip


def otherwise(study: Study) -> Study:
    """The study with every kind of period, for everyone, one arm or one regimen; with other
    windows, scans, required consents and important categories."""
    given = {
        "medication_classes": [each.code for each in study.visits.medication_classes],
        "therapies": [each.code for each in study.visits.therapies],
        "procedures": [each.code for each in study.visits.procedures],
    }
    arms, regimens = study.randomisation.arms, study.treatment.regimens
    some = ({}, {"arms": (arms[0].code,)}, {"regimens": (regimens[0].code, regimens[-1].code)})
    bans = [
        study.visits.prohibited[0].model_copy(
            update={"arms": (), "regimens": (), **given, **who, "code": f"P{number}",
                    "since": since, "until": until, "days_after": 7 * (number % 3)}
        )
        for number, (since, until, who) in enumerate(
            product(("randomisation", "first_dose"), ("progression", "end_of_treatment"), some)
        )
    ]  # fmt: skip
    visits = [
        each.model_copy(
            update={"window_before": each.window_before + 1, "imaging": not each.imaging}
        )
        for each in study.visits.visits
    ]
    consents = [
        each.model_copy(update={"required_for_randomisation": True})
        for each in study.visits.consents
    ]
    important = (ImportantDeviation(category="visit_window"), ImportantDeviation(category="other"))
    return study.model_copy(
        update={
            "visits": study.visits.model_copy(
                update={"prohibited": tuple(bans), "visits": tuple(visits),
                        "consents": tuple(consents)}
            ),
            "oversight": study.oversight.model_copy(update={"important_deviations": important}),
        }
    )  # fmt: skip


def _in_order(frame: pl.DataFrame) -> bool:
    key = (*KEY, "day", "category", "kind", "entry", "instance")
    rows = frame.select(key).rows()
    return rows == sorted(rows, key=lambda row: [(each is not None, each or 0) for each in row])


@pytest.mark.slow
@pytest.mark.requirement("RN5", "CN1")
@pytest.mark.parametrize(
    ("code", "scenario", "seed"), [("mgmt-net", "planning", 53), ("lung-tmb", "null", 7)]
)
def test_rehearsed_trials_from_their_events_alone(code: str, scenario: str, seed: int) -> None:
    """No table of the product stands between an event and a deviation of the second program."""
    study = load_study(code)
    world = troubled(scenario_of(code, scenario))
    tables = rehearsed([Version(0, study)], world, seed, range(1)).tables
    for given in (tables, disturbed(random.Random(code), tables)):
        found = derived(given, study)
        rows, said = compared(subjects_from_events(given, study), found, study)
        assert not said
        assert rows["deviation"] > 80
        assert differences(found, found, study) == (rows, [])
    kinds = set(found["deviation"]["kind"])
    assert len(kinds & KINDS) > 10, kinds


@pytest.mark.slow
@pytest.mark.requirement("RN5", "CN1")
def test_a_record_in_a_store(tmp_path: Path) -> None:
    """Events of a file, with corrections, and with what `conduct` recorded beside them."""
    rehearsal = drawn("mgmt-net", troubled(scenario_of("mgmt-net", "planning", 9)), 5)
    log, *_ = through_sqlite(rehearsal, tmp_path)
    events = read_tables(log.read(), CATALOGUE)
    assert len(events["corrected"])
    found = derived(events, rehearsal.study)
    rows, said = compared(subjects_from_events(events, rehearsal.study), found, rehearsal.study)
    assert not said
    assert rows["deviation"]


@pytest.mark.requirement("RN5", "CN1", "DT1")
@pytest.mark.parametrize("change", ["bundled", "otherwise"])
@pytest.mark.parametrize("code", STUDIES)
def test_random_courses(code: str, change: str) -> None:
    study = load_study(code) if change == "bundled" else otherwise(load_study(code))
    found = derived(departing(random.Random(f"{code} {change}"), SUBJECTS, study), study)
    rows, said = differences(found, found, study)
    assert not said
    assert rows["deviation"] > 10 * SUBJECTS
    assert _in_order(found["deviation"])
    kinds = Counter(found["deviation"]["kind"])
    assert set(kinds) == KINDS
    assert min(kinds.values()) > 10, kinds


@pytest.mark.parametrize("change", ["bans", "visits", "consents", "important", "regimens"])
def test_another_protocol_is_seen(change: str) -> None:
    """The comparison can fail: what departs from another protocol would be found."""
    study = load_study("lung-tmb")
    found = derived(departing(random.Random(change), 40, study), study)
    other = otherwise(study)
    once = tuple(
        each.model_copy(update={"doses": each.doses[:1]}) for each in study.treatment.regimens
    )
    part = {
        "bans": ("visits", {"prohibited": other.visits.prohibited}),
        "visits": ("visits", {"visits": other.visits.visits}),
        "consents": ("visits", {"consents": ()}),
        "important": ("oversight", {"important_deviations": ()}),
        "regimens": ("treatment", {"regimens": once}),
    }
    name, update = part[change]
    changed = study.model_copy(update={name: getattr(study, name).model_copy(update=update)})
    assert differences(found, found, changed)[1]
