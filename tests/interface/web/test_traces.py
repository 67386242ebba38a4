"""Whatever a page does leaves its entry: every page that takes a form, every file taken away.

The pages are those of the route table and what they call is read from their source, so that a new
one that leaves nothing fails here until it is named with its reason.
"""

from __future__ import annotations

import pytest
from django.test import Client

from equipoise.web import logins
from equipoise.web.page import _VIEWS, ROUTES
from equipoise.web.urls import urlpatterns
from tests.harness.traces import takes_away, traces, view_of
from tests.harness.web import Web, text

SHOWS_ALONE = "shows what the entry would say, before anybody records it"
WITHOUT_TRACE = {
    "adverse_event_grades": SHOWS_ALONE,
    "assay_check": SHOWS_ALONE,
    "assessment_check": SHOWS_ALONE,
    "cycle_doses": SHOWS_ALONE,
    "form_check": SHOWS_ALONE,
    "pathology_check": SHOWS_ALONE,
    "reading_correct_check": SHOWS_ALONE,
}
"""Pages that take a form and leave nothing, each with why."""


def written(name: str) -> set[str]:
    return traces(*view_of(_VIEWS[name]))


@pytest.mark.requirement("AT5")
def test_every_page_that_takes_a_form_leaves_an_entry_or_says_why_not() -> None:
    assert urlpatterns
    takes = {name for name, route in ROUTES.items() if "POST" in route.methods}
    assert {name for name in takes if not written(name)} == set(WITHOUT_TRACE)


@pytest.mark.requirement("AT5")
def test_every_file_taken_away_leaves_an_entry() -> None:
    files = {name for name in ROUTES if takes_away(*view_of(_VIEWS[name]))}
    assert files >= {"audit_export", "certified_copy", "exports_take", "laboratory_file"}
    assert not {name for name in files if not written(name)}


@pytest.mark.requirement("AT5")
def test_what_is_only_looked_at_leaves_nothing() -> None:
    """The search finds what writes and nothing else, else the tests above would show nothing."""
    shows = {name for name, route in ROUTES.items() if route.methods == ("GET",)}
    assert {name for name in shows if written(name)} == {"laboratory_file"}


@pytest.mark.requirement("AT5", "UA1")
def test_login_failure_lockout_logout_refusal_and_verification_each_leave_theirs(
    site: Web,
) -> None:
    nurse = site.client("nurse")
    nurse.get("/people/")
    nurse.post("/accounts/logout/")
    site.client("auditor").post("/integrity/")
    for _ in range(5):
        Client().post("/accounts/login/", {"login": "pharm", "password": "wrong"})
    kinds = {event.type for event in logins.chain().read()}
    assert kinds >= {
        "LoggedIn", "PageRefused", "LoggedOut", "LoginFailed", "LockedOut", "VerificationRun",
    }  # fmt: skip
    assert "Verification begun" in text(site.client("auditor").get("/logins/"))
