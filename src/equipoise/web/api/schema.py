"""What goes in and comes out of the interface for programs; each action's body is its input model.

The body is described by the model's own schema and checked by `conduct` alone, so that a program is
told what a person at a form is told.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

from equipoise.record.event import Body, Identifier

LONGEST_REASON = 2000
MOST_EVENTS = 200


class Envelope(BaseModel):
    """What every action carries beside its body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: Identifier | None = Field(None, description="the subject's number")
    site: Identifier | None = Field(None, description="the hospital; that of the token if absent")
    occurred: str | None = Field(
        None, max_length=10, description="the day it happened, at the hospital: YYYY-MM-DD"
    )
    reason: str | None = Field(None, min_length=1, max_length=LONGEST_REASON)
    seen: int = Field(
        0, ge=0, le=2**53 - 1,
        description="seq of the subject's last event that the author had seen; 0 for none",
    )  # fmt: skip
    body: dict[str, Any]


def asked_of(name: str, model: type[Body]) -> type[Envelope]:
    """The envelope of one action, its body described by the action's input model."""
    described = WithJsonSchema(inlined(model.model_json_schema()))
    made: type[Envelope] = create_model(
        f"{name}Asked", __base__=Envelope, body=(Annotated[dict[str, Any], described], ...)
    )
    return made


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema whose definitions stand where they are used.

    >>> inlined({"$defs": {"A": {"type": "string"}}, "items": {"$ref": "#/$defs/A"}})
    {'items': {'type': 'string'}}
    """
    definitions = schema.get("$defs", {})

    def put(found: Any) -> Any:
        if isinstance(found, list):
            return [put(each) for each in found]
        if not isinstance(found, dict):
            return found
        if "$ref" in found:
            return put(definitions[found["$ref"].rsplit("/", 1)[-1]])
        return {name: put(each) for name, each in found.items() if name != "$defs"}

    return dict(put(schema))


class Written(BaseModel):
    """One event that an action brought about."""

    seq: int
    type: str
    recorded: str
    hash: str


class Done(BaseModel):
    """The events that an action brought about, now or when it was first sent."""

    events: list[Written]


class Problem(BaseModel):
    """One thing that is wrong with what was sent."""

    field: str | None
    message: str


class Failure(BaseModel):
    """Why nothing was done: kind, message, and the rule and way out where a rule refused it."""

    error: str
    message: str
    rule: str | None = None
    clause: str | None = None
    way_out: str | None = None
    problems: list[Problem] = []


class Me(BaseModel):
    """Whom a token stands for."""

    person: str
    role: str
    site: str | None
    organisation: str
    expires: str
    trial: str
    rehearsal: bool
    actions: list[str]


class Known(BaseModel):
    """A subject's number, its hospital, and the seq of its last event."""

    subject: str
    site: str
    last_seq: int


class Seen(BaseModel):
    """An event as the token's role sees it. What it may not see has no value and a state."""

    seq: int
    type: str
    site: str | None
    occurred: str | None
    recorded: str
    actor: str
    role: str
    reason: str | None
    items: dict[str, Any]
    hidden: list[str]
    erased: list[str]


class Page(BaseModel):
    """Events in their order; `next` is the seq to go on from, null at the end."""

    events: list[Seen]
    next: int | None
