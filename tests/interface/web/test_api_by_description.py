"""Requests made up from the description of the interface: none may end in an error of the server.

The requests are schemathesis's, from /api/openapi.json: what fits the description, and what does
not.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.cache import cache
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounded
from schemathesis import GenerationMode

from equipoise.study.access import ACTION_ROLES
from equipoise.web import tokens
from equipoise.web.api.service import BY_PROGRAM
from equipoise.web.position import Position
from tests.harness.trial import PEOPLE, SITE_PEOPLE
from tests.harness.web import Web

EXAMPLES = int(os.environ.get("API_EXAMPLES", "4"))
"""Requests of each kind to each address."""

NUMBER = "X01-001"


def _tokens(site: Web) -> dict[str, str]:
    """A token of each role."""
    found = {}
    for role, person in PEOPLE.items():
        site.account(person)
        position = Position(role, site.trial.site if role in SITE_PEOPLE else None)
        found[role] = tokens.issue(person, position, name="s", days=30, by="admin")
    return found


@pytest.mark.slow
def test_no_request_made_from_the_description_ends_in_an_error_of_the_server(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    from equipoise.web.wsgi import application

    rates = dict.fromkeys(("token", "address", "failures"), "1000000/m")
    monkeypatch.setattr(settings, "API_RATES", rates)
    logging.getLogger("django.request").setLevel(logging.CRITICAL)
    cache.clear()
    site.trial.screened(NUMBER)
    secrets = _tokens(site)
    described = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
    asked: Counter[int] = Counter()
    wrong: list[Any] = []

    def put(case: Any) -> None:
        """Half of the requests are about a subject that there is, by a role that may ask."""
        action = case.operation.path.rsplit("/", 1)[-1]
        may = sorted(ACTION_ROLES.get(action, {"nurse"}))
        secret = secrets[may[len(str(case.body)) % len(may)]]
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {secret}"}
        if isinstance(case.body, dict) and len(str(case.body)) % 2:
            case.body |= {"subject": NUMBER, "seen": site.trial.log.head().seq}
            case.body.pop("site", None)
        answer = case.call()
        asked[answer.status_code] += 1
        if answer.status_code >= 500:
            wrong.append((case.as_curl_command(), answer.text[:500]))
        assert "json" in str(answer.headers.get("content-type"))

    for found in described.get_all_operations():
        for mode in GenerationMode:
            run = given(case=found.ok().as_strategy(generation_mode=mode))(put)
            bounded(
                max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            )(run)()  # fmt: skip
    assert wrong == []
    assert sum(asked.values()) > 2 * len(BY_PROGRAM)
    assert {200, 404, 422} <= set(asked), asked
