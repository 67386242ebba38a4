"""The one trial that this process serves: its record, its keys, who writes it, what may be asked.

A worker has one thread, so one connection and one conductor serve it. They are opened at the first
request and closed never; a store that went away is opened again at the next.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.conf import settings

from equipoise.conduct.conductor import Clock, Conductor, server_clock
from equipoise.conduct.inquiry import Inquiry
from equipoise.errors import RecordError, StoreFailed
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.stores import opened
from equipoise.web.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Trial:
    """The record and its keys, the only writer, and the questions to it."""

    log: Log
    keys: KeyStore
    conductor: Conductor
    ask: Inquiry

    @property
    def rehearsal(self) -> bool:
        """Whether the patients are synthetic, as the record's first event says."""
        return self.ask.state.rehearsal

    @property
    def recorded(self) -> datetime.datetime | None:
        """The time that an action carries: the scenario's in a rehearsal, else the server's own."""
        return self.conductor.clock() if self.rehearsal else None


def _scenario_clock(log: Log) -> Clock:
    """A rehearsal's time goes on from where its last event left it."""
    last = datetime.datetime.fromisoformat(log.head().recorded.replace("Z", "+00:00"))
    begun = server_clock()
    return lambda: last + (server_clock() - begun)


_open: dict[str, Trial] = {}


def trial() -> Trial:
    """The trial of this process. StoreFailed when its record cannot be opened."""
    configuration: Configuration = settings.CONFIGURATION
    if configuration.record not in _open:
        close()
        log = _reached(configuration)
        keys = KeyStore(configuration.keys, master=configuration.master)
        conductor = Conductor(log, keys)
        if conductor.state.rehearsal:
            conductor.clock = _scenario_clock(log)
        _open[configuration.record] = Trial(log, keys, conductor, Inquiry(conductor))
    return _open[configuration.record]


def _reached(configuration: Configuration) -> Log:
    """The record; StoreFailed where it is not there to open: it was when this process started."""
    try:
        return opened(configuration.record, schema=configuration.schema)
    except StoreFailed:
        raise
    except RecordError as error:
        raise StoreFailed(str(error)) from error


def close() -> None:
    """Let go of the record; the next question opens it again."""
    while _open:
        _, gone = _open.popitem()
        gone.log.close()
        gone.keys.close()
