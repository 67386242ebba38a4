"""Any event of any class: random valid bodies, drawn from what the classes declare.

The strategies are built from the JSON schema of a class, which pydantic derives from the same
declarations that tables are read off, so that a new event class is under test the day it exists.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any

from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from equipoise.record.canonical import LARGEST_INTEGER, canonical
from equipoise.record.correction import Corrected
from equipoise.record.declaration import columns, has_partial_dates
from equipoise.record.event import Body, Event, EventBody

SUBJECTS = ("01-001", "01-002", "02-001")

texts = st.text(min_size=1, max_size=12) | st.sampled_from(
    [
        "null",
        "15.30",
        "{}",
        '"',
        "\\",
        "\\n",
        "\\u0041",
        '\\"',
        "\t",
        "\n",
        "\x00",
        "\u2028",
        "\x85",
        "é😀",
        "a,b",
        "2024-02-30",
    ]
)
days = st.dates(datetime.date(1, 1, 1)).map(datetime.date.isoformat)
partial_days = st.one_of(days, days.map(lambda day: day[:7]), days.map(lambda day: day[:4]))
canonical_texts = st.one_of(
    texts.map(canonical), st.integers(-9, 9).map(canonical), st.sampled_from(["true", "false"])
)


def event(seq: int, type_name: str, body: Mapping[str, Any] | str, **envelope: Any) -> Event:
    """A stored event with `body`, which is made canonical; `envelope` replaces other fields."""
    fields: dict[str, Any] = {
        "seq": seq,
        "trial": "by-hand",
        "type": type_name,
        "type_version": 1,
        "subject": "01-001",
        "site": "01",
        "occurred": "2024-01-05",
        "recorded": "2026-01-01T00:00:00.000000Z",
        "offset": 60,
        "actor": "nobody",
        "role": "investigator",
        "organisation": "01",
        "reason": None,
        "cause": None,
        "study_version": "1.0",
        "release": "0",
        "idempotency_key": None,
        "body": body if isinstance(body, str) else canonical(body),
        "prev": "",
        "hash": "",
    }
    return Event(**{**fields, **envelope})


@cache
def bodies(cls: type[Body]) -> st.SearchStrategy[dict[str, Any]]:
    """Valid bodies of `cls`, as the plain JSON values that the record keeps."""
    declared = cls.model_json_schema()
    items = {name: _item(cls, name, declared["properties"][name]) for name in cls.model_fields}
    if cls is Corrected:
        items["old"] = items["new"] = st.none() | canonical_texts
    return st.fixed_dictionaries(items).map(_without_reasons_beside_values).map(_dumped(cls))


def _without_reasons_beside_values(body: dict[str, Any]) -> dict[str, Any]:
    given = {f"{name}_missing" for name, value in body.items() if value is not None}
    return {name: None if name in given else value for name, value in body.items()}


def _dumped(cls: type[Body]) -> Any:
    def dump(body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(canonical(cls(**body).model_dump(mode="json")))
        return found

    return dump


def _item(cls: type[Body], name: str, declared: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    info = cls.model_fields[name]
    checked: TypeAdapter[Any] = TypeAdapter(Annotated[info.annotation, *info.metadata, "item"])
    options = declared.get("anyOf", [declared])
    if {"type": "number"} in options:
        some = _measured(checked)
        return some | st.none() if {"type": "null"} in options else some
    return st.one_of(*(_plain(cls, name, option, checked) for option in options))


def _plain(
    cls: type[Body], name: str, declared: Mapping[str, Any], checked: TypeAdapter[Any]
) -> st.SearchStrategy[Any]:
    if "enum" in declared or "const" in declared:
        return st.sampled_from(declared.get("enum", [declared.get("const")]))
    match declared["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            low, high = declared.get("minimum"), declared.get("maximum")
            return st.integers(
                -LARGEST_INTEGER if low is None else low, LARGEST_INTEGER if high is None else high
            )
        case "array":
            child = next(each.child for each in columns(cls) if each.name == name)
            rows = bodies(child) if child else texts
            return st.lists(rows, min_size=declared.get("minItems", 0), max_size=3)
    if declared.get("format") == "date":
        return days
    if "pattern" in declared:
        return st.from_regex(declared["pattern"].rstrip("$") + r"\Z").filter(_fits(checked))
    return partial_days if not _fits(checked)("~") else texts


def _measured(checked: TypeAdapter[Any]) -> st.SearchStrategy[str]:
    """Decimal strings within the limits of an item, found by asking it."""
    fits = _fits(checked)
    whole = [-999_999_999_999, -273, *range(-9, 10), 50, 99, 100, 250, 599, 99_999, 999_999_999_999]
    places = max(n for n in range(13) if any(fits(_number(each, 1, n)) for each in (5, 60)))
    fractions = st.integers(0, 10**places - 1)
    allowed = [each for each in whole if fits(str(each))]
    return st.builds(_number, st.sampled_from(allowed), fractions, st.just(places)).filter(fits)


def _number(whole: int, fraction: int, places: int) -> str:
    return f"{whole}.{fraction:0{places}}" if places else str(whole)


def _fits(checked: TypeAdapter[Any]) -> Any:
    def fits(value: object) -> bool:
        try:
            checked.validate_python(value)
        except ValidationError:
            return False
        return True

    return fits


@st.composite
def events(draw: st.DrawFn, classes: Sequence[type[EventBody]], *, most: int = 4) -> list[Event]:
    """A few events of `classes` in order of seq, of several subjects, some of none."""
    found: list[Event] = []
    for cls in draw(st.lists(st.sampled_from(classes), min_size=1, max_size=most)):
        found.append(draw(an_event(cls, 1 + len(found))))
    return found


@st.composite
def an_event(draw: st.DrawFn, cls: type[EventBody], seq: int) -> Event:
    """An event of `cls`: of any subject, on any day that it may have occurred on."""
    return event(
        seq,
        cls.TYPE,
        draw(bodies(cls)),
        type_version=cls.VERSION,
        subject=draw(st.none() | st.sampled_from(SUBJECTS)),
        site=draw(st.none() | st.sampled_from(["01", "02"])),
        occurred=draw(st.none() | (partial_days if has_partial_dates(cls) else days)),
        study_version=draw(st.sampled_from(["1.0", "2.0"])),
    )


def by_subject(found: Iterable[Event]) -> dict[str | None, list[Event]]:
    """The events of each subject, in order."""
    parts: dict[str | None, list[Event]] = {}
    for each in found:
        parts.setdefault(each.subject, []).append(each)
    return parts
