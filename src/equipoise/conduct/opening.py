"""The first events of a record: the trial opens, its study is adopted, its first account exists."""

from __future__ import annotations

import datetime

from equipoise.errors import RecordError
from equipoise.oversight.events import GrantGiven, StudyVersionAdopted, TrialOpened
from equipoise.record.event import Draft, Event, EventBody
from equipoise.record.log import Log
from equipoise.study.definition import Study
from equipoise.study.load import study_sha256, study_text

SPONSOR = "sponsor"


def open_trial(
    log: Log,
    study: Study,
    *,
    administrator: str,
    organisation: str,
    opened: TrialOpened,
    recorded: datetime.datetime | None = None,
) -> list[Event]:
    """Open an empty record: what it is, its first study version, and who administers accounts.

    The events are written together or not at all. RecordError when the record is not empty: a
    record that has begun, a rehearsal above all, never becomes another.
    """
    if log.head().seq:
        raise RecordError("this record has begun already; open another one")
    today = (recorded or datetime.datetime.now(datetime.UTC)).date().isoformat()
    bodies: tuple[EventBody, ...] = (
        opened,
        _adopted(study),
        GrantGiven(person=administrator, granted_role="administrator"),
    )
    drafts = [
        _draft(
            body, administrator, "administrator", organisation, study.version, today, f"open-{n}"
        )
        for n, body in enumerate(bodies)
    ]
    return log.append_many(drafts, recorded=recorded)


def _adopted(study: Study) -> StudyVersionAdopted:
    return StudyVersionAdopted(
        version=study.version, study_sha256=study_sha256(study), study=study_text(study)
    )


def _draft(
    body: EventBody,
    actor: str,
    role: str,
    organisation: str,
    version: str,
    occurred: str,
    key: str,
) -> Draft:
    return Draft(
        type=body.TYPE,
        type_version=body.VERSION,
        body=body.model_dump(mode="json"),
        actor=actor,
        role=role,
        organisation=organisation,
        study_version=version,
        occurred=occurred,
        idempotency_key=key,
        guards=body.guards(None),
    )
