"""What concerns the session alone: language, position, and whether the server answers."""

from __future__ import annotations

import datetime
from typing import cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from equipoise.web.asking import POSITION, Request
from equipoise.web.models import Account
from equipoise.web.sessions import CLOCK_MAY_STEP
from equipoise.web.trial import trial


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Take another language, for good where somebody is logged in; back to the page."""
    chosen = request.POST.get("language", "")
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    answer = redirect(back)
    if chosen in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            Account.objects.filter(user=request.user).update(language=chosen)
        answer.set_cookie(
            "language", chosen, max_age=31_536_000, samesite="Lax", httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
        )  # fmt: skip
    return answer


@login_required
def position(request: HttpRequest) -> HttpResponse:
    """Choose one of the positions that the record grants; another one at any time."""
    asking = cast(Request, request).asking
    if request.method == "POST":
        chosen = request.POST.get("position", "")
        if any(each.key == chosen for each in asking.held):
            request.session[POSITION] = chosen
            return redirect("home")
    return render(request, "session/position.html", {"held": asking.held})


def healthy(request: HttpRequest) -> HttpResponse:
    """200 once the record can be read; for a proxy or a service manager.

    A second line says by how much the server's clock is behind the record: what is recorded then
    carries the time of the last entry, until the clock is right again.
    """
    found = trial()
    head = found.log.head()
    told = f"ok {head.seq}\n"
    if head.recorded:
        last = datetime.datetime.fromisoformat(head.recorded.replace("Z", "+00:00"))
        behind = int((last - found.conductor.clock()).total_seconds())
        if behind > CLOCK_MAY_STEP.total_seconds():
            told += f"the clock is {behind} s behind the record: set it right\n"
    return HttpResponse(told, content_type="text/plain")
