"""A person's browser without its engine: pages by HTTP, cookies, forms with hidden entries."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from http.cookies import SimpleCookie
from typing import Final
from urllib.parse import urlencode, urlsplit

_HIDDEN = re.compile(r"<input[^>]*type=.hidden.[^>]*>")
_NAME, _VALUE = re.compile(r'name="([^"]*)"'), re.compile(r'value="([^"]*)"')
TOKEN: Final = "csrfmiddlewaretoken"
LOST: Final = 0
"""The status of an answer that never came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, page, and where it leads."""

    status: int
    page: str
    location: str

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden entries of the page's own forms, those of rows to be copied left out."""
        main = re.sub(r"<template>.*?</template>", "", self.page[self.page.find("<main") :],
                      flags=re.S)  # fmt: skip
        found = {}
        for tag in _HIDDEN.findall(main):
            name, value = _NAME.search(tag), _VALUE.search(tag)
            if name:
                found[name[1]] = value[1] if value else ""
        return found


@dataclass(slots=True)
class Visitor:
    """One browser at one address. What asks for a page is asked again, as browsers do, where the
    server had closed a connection that was idle; a form is never repeated by itself."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)
    patience: float = 60.0
    _connection: HTTPConnection | None = None

    def get(self, path: str) -> Answer:
        """A page; status LOST when no answer came."""
        return self._ask("GET", path, None)

    def post(self, path: str, entries: dict[str, str]) -> Answer:
        """Send a form; status LOST when no answer came."""
        given = {TOKEN: self.cookies.get("csrftoken", ""), **entries}
        return self._ask("POST", path, urlencode(given))

    def log_in(self, person: str, password: str) -> Visitor:
        """Log in; AssertionError when that is refused."""
        page = self.get("/accounts/login/")
        entries = {**page.hidden, "login": person, "password": password}
        answer = self.post("/accounts/login/", entries)
        assert answer.status == 302, (answer.status, answer.page[-1500:])
        return self

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        where, kept = urlsplit(self.address), self._connection is not None
        if self._connection is None:
            self._connection = HTTPConnection(where.netloc, timeout=self.patience)
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Referer"] = f"{self.address}{path}"
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            page = answer.read().decode()
        except (OSError, HTTPException) as error:
            self.close()
            idle = isinstance(error, RemoteDisconnected | BrokenPipeError | ConnectionResetError)
            if method == "GET" and kept and idle:
                return self._ask(method, path, body)
            return Answer(LOST, repr(error), "")
        for given in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(given).items():
                self.cookies[name] = morsel.value
        return Answer(answer.status, page, answer.headers.get("Location", ""))
