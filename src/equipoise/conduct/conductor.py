"""The only writer of a trial: check, decide by the rules, append. Everything or nothing.

An action is admitted (form, author, day, locks), decided by the rules of the stage outside the
lock, and appended under it. If the subject, the form instance or the trial's state has moved in
between, the decision is made again under the lock; if what its author had seen is not what stands
now, the action goes back to its author. A repeated action returns what it did the first time.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from equipoise.conduct import admission
from equipoise.conduct.context import Context
from equipoise.conduct.decisions import decide
from equipoise.conduct.derived import DerivedTables
from equipoise.conduct.repetition import asked, is_repeated, mark
from equipoise.conduct.state import STATE_TYPES, TrialState
from equipoise.conduct.streams import check_seen
from equipoise.errors import BadInput, EquipoiseError, RecordError, Refused
from equipoise.oversight.events import ActionRefused
from equipoise.record.correction import Redacted
from equipoise.record.event import Body, Draft, Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log, Transaction
from equipoise.record.rule import Tables
from equipoise.record.sealing import Erased
from equipoise.study.actions import Action
from equipoise.study.catalogue import ACTIONS
from equipoise.study.definition import Study
from equipoise.study.load import parse_study

OF_THE_WHOLE_RECORD = frozenset({"RedeterminationFrozen"})
"""Actions that look at what was recorded of every subject."""

EVENTS_KEPT = 60_000
"""Events of subjects that a process keeps in memory, 2 kB each or so."""

Clock = Callable[[], datetime.datetime]


def server_clock() -> datetime.datetime:
    """The server's time in UTC: the only clock of a live trial."""
    return datetime.datetime.now(datetime.UTC)


class Conductor:
    """Writes one trial's record. One instance serves one process; many may share a record."""

    def __init__(self, log: Log, keys: KeyStore, clock: Clock = server_clock) -> None:
        self.log, self.keys, self.clock = log, keys, clock
        self.state = TrialState(parse_study)
        self._subjects: dict[str, list[Event]] = {}
        self._read_at: dict[str, int] = {}
        self._head = self._ours_from = 0
        self._one_look = self._looked = False
        self._tables = DerivedTables()
        self._catch_up(log, None)
        self._destroy_redacted(log.read(types={Redacted.TYPE}))

    def act(self, action: Action) -> list[Event]:
        """The events that the action brought about, or brought about when it was first sent.

        Raises BadInput (nothing written), Refused (the refusal is recorded), Conflict (somebody
        else changed what the author had seen).
        """
        body = admission.validated(action)
        text = asked(action)
        self._looked = False
        try:
            context = self._context(action, body, self.log)
            drafts = self._decided(context, body, text)
        except (Refused, BadInput) as error:
            with self.log.transaction() as transaction:
                if earlier := self._earlier(transaction, action, text):
                    return earlier
            self._record_refusal(action, error)
            raise
        return self._append(action, body, text, context, drafts)

    def _append(
        self, action: Action, body: Body, text: str, context: Context, drafts: Sequence[Draft]
    ) -> list[Event]:
        refusal: EquipoiseError | None = None
        with self.log.transaction() as transaction:
            if earlier := self._earlier(transaction, action, text):
                return earlier
            try:
                if self._moved(transaction, context):
                    context = self._context(action, body, transaction)
                    drafts = self._decided(context, body, text)
                check_seen(context, body)
                written = transaction.append(drafts, recorded=self._recorded(action))
            except Refused as error:
                refusal = error
        if refusal is not None:
            self._record_refusal(action, refusal)
            raise refusal
        self._take_in(written)
        return written

    @property
    def head(self) -> int:
        """The seq of the last event that was taken in."""
        return self._head

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Within, all questions are answered as of one event: the record is looked at for the first
        of them, and anew for an action. For whoever asks a hundred things for one page."""
        self._one_look, self._looked = True, False
        try:
            yield
        finally:
            self._one_look = self._looked = False

    def context(self, action: Action) -> Context:
        """What a decision about the action may look at now; nothing is checked or written."""
        self._catch_up(self.log, action.subject)
        return self._seen(action, self.log)

    def caught_up(self, subject: str | None) -> list[Event]:
        """The events of a subject as of now, oldest first; the trial's state is read too."""
        self._catch_up(self.log, subject)
        return self._subjects.get(subject or "", [])

    def derived_together(self, events: Sequence[Event], study: Study) -> Tables:
        """Every table of the subjects of `events`, read and derived in one pass. `events`: all that
        was recorded of subjects who have `study` in force."""
        self._catch_up(self.log, None)
        frozen = [self.state.frozen] if self.state.frozen is not None else []
        sites = {event.site for event in events}
        shared = {site: [*frozen, *self.state.ranges.get(site, ())] for site in sites}
        return self._tables.together(events, shared, study)

    def _context(self, action: Action, body: Body, source: Log | Transaction) -> Context:
        self._catch_up(source, action.subject)
        context = self._seen(action, source)
        admission.check_day(context.action, ACTIONS[action.name], context.today)
        admission.check_author(context)
        admission.check_locks(context, body)
        admission.check_back_entry(context)
        return context

    def _seen(self, action: Action, source: Log | Transaction) -> Context:
        today, reached, hour = self._days(action)
        if action.name in admission.MADE_TODAY | admission.OF_THE_DAY and action.occurred is None:
            action = dataclasses.replace(action, occurred=today.isoformat())
        return Context(
            action=action,
            trial=self.log.trial,
            state=self.state,
            state_seq=self.state.seq,
            head_seq=self._head,
            keys=self.keys,
            today=today,
            hour=hour,
            reached=reached,
            events=list(self._subjects.get(action.subject or "", ())),
            tables=self._tables,
            source=source,
        )

    def _decided(self, context: Context, body: Body, text: str) -> list[Draft]:
        action = context.action
        drafts = []
        decided = list(decide(context, body))
        cause = mark(text, (content for _, _, content, _ in decided), self.keys)
        for event_type, version, content, guards in decided:
            drafts.append(
                Draft(
                    type=event_type,
                    type_version=version,
                    body=content,
                    actor=action.actor,
                    role=action.role,
                    organisation=action.organisation,
                    study_version=context.study_version,
                    occurred=action.occurred,
                    subject=action.subject,
                    site=context.site,
                    reason=action.reason,
                    cause=cause,
                    idempotency_key=action.key,
                    guards=guards,
                )
            )
        return drafts

    def _earlier(self, transaction: Transaction, action: Action, text: str) -> list[Event]:
        """What this action wrote when it was sent before; BadInput if the key meant another, or if
        what it wrote was erased, so that nobody can tell."""
        earlier = transaction.by_key(action.key)
        if earlier and not (same := is_repeated(text, earlier, self.keys)):
            raise BadInput(
                "a new key for every new action: this one belongs to event "
                f"{earlier[0].seq} ({earlier[0].type})"
                + (", of which a value was erased" if isinstance(same, Erased) else ""),
                where=action.name,
                field="key",
                found=action.key,
            )
        return earlier

    def _catch_up(self, source: Log | Transaction, subject: str | None) -> None:
        """Take in what others wrote: of the trial's state, and of `subject`.

        One look at the head tells whether anybody else wrote; mostly nobody did, and nothing is
        read. Events after `_ours_from` and up to `_head` were all written here.
        """
        if not self._looked or source is not self.log:
            head = source.head().seq
            if head != self._head:
                self.state.fold(source.read(after=self.state.seq, types=STATE_TYPES))
                self._head = self._ours_from = head
            self._looked = self._one_look
        if subject is not None and self._read_at.get(subject, -1) < self._ours_from:
            known = self._subjects.setdefault(subject, [])
            known += source.read(after=known[-1].seq if known else 0, subject=subject)
            self._read_at[subject] = self._head
            self._let_go(subject)

    def _let_go(self, subject: str) -> None:
        """Forget subjects that were read longest ago, once too much is kept."""
        self._subjects[subject] = self._subjects.pop(subject)
        kept = sum(map(len, self._subjects.values()))
        for other in list(self._subjects):
            if kept <= EVENTS_KEPT or other == subject:
                return
            kept -= len(self._subjects.pop(other))
            del self._read_at[other]

    def _moved(self, transaction: Transaction, context: Context) -> bool:
        """Whether the subject or the trial's state moved since `context`; takes in what did.

        A decision that rests on the whole record is always made again, under the lock.
        """
        subject = context.action.subject
        self._catch_up(transaction, subject)
        now = self._subjects.get(subject or "", [])
        if context.action.name in OF_THE_WHOLE_RECORD:
            return True
        return self.state.seq != context.state_seq or len(now) != len(context.events)

    def _recorded(self, action: Action) -> datetime.datetime | None:
        """The scenario's clock in a rehearsal; None, the server's own, in a live trial."""
        return action.recorded if self.state.rehearsal else None

    def _days(self, action: Action) -> tuple[datetime.date, datetime.date, str | None]:
        """Which day it is where the action belongs, the last that has begun there or in UTC, and
        the hour of the day at its site.

        What belongs to no site may be done from any. A rehearsal has the day of its scenario,
        wherever the site is.
        """
        if (scenario := self._recorded(action)) is not None:
            return scenario.date(), scenario.date(), None
        events = self._subjects.get(action.subject or "", [])
        now, site = self.clock(), events[0].site if events else action.site
        today = self.state.today(site, now)
        reached = max(today, now.astimezone(datetime.UTC).date())
        return today, reached, self.state.hour(site, now)

    def _record_refusal(self, action: Action, error: EquipoiseError) -> None:
        """Keep a refusal by a rule in the record; bad input leaves no trace."""
        if not isinstance(error, Refused) or self.state.mode is None:
            return
        content = ActionRefused(action=action.name, rule=error.rule, finding=str(error)[:4000])
        draft = Draft(
            type=ActionRefused.TYPE,
            type_version=ActionRefused.VERSION,
            body=content.model_dump(mode="json"),
            actor=action.actor,
            role=action.role,
            organisation=action.organisation,
            study_version=self.state.version_in_force(action.site, self._days(action)[1]) or "none",
            site=action.site,
        )
        with suppress(RecordError):
            self.log.append_many([draft], recorded=self._recorded(action))

    def _take_in(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.subject in self._read_at:  # of anybody else all is read when asked for
                self._subjects[event.subject].append(event)
            self._head = event.seq
        if any(event.type in STATE_TYPES for event in events):
            self.state.fold(events)
        self._destroy_redacted(events)

    def _destroy_redacted(self, events: Sequence[Event]) -> None:
        """Destroy the keys that redactions announced; done again at start, it changes nothing."""
        for event in events:
            if event.type == Redacted.TYPE:
                for name in Redacted.model_validate_json(event.body).keys:
                    self.keys.destroy(name)
