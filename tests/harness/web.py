"""The web application on a trial under test: people with accounts, clients that are logged in."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness.web_settings import set_up

set_up()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import Client  # noqa: E402

from equipoise.record.keys import KeyStore  # noqa: E402
from equipoise.record.sqlite import SqliteLog  # noqa: E402
from equipoise.study.definition import Study  # noqa: E402
from equipoise.web import logins, overview  # noqa: E402
from equipoise.web import trial as served  # noqa: E402
from equipoise.web.accounts import create_account  # noqa: E402
from equipoise.web.configuration import Configuration  # noqa: E402
from tests.harness.trial import PEOPLE, Trial  # noqa: E402


class Web:
    """A trial, served in this process; `client(role)` is the browser of the person who holds it."""

    def __init__(self, trial: Trial, configuration: Configuration) -> None:
        self.trial, self.configuration = trial, configuration
        self.passwords: dict[str, str] = {}
        self._clients: dict[str, Client] = {}

    def account(self, person: str, *, language: str = "en") -> str:
        """An account of a person; its password."""
        self.passwords[person] = create_account(
            person, organisation="Hospital", language=language, by="test", once=False
        )
        return self.passwords[person]

    def client(self, role: str, *, language: str = "en") -> Client:
        """The browser of the person who holds a role, logged in."""
        person = PEOPLE.get(role, role)
        if person not in self.passwords:
            self.account(person, language=language)
        if role not in self._clients:
            browser = Client()
            answer = browser.post(
                "/accounts/login/", {"login": person, "password": self.passwords[person]}
            )
            assert answer.status_code == 302, answer.content.decode()[-2000:]
            self._clients[role] = browser
        return self._clients[role]

    def filled(self, role: str, address: str, entries: dict[str, Any]) -> HttpResponse:
        """Open a page with a form, fill it in, send it; the answer."""
        browser = self.client(role)
        page = browser.get(address)
        assert page.status_code == 200, (address, page.status_code, page.content.decode()[-800:])
        found = hidden(page.content.decode())
        return browser.post(address, {**found, **entries})


def hidden(page: str) -> dict[str, str]:
    """The hidden entries of the forms of a page: key, what was seen, numbers of rows."""
    main = page[page.index("<main") :]
    main = re.sub(r"<template>.*?</template>", "", main, flags=re.S)
    found = {}
    for tag in re.findall(r"<input[^>]*type=.hidden.[^>]*>", main):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            found[name[1]] = value[1] if value else ""
    return found


def text(answer: HttpResponse) -> str:
    """What a page says, without tags."""
    main = answer.content.decode()
    main = re.sub(r"<(script|style|template)\b.*?</\1>", " ", main, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


@contextmanager
def web(
    folder: Path, study: Study | None = None, *, mode: str = "live", behind: int = 0
) -> Iterator[Web]:
    """A trial in `folder`, staffed, its scheme active, served in this process."""
    path = folder / "record.sqlite3"
    log, keys = SqliteLog.create(path, trial="T1"), KeyStore.create(f"{path}.keys")
    trial = Trial.opened(log, keys, mode=mode, study=study, behind=behind)
    trial.activate()
    with serving(path) as configuration:
        try:
            yield Web(trial, configuration)
        finally:
            log.close()
            keys.close()


@contextmanager
def serving(record: Path) -> Iterator[Configuration]:
    """The record in a file, served in this process; nobody has an account yet."""
    before: Configuration = settings.CONFIGURATION
    configuration = dataclasses.replace(
        before, record=str(record), keys=f"{record}.keys", logins=f"{record}.logins"
    )
    settings.CONFIGURATION = configuration
    _forget()
    try:
        yield configuration
    finally:
        _forget()
        settings.CONFIGURATION = before


def _forget() -> None:
    served.close()
    logins.close()
    overview.forget()
    from axes.models import AccessAttempt

    AccessAttempt.objects.all().delete()
    cache.clear()
    get_user_model().objects.all().delete()
