"""Events that an earlier version of the product wrote are read as those of today."""

from __future__ import annotations

import datetime
import json

import pytest

from equipoise.record.correction import Corrected
from equipoise.record.event import Event
from equipoise.record.tables import tables
from equipoise.safety.events import SeriousAdverseEventReported
from equipoise.study.catalogue import CATALOGUE

VERSION_1 = {
    "adverse_event": "AE1", "report": 1, "criteria": ["hospitalisation"], "aware": "2024-05-01",
    "narrative": "Admitted.",
}  # fmt: skip


def event(seq: int, name: str, version: int, body: dict[str, object]) -> Event:
    return Event(
        seq=seq, trial="T", type=name, type_version=version, subject="S", site="01",
        occurred="2024-05-02", recorded="2024-05-02T10:00:00.000000Z", offset=0, actor="a",
        role="investigator", organisation="01", reason=None, cause=None, study_version="1.0",
        release="0", idempotency_key=None, body=json.dumps(body), prev="", hash="",
    )  # fmt: skip


@pytest.mark.requirement("SA1")
def test_a_report_of_a_serious_event_from_before_it_told_the_hour() -> None:
    """Its hours are not known; those that a correction adds are."""
    assert SeriousAdverseEventReported.VERSION == 2
    old = event(1, "SeriousAdverseEventReported", 1, VERSION_1)
    row = tables([old], CATALOGUE)["serious_adverse_event_reported"].row(0, named=True)
    assert (row["aware"], row["aware_time"]) == (datetime.date(2024, 5, 1), None)
    assert row["received_time"] is None
    change = Corrected(target=1, item="aware_time", old=None, new='"09:30"', target_version=2)
    put_right = event(2, "Corrected", 1, json.loads(change.model_dump_json()))
    row = tables([old, put_right], CATALOGUE)["serious_adverse_event_reported"].row(0, named=True)
    assert (row["aware_time"], row["received_time"]) == ("09:30", None)
