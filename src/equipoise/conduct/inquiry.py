"""What may be asked of a trial before anything is done: tables, readiness, what an action would do.

The pages of the web application ask here and decide nothing. Nothing is written, and what an
allocation would be is not to be had: it is drawn when it is recorded, and never before.
"""

from __future__ import annotations

import dataclasses
import datetime
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from equipoise.conduct import admission
from equipoise.conduct.allocation import ready_for_randomisation
from equipoise.conduct.conductor import Conductor
from equipoise.conduct.context import Context
from equipoise.conduct.decisions import DECISIONS
from equipoise.conduct.departures import told_of_code_break
from equipoise.conduct.marker import place_on_path
from equipoise.conduct.questionnaires import open_offer
from equipoise.conduct.state import Lock, TrialState
from equipoise.conduct.together import Together, one_after_another
from equipoise.errors import BadInput
from equipoise.oversight.events import Notified
from equipoise.oversight.signature import Signature, signatures, signed_content, signed_events
from equipoise.oversight.verification import (
    EntryVerification,
    source_verification,
    verified_content,
)
from equipoise.record.correction import Standing, corrections, standing
from equipoise.record.event import Body, Event, EventBody
from equipoise.record.rule import Tables
from equipoise.response.target import target_sizes
from equipoise.study.actions import Action
from equipoise.study.case_book import has_source, of_case_book
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.visits.doubtful import Doubt, doubtful
from equipoise.visits.events import FormSaved, QuestionnaireOffered
from equipoise.visits.expected_form import kept_form

NEVER_FORESEEN = frozenset({"Randomise", "ActivateScheme", "ReproduceAllocations"})
"""Actions whose outcome nobody may learn before it is recorded (RN1, RN2)."""


class Inquiry:
    """Questions to one trial, answered from the record as it stands."""

    def __init__(self, conductor: Conductor) -> None:
        self.conductor = conductor

    @property
    def state(self) -> TrialState:
        """The trial as its trial-level events have left it."""
        self.conductor.caught_up(None)
        return self.conductor.state

    @property
    def head(self) -> int:
        """The seq of the last event that the answers rest on."""
        self.conductor.caught_up(None)
        return self.conductor.head

    def events(self, subject: str) -> Sequence[Event]:
        """The events of a subject, oldest first; none if the number is not in the record."""
        return tuple(self.conductor.caught_up(subject))

    def site(self, subject: str) -> str | None:
        """The hospital of a subject, None if the number is not in the record."""
        found = self.state.screened.get(subject)
        return found.site if found else None

    def today(self, site: str | None) -> datetime.date:
        """The day at a hospital, or without one the last that has begun anywhere in the trial."""
        return self.state.today(site, self.conductor.clock())

    def now(self, site: str | None) -> datetime.datetime:
        """The time at a hospital; in a rehearsal that of its scenario, wherever the site is."""
        return self.conductor.clock().astimezone(zoneinfo.ZoneInfo(self.zone(site)))

    def zone(self, site: str | None) -> str:
        """The time zone in which a hospital's days are counted; UTC in a rehearsal."""
        zones = {each.code: each.time_zone for each in self.study(site).sites}
        return "UTC" if self.state.rehearsal else zones.get(site or "", "UTC")

    def study(self, site: str | None) -> Study:
        """The study version in force at a hospital today, else the one adopted last."""
        state = self.state
        found = state.version_in_force(site, self.today(site))
        return state.versions[found or next(reversed(state.versions))]

    def derived(self, subject: str, table: str) -> pl.DataFrame:
        """A derived table of one subject, by the rules of the version in force for them."""
        return self._context(_question(subject)).derived(table)

    def derived_with(self, action: Action, body: EventBody, table: str) -> pl.DataFrame:
        """The derived table as it would be if `action` had been recorded with `body`."""
        return self._context(action).derived_with(table, body)

    def event_tables(self, subject: str, table: str) -> Tables:
        """The event tables of one subject that a derived table rests on, corrections applied."""
        return self._context(_question(subject)).event_tables(table)

    def derived_together(self, events: Sequence[Event], study: Study) -> Tables:
        """Every table of the subjects of `events`, in one pass; it serves what is asked of each of
        them next. `events`: all that was recorded of subjects who have `study` in force."""
        return self.conductor.derived_together(events, study)

    def foreseen(self, action: Action) -> tuple[Body, ...]:
        """What the action would bring about now, of which nothing is recorded.

        Raises what the action would raise (BadInput, Refused), and BadInput for an action whose
        outcome nobody may learn before it is recorded.
        """
        if action.name in NEVER_FORESEEN:
            raise BadInput("an action that can be foreseen", where="action", found=action.name)
        body = admission.validated(action)
        context = self._context(action)
        decided = DECISIONS.get(action.name)
        found = decided(context, body) if decided else body
        return found if isinstance(found, tuple) else (found,)

    def together(self, subject: str, actions: Sequence[Action]) -> Together:
        """The record as it would be after several actions about one subject, one after another."""
        return one_after_another(self._context(_question(subject)), actions)

    def target_sizes(self, subject: str) -> pl.DataFrame:
        """Every target lesion of a subject at every assessment as it counts in the sum."""
        found = self.event_tables(subject, "target_sum")
        return target_sizes(found, self.study(self.site(subject)).response)

    def kept_forms(self, subject: str) -> pl.DataFrame:
        """The forms that the subject's planned visits ask for, each with its entry (KEPT_FORM)."""
        found = {
            **self.event_tables(subject, "item"),
            "visit_timeline": self.derived(subject, "visit_timeline"),
        }
        return kept_form(found, self.study(self.site(subject)).visits)

    def doubts(self, action: Action) -> list[Doubt]:
        """What on a form that is being filled in is unusual, by the study's own limits and soft
        checks; nothing for a form that the study does not have."""
        body = FormSaved.model_validate(dict(action.body))
        context = self._context(action)
        plan = context.study.visits
        form = next((each for each in plan.forms if each.code == body.form), None)
        if form is None:
            return []
        return doubtful(
            plan, form, body.items, today=context.today,
            known=lambda: context.derived("subject_item"),
        )  # fmt: skip

    def standing(self, subject: str, seq: int) -> Standing:
        """What an event of the subject says now, its corrections applied. KeyError without one."""
        events = self.events(subject)
        event = {each.seq: each for each in events}[seq]
        return standing(event, corrections(events, CATALOGUE).get(seq, ()), CATALOGUE)

    def on_path(self, subject: str) -> Mapping[str, Any]:
        """Where the subject stands today on the marker's declared path, by the rule in force: a row
        of `marker_path`."""
        return place_on_path(self._context(_question(subject)))

    def source_verification(self, subject: str) -> tuple[EntryVerification, ...]:
        """The subject's entries that have a source, each item verified, broken or unverified."""
        return source_verification(self.events(subject), CATALOGUE, has_source)

    def verified_content(self, subject: str, seq: int, item: str | None) -> str:
        """The hash of what an entry of the subject, or one item of it, says now."""
        return verified_content(self.events(subject), seq, item, CATALOGUE)

    def signatures(self, subject: str) -> tuple[Signature, ...]:
        """The signatures on a subject's record, oldest first, intact or broken."""
        return signatures(self.events(subject), of_case_book)

    def signed_events(self, subject: str, scope: str) -> tuple[Event, ...]:
        """The events that a signature of this scope would cover now."""
        return signed_events(self.events(subject), scope, of_case_book)

    def signed_content(self, subject: str, scope: str) -> str:
        """The hash of what a signature of this scope would cover now."""
        return signed_content(self.signed_events(subject, scope))

    def locks(
        self, subject: str, form: str | None = None, instance: str | None = None
    ) -> list[Lock]:
        """The locks in force that close a subject, or a form instance of theirs."""
        site = self.site(subject)
        found = self.state.locks.values()
        return [lock for lock in found if lock.closes(site, subject, form, instance)]

    def told_of_code_break(self, subject: str) -> list[Notified]:
        """Who would be told if the code of a subject were broken now (RN6)."""
        return told_of_code_break(self._context(_question(subject)))

    def open_offer(self, subject: str, code: str, birth_year: str) -> QuestionnaireOffered:
        """The questionnaire that a patient's code and year of birth open now; BadInput if none."""
        return open_offer(self._context(_question(subject)), code, birth_year)

    def ready_for_randomisation(self, subject: str) -> tuple[str, ...]:
        """The criteria judged provisionally of a subject who can be randomised now.

        Raises Refused with the first thing that is missing (RN3).
        """
        context = self._context(dataclasses.replace(_question(subject), name="Randomise"))
        return ready_for_randomisation(context).pending

    def _context(self, action: Action) -> Context:
        return self.conductor.context(action)


def _question(subject: str) -> Action:
    """The envelope of a question about a subject: it is asked by nobody and recorded nowhere."""
    return Action(
        name="Correct", body={}, actor="-", role="-", organisation="-", key="-", subject=subject
    )
