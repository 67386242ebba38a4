"""The interface for programs under /api: the same actions, by the same writer, and little to read.

Each action has an address of its own, described in /api/openapi.json by its input model. What
asserts that the person was at the keyboard — a signature, an allocation, a code break — is done on
the pages, after the password, and not here.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Annotated, Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Query
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.params.functions import Header
from pydantic import Field

from equipoise import __version__
from equipoise.errors import BadInput, EquipoiseError, RecordError
from equipoise.record.canonical import canonical
from equipoise.study.access import ACTION_ROLES, BY_CODE
from equipoise.study.actions import Action
from equipoise.study.catalogue import ACTIONS
from equipoise.web.api import schema
from equipoise.web.api.caller import Bearer, Caller
from equipoise.web.api.limits import TooLarge, TooOften
from equipoise.web.outage import is_store_failure, unavailable
from equipoise.web.overview import overview
from equipoise.web.page import SEES_SUBJECTS
from equipoise.web.refusal import shown, status_of
from equipoise.web.sight import ERASED, HIDDEN, Item, Shown, Sight

IN_PERSON = BY_CODE | frozenset(
    {
        "AccessReviewed", "ActivateScheme", "AnalyseCutOff", "AuditTrailReviewed", "BreakCode",
        "CertifiedCopyMade", "Exported", "GrantGiven", "GrantRevoked", "IdentityRevealed",
        "PersonUnblinded", "Randomise", "Redact", "ReproduceAllocations", "Signed",
        "SourceVerified",
    }
)  # fmt: skip
"""Actions that a person does on a page, after the password, by a code or before their own eyes."""

BY_PROGRAM = tuple(sorted(set(ACTIONS) - IN_PERSON))
"""Actions that a program may do in the role of its token."""

NEW_SUBJECT = "SubjectScreened"

api = NinjaAPI(
    title="Equipoise", version=__version__, auth=Bearer(), docs_url=None,
    openapi_url="/openapi.json", urls_namespace="api",
    description="The trial's actions for programs. Times are UTC; dates are the hospital's.",
)  # fmt: skip

IDEMPOTENCY: Any = Header(alias="Idempotency-Key")
KEY: Any = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$"), IDEMPOTENCY]
FAILURES = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429, 503), schema.Failure)


def _caller(request: HttpRequest) -> Caller:
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


def _may(caller: Caller, action: str) -> bool:
    return caller.asking.role in ACTION_ROLES.get(action, frozenset())


def _site_of(caller: Caller, action: str, asked: schema.Envelope) -> str | None:
    """The hospital that an action concerns; Http404 for what is not there for this token."""
    known = caller.asking.trial.ask.site(asked.subject) if asked.subject else None
    if asked.subject and known is None and action != NEW_SUBJECT:
        raise Http404
    site = known or asked.site or caller.site
    if not caller.covers(site) or (known and asked.site not in (None, known)):
        raise Http404
    return site


def _check_exact(action: str, asked: schema.Envelope) -> None:
    """BadInput for what no record can hold: binary numbers, half characters."""
    try:
        canonical(asked.model_dump())
    except RecordError as error:
        raise BadInput(str(error), where=action) from error


def _do(action: str) -> Callable[..., Any]:
    """The view of one action."""
    asked_of = schema.asked_of(action, ACTIONS[action])

    def view(request: HttpRequest, asked: Any, idempotency_key: str) -> Any:
        caller = _caller(request)
        if not _may(caller, action):
            told = f"{caller.asking.role} may not do {action}"
            return _failure(403, "Forbidden", told, way_out="use a token of a role that may")
        _check_exact(action, asked)
        site = _site_of(caller, action, asked)
        who = caller.asking
        own = hashlib.sha256(f"{who.person}\n{idempotency_key}".encode()).hexdigest()
        events = who.trial.conductor.act(
            Action(
                name=action, body=asked.body, actor=who.person, role=who.role,
                organisation=who.organisation, key=f"api-{own[:48]}", seen=asked.seen,
                subject=asked.subject, site=site, occurred=asked.occurred, reason=asked.reason,
                recorded=who.trial.recorded,
            )
        )  # fmt: skip
        return {"events": [each._asdict() for each in events]}

    view.__annotations__ = {
        "request": HttpRequest, "asked": asked_of,
        "idempotency_key": KEY,
    }  # fmt: skip
    view.__name__ = action
    return view


for _name in BY_PROGRAM:
    api.post(
        f"/actions/{_name}", response={200: schema.Done, **FAILURES}, operation_id=_name,
        summary=_name, tags=["actions"],
        description=(ACTIONS[_name].__doc__ or "").strip().split("\n")[0],
    )(_do(_name))  # fmt: skip


@api.get("/me", response={200: schema.Me, **FAILURES}, tags=["token"])
def me(request: HttpRequest) -> Any:
    """Whom the token stands for, and which actions its role has here."""
    caller = _caller(request)
    who = caller.asking
    return {
        "person": who.person, "role": who.role, "site": who.site, "expires": caller.expires,
        "organisation": who.organisation, "trial": who.trial.log.trial,
        "rehearsal": who.trial.rehearsal,
        "actions": [each for each in BY_PROGRAM if _may(caller, each)],
    }  # fmt: skip


@api.get("/subjects", response={200: list[schema.Known], **FAILURES}, tags=["subjects"])
def subjects(request: HttpRequest) -> Any:
    """The subjects of the token's hospital, or of all."""
    caller = _caller(request)
    _check_sees(caller)
    return [
        {"subject": row.subject, "site": row.site, "last_seq": row.last_seq}
        for row in overview(caller.asking.trial).of(caller.site)
    ]


@api.get("/subjects/{subject}/events", response={200: schema.Page, **FAILURES}, tags=["subjects"])
def events(
    request: HttpRequest,
    subject: str,
    after: Annotated[int, Query(ge=0, le=2**53 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=schema.MOST_EVENTS)] = schema.MOST_EVENTS,
) -> Any:
    """The events of a subject after a position, as the token's role sees them."""
    caller = _caller(request)
    _check_sees(caller)
    ask = caller.asking.trial.ask
    site = ask.site(subject)
    if site is None or not caller.covers(site):
        raise Http404
    known = ask.events(subject)
    sight = Sight.of(caller.asking, known)
    later = sight.listed(each for each in known if each.seq > after)
    found = [_seen(sight.shown(each)) for each in later[:limit]]
    return {"events": found, "next": found[-1]["seq"] if len(later) > limit else None}


def _check_sees(caller: Caller) -> None:
    if caller.asking.role not in SEES_SUBJECTS:
        raise Http404


def _seen(shown_event: Shown) -> dict[str, Any]:
    event = shown_event.event
    return {
        "seq": event.seq, "type": event.type, "site": event.site, "occurred": event.occurred,
        "recorded": event.recorded, "actor": event.actor, "role": event.role,
        "reason": shown_event.reason.value, "items": _items(shown_event.items),
        "hidden": [
            each.name
            for each in (*shown_event.items, shown_event.reason)
            if each.state == HIDDEN
        ],
        "erased": [each.name for each in shown_event.items if each.state == ERASED],
    }  # fmt: skip


def _items(items: tuple[Item, ...]) -> dict[str, Any]:
    return {
        each.name: [_items(row) for row in each.rows] if each.rows else each.value
        for each in items
        if each.state is None
    }


def _failure(status: int, error: str, message: str, **more: Any) -> HttpResponse:
    found = schema.Failure(error=error, message=message, **more)
    answer = HttpResponse(
        found.model_dump_json(), status=status, content_type="application/json; charset=utf-8"
    )
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(EquipoiseError)
def _refused(request: HttpRequest, error: EquipoiseError) -> HttpResponse:
    if isinstance(error, TooOften):
        answer = _failure(429, "TooOften", str(error), way_out="wait, and ask less often")
        answer.headers["Retry-After"] = str(error.seconds)
        return answer
    told = shown(error)
    problems = [
        schema.Problem(field=str(each.field) if each.field else None, message=str(each))
        for each in getattr(error, "problems", ())
    ]
    status = 413 if isinstance(error, TooLarge) else status_of(error)
    return _failure(
        status, told["kind"], told["message"], rule=told.get("rule"), clause=told.get("clause"),
        way_out=told.get("way_out"), problems=problems,
    )  # fmt: skip


@api.exception_handler(ValidationError)
def _unreadable(request: HttpRequest, error: ValidationError) -> HttpResponse:
    problems = [
        schema.Problem(field="/".join(str(part) for part in each["loc"][1:]), message=each["msg"])
        for each in error.errors
    ]
    return _failure(422, "BadInput", "the request does not fit its description", problems=problems)


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return _failure(
        401, "Unauthorised", "no token that opens anything",
        way_out="make a token on the page of tokens, and send it as Authorization: Bearer",
    )  # fmt: skip


@api.exception_handler(HttpError)
def _unparsed(request: HttpRequest, error: HttpError) -> HttpResponse:
    return _failure(error.status_code, "BadInput", str(error))


@api.exception_handler(Http404)
def _not_there(request: HttpRequest, error: Http404) -> HttpResponse:
    return _failure(404, "NotFound", "nothing here, or nothing that this token may know of")


@api.exception_handler(Exception)
def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    if is_store_failure(error):
        return unavailable(request, error)
    logging.getLogger("equipoise.api").exception("the interface failed", exc_info=error)
    return _failure(500, "Failed", "our fault; nothing was saved unless it was acknowledged")
