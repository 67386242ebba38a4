"""Codes that a dictionary proposes, handed to `conduct` one by one."""

from __future__ import annotations

from equipoise.conduct.conductor import Conductor
from equipoise.exchange.dictionary import Dictionary, proposed_codes
from equipoise.record.event import Event
from equipoise.record.tables import tables
from equipoise.study.actions import Action
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive


def coded(
    conductor: Conductor, dictionary: Dictionary, *, actor: str, role: str, organisation: str
) -> list[Event]:
    """The events that code every adverse event of the record that the dictionary knows.

    `conduct` refuses a dictionary, or a version of it, that is not the one of the study. Done
    again, nothing is recorded twice.
    """
    study = next(reversed(conductor.state.versions.values()))
    found = derive(tables(conductor.log.read(), CATALOGUE), study, upto="adverse_event")
    written: list[Event] = []
    for subject, body in proposed_codes(found, dictionary):
        name = f"{dictionary.name}-{dictionary.version}-{subject}-{body['adverse_event']}"
        written += conductor.act(
            Action(
                name="AdverseEventCoded",
                body=body,
                actor=actor,
                role=role,
                organisation=organisation,
                key=f"code-{name}",
                subject=subject,
            )
        )
    return written
