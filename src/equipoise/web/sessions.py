"""Sessions in the database of accounts; one that a clock ahead of ours made is over.

A database that fails while a session is saved is told as that, not as a session that was ended.

A session ends so long after its last request. When the server's clock is set back, a session from
before would outlive that by as much: it is ended instead, and its person logs in again. Source:
OWASP Application Security Verification Standard 4, 3.3.2.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.db import InterfaceError, OperationalError
from django.utils import timezone

CLOCK_MAY_STEP = datetime.timedelta(seconds=60)
"""How far a clock is set back in passing, when it is synchronised."""


class SessionStore(DatabaseSessions):
    """A session whose end lies no further ahead than one that was used just now."""

    def _get_session_from_db(self) -> Any:
        found = super()._get_session_from_db()  # type: ignore[misc]
        longest = datetime.timedelta(seconds=self.get_session_cookie_age()) + CLOCK_MAY_STEP
        if found is not None and found.expire_date > timezone.now() + longest:
            self._session_key = None
            return None
        return found

    def save(self, must_create: bool = False) -> None:
        """Save; UpdateError only where the session is gone."""
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError | InterfaceError):
                raise error.__context__ from None
            raise
