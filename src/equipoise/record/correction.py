"""A correction is an event with a reason: the latest value stands, the old one stays readable.

`Corrected` names an event, an item and the value that stands from now on; who, when and why are in
its envelope. Nothing is overwritten and no row comes or goes: a correction changes a value.

An item is addressed by a path: `diameter`; `targets/T2/diameter` for the nested row of permanent
identifier T2 (or `targets/0/diameter`, by position, where the rows have none: a nested class names
its identifying item in `ID`); `occurred` for the date of the event itself. A path names the items
of one version of the event class and stays valid when the class has moved on: a correction is
applied to the version that it was written for, and the result is brought up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from equipoise.errors import BadInput, RecordError
from equipoise.record.canonical import canonical
from equipoise.record.declaration import Catalogue, children, columns, has_partial_dates
from equipoise.record.event import (
    Body,
    Event,
    EventBody,
    FullDate,
    MissingReason,
    PartialDate,
    content,
)
from equipoise.record.sealing import key_of

ItemPath = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]+$")]
"""Where an item stands in an event: `item`, or `rows/identifier/item`."""

OCCURRED = "occurred"

_PARTIAL: TypeAdapter[Any] = TypeAdapter(Annotated[PartialDate | None, "date"])
_COMPLETE: TypeAdapter[Any] = TypeAdapter(Annotated[FullDate | None, "date"])


class Corrected(EventBody):
    """An item of an earlier event has another value; the reason is in the envelope.

    `target` is the seq of the event, `target_version` the version of its class that `item` speaks
    of. `old` and `new` are values as canonical JSON, null for no value; `old_missing` and
    `new_missing` say why there is none.
    """

    target: int = Field(ge=1)
    target_version: int = Field(default=1, ge=1)
    item: ItemPath
    old: str | None = None
    old_missing: MissingReason | None = None
    new: str | None = None
    new_missing: MissingReason | None = None

    @model_validator(mode="after")
    def _canonical(self) -> Self:
        for text in (self.old, self.new):
            try:
                fits = text is None or (text != "null" and canonical(json.loads(text)) == text)
            except (ValueError, RecursionError, RecordError):
                fits = False
            if not fits:
                raise ValueError("old and new must be canonical JSON, and null for no value")
        return self


class Redacted(EventBody):
    """The keys of every value that an item ever had are destroyed; the reason is in the envelope.

    The ciphertext stays where it is, so that no table changes and the chain still verifies; nobody
    can read it again.
    """

    target: int = Field(ge=1)
    item: ItemPath
    keys: tuple[str, ...] = Field(min_length=1)


CHANGES = (Corrected.TYPE, Redacted.TYPE)
"""Types of events that change what an earlier one says."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an event says after its corrections, in the newest version of its class.

    `seq` is that of the last correction that changed the event's own row, or of the event;
    `rows[item, position]` that of the last one that changed a nested row, where there was one.
    """

    body: dict[str, Any]
    occurred: str | None
    seq: int
    rows: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class Value:
    """One value that an item had: who gave it, when, why, and the redaction that blotted it out.

    `value` is canonical JSON, null for none.
    """

    event: Event
    value: str | None
    missing: str | None
    redacted: int | None = None


def corrections(
    events: Iterable[Event], catalogue: Catalogue
) -> dict[int, list[tuple[Event, Corrected]]]:
    """The corrections among `events` in order of seq, by the seq of the event that they correct."""
    found: dict[int, list[tuple[Event, Corrected]]] = {}
    made = [event for event in events if event.type == Corrected.TYPE]
    for event in sorted(made, key=lambda each: each.seq) if made else ():
        body = catalogue.upcast(event.type, event.type_version, content(event), Corrected.VERSION)
        try:
            correction = Corrected.model_validate(body)
        except ValidationError as error:
            raise RecordError(f"event {event.seq} is no correction: {error}") from error
        found.setdefault(correction.target, []).append((event, correction))
    return found


def standing(
    event: Event, changes: Sequence[tuple[Event, Corrected]], catalogue: Catalogue
) -> Standing:
    """What `event` says once its corrections `changes` are applied: the latest value stands."""
    names = [name for name, _ in children(catalogue.of(event.type))]
    states = _states(event, changes, catalogue)
    _, body, occurred = next(states)
    seq, rows = event.seq, dict[tuple[str, int], int]()
    for by, now, when in states:
        moved = when != occurred
        own_now = {name: value for name, value in now.items() if name not in names}
        if moved or own_now != {name: value for name, value in body.items() if name not in names}:
            seq = by.seq
        for name in names:
            for position, (old, new) in enumerate(zip(body[name], now[name], strict=True)):
                if moved or old != new:
                    rows[name, position] = by.seq
        body, occurred = now, when
    return Standing(body, occurred, seq, rows)


def corrected(events: Iterable[Event], catalogue: Catalogue) -> dict[int, Standing]:
    """What each corrected event among `events` says now, by its seq.

    Raises RecordError when the target of a correction is not among `events`: a part of the record
    is read whole or not at all.
    """
    events = list(events)
    by_target = corrections(events, catalogue)
    wanted = {event.seq: event for event in events if event.seq in by_target}
    for target, changes in by_target.items():
        if target not in wanted:
            raise RecordError(
                f"event {changes[0][0].seq} corrects event {target}, which is not among the events "
                "read; read all events of the subject together"
            )
    return {seq: standing(event, by_target[seq], catalogue) for seq, event in wanted.items()}


def history(events: Iterable[Event], target: int, item: str, catalogue: Catalogue) -> list[Value]:
    """Every value that `item` of the event `target` had, the first entry included, oldest first.

    `item` is a path of the newest version of the class. Raises BadInput for an unknown event or
    item.
    """
    events = list(events)
    event = _target(events, target)
    cls = catalogue.of(event.type)
    redactions = {
        key: seq
        for seq, body in ((e.seq, content(e)) for e in events if e.type == Redacted.TYPE)
        if (body["target"], body["item"]) == (target, item)
        for key in body["keys"]
    }
    found: list[Value] = []
    changes = corrections(events, catalogue).get(target, ())
    for by, body, occurred in _states(event, changes, catalogue):
        value, missing = _read(body, occurred, item, cls)
        text = None if value is None else canonical(value)
        if not found or (found[-1].value, found[-1].missing) != (text, missing):
            key = key_of(value) if isinstance(value, str) else None
            found.append(Value(by, text, missing, redactions.get(key) if key else None))
    return found


def correction(
    events: Iterable[Event],
    target: int,
    item: str,
    catalogue: Catalogue,
    *,
    value: object = None,
    missing: MissingReason | None = None,
) -> Corrected:
    """The body of the event that makes `value` (or the reason `missing`) stand for `item`.

    `events` are at least the target and its corrections; `value` is plain JSON, a measured value a
    decimal string. Raises BadInput for an unknown event or item, for a value that the event class
    does not allow, for a correction that changes nothing, and for one of a correction.
    """
    events = list(events)
    event = _target(events, target)
    if event.type in CHANGES:
        raise BadInput("correct the item itself once more", field="target", found=target)
    cls = catalogue.of(event.type)
    changes = corrections(events, catalogue).get(target, ())
    *_, (_, body, occurred) = _states(event, changes, catalogue)
    old, old_missing = _read(body, occurred, item, cls)
    if item == OCCURRED:
        _valid(_PARTIAL if has_partial_dates(cls) else _COMPLETE, value, item)
    changed, when = _write(body, occurred, item, cls, value, missing)
    clean = _valid(TypeAdapter(cls), changed, item).model_dump(mode="json")
    new, new_missing = _read(clean, when, item, cls)
    if (new, new_missing) == (old, old_missing):
        raise BadInput("the value stands already; there is nothing to correct", field=item)
    return Corrected(
        target=target,
        target_version=cls.VERSION,
        item=item,
        old=None if old is None else canonical(old),
        old_missing=old_missing,
        new=None if new is None else canonical(new),
        new_missing=new_missing,
    )


def redaction(events: Iterable[Event], target: int, item: str, catalogue: Catalogue) -> Redacted:
    """The body of the event that announces the end of every key of `item`; destroy them after it.

    Raises BadInput when no value of the item was ever sealed: it can be corrected, not redacted.
    """
    values = history(events, target, item, catalogue)
    texts = [json.loads(each.value) for each in values if each.value and each.redacted is None]
    keys = dict.fromkeys(
        key for text in texts if isinstance(text, str) and (key := key_of(text)) is not None
    )
    if not keys:
        raise BadInput(
            "no value of this item stands under a key; correct it instead",
            where=f"event {target}",
            field=item,
        )
    return Redacted(target=target, item=item, keys=tuple(keys))


def _states(
    event: Event, changes: Sequence[tuple[Event, Corrected]], catalogue: Catalogue
) -> Iterator[tuple[Event, dict[str, Any], str | None]]:
    """(deciding event, body in the newest version, date) after the event and each correction."""
    cls = catalogue.of(event.type)
    version, body, occurred = event.type_version, content(event), event.occurred
    yield event, _newest(event, version, body, catalogue), occurred
    for by, change in changes:
        body = catalogue.upcast(event.type, version, body, change.target_version)
        version = change.target_version
        value = None if change.new is None else json.loads(change.new)
        try:
            body, occurred = _write(body, occurred, change.item, cls, value, change.new_missing)
        except BadInput as error:
            raise RecordError(
                f"event {by.seq} cannot correct event {event.seq}: {error}"
            ) from error
        yield by, _newest(event, version, body, catalogue), occurred


def _newest(
    event: Event, version: int, body: dict[str, Any], catalogue: Catalogue
) -> dict[str, Any]:
    """`body` in the newest version of its class; RecordError when its items are not those."""
    cls = catalogue.of(event.type)
    newest = catalogue.upcast(event.type, version, body, cls.VERSION)
    fits = set(newest) == {column.name for column in columns(cls)}
    for name, child in children(cls) if fits else ():
        declared, rows = {column.name for column in columns(child)}, newest[name]
        if not isinstance(rows, list) or any(
            not isinstance(row, dict) or set(row) != declared for row in rows
        ):
            fits = False
    if not fits:
        raise RecordError(f"event {event.seq} has not the items of a {cls.__name__}")
    return newest


def _target(events: Iterable[Event], target: int) -> Event:
    for event in events:
        if event.seq == target:
            return event
    raise BadInput("no such event among those read", field="target", found=target)


def _read(
    body: dict[str, Any], occurred: str | None, item: str, cls: type[EventBody]
) -> tuple[Any, MissingReason | None]:
    if item == OCCURRED:
        return occurred, None
    row, name = _located(body, item, cls)
    return row[name], row.get(f"{name}_missing")


def _write(
    body: dict[str, Any],
    occurred: str | None,
    item: str,
    cls: type[EventBody],
    value: object,
    missing: str | None,
) -> tuple[dict[str, Any], str | None]:
    """Body and date with `value` or `missing` at `item`; the arguments are left as they are."""
    partner = f"{item.rpartition('/')[2]}_missing"
    row, name = ({}, item) if item == OCCURRED else _located(body, item, cls)
    if missing is not None and partner not in row:
        raise BadInput("this item takes no reason for being missing", field=item, found=missing)
    if item == OCCURRED:
        if value is not None and not isinstance(value, str):
            raise BadInput("must be a date", field=item, found=value)
        return body, value
    changed = {**row, name: value}
    if partner in row:
        changed[partner] = missing
    if row is body:
        return changed, occurred
    field = item.partition("/")[0]
    rows = [changed if each is row else each for each in body[field]]
    return {**body, field: rows}, occurred


def _located(body: dict[str, Any], item: str, cls: type[EventBody]) -> tuple[dict[str, Any], str]:
    """The row that holds the item of the path `item`, and the item's name in it."""
    field, _, rest = item.partition("/")
    identifier, _, name = rest.rpartition("/")
    if not rest:
        return body, _named(body, field, item, getattr(cls, "ID", None), cls)
    rows = body.get(field)
    child = dict(children(cls)).get(field)
    if not isinstance(rows, list) or child is None or not identifier:
        raise BadInput(f"{cls.__name__} has no nested rows of this name", field=item)
    permanent: str | None = getattr(child, "ID", None)
    for position, row in enumerate(rows):
        if identifier == (str(position) if permanent is None else str(row[permanent])):
            return row, _named(row, name, item, permanent, child)
    known = [str(n) if permanent is None else str(row[permanent]) for n, row in enumerate(rows)]
    raise BadInput(
        f"no such row; there are {', '.join(known) or 'none'}", field=item, found=identifier
    )


def _named(
    row: dict[str, Any], name: str, item: str, permanent: str | None, cls: type[Body]
) -> str:
    partner = name.removesuffix("_missing")
    if name not in row or name in dict(children(cls)):
        raise BadInput(f"{cls.__name__} has no such item", field=item)
    if name == permanent:
        raise BadInput("a permanent identifier is never corrected", field=item)
    if partner != name and partner in row:
        raise BadInput(f"correct {partner} itself, with a value or a reason", field=item)
    return name


def _valid(kind: TypeAdapter[Any], value: object, item: str) -> Any:
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join(str(part) for part in first["loc"]) or item
        raise BadInput(str(first["msg"]), field=place, found=first["input"]) from error
