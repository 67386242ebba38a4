"""The files of a study as plain values, with the line and column at which each value stands.

Only what a study file needs of YAML is accepted: one document of mappings, lists and scalars. No
anchors, aliases or tags: what is written is what is meant, and a small file cannot unfold into a
big one. Numbers with a decimal point stay text, so that no binary fraction ever comes between the
file and its meaning.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import events as yaml_events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from equipoise.errors import BadInput

MAXIMUM_BYTES = 2 * 1024 * 1024
"""No study file comes near this size; what does is not a study file."""

MAXIMUM_DEPTH = 24
SITE_COLUMNS = ("code", "name", "city", "country", "time_zone")

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands; `column` 0 when only the line is known."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file} line {self.line}" + (f" column {self.column}" if self.column else "")


@dataclass(slots=True)
class Located:
    """A value read from files, the place of every value and key in it, and what was wrong."""

    value: Any = None
    values: dict[FieldPath, Place] = field(default_factory=dict)
    keys: dict[FieldPath, Place] = field(default_factory=dict)
    faults: list[BadInput] = field(default_factory=list)
    closed: bool = False
    """Whether the file ends with the line `...`, so that nothing of it was cut off."""

    def place(self, path: FieldPath) -> Place | None:
        """The place of the value at `path`, or of the nearest part that encloses it."""
        for length in range(len(path), -1, -1):
            if (found := self.values.get(path[:length])) is not None:
                return found
        return None


def file_text(path: Path) -> str:
    """The text of a UTF-8 file of a study. Raises BadInput when there is none to read."""
    name = path.name or str(path)
    try:
        if path.is_dir():
            raise BadInput("must be a file, but it is a directory", where=str(path))
        if (size := path.stat().st_size) > MAXIMUM_BYTES:
            allowed = f"must have at most {MAXIMUM_BYTES} bytes"
            raise BadInput(allowed, where=name, found=f"{size} bytes")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot be read: {reason}", where=str(path)) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(name, data.count(b"\n", 0, error.start) + 1)
        found = f"byte 0x{data[error.start]:02x}"
        raise BadInput("must be UTF-8 text", where=str(place), found=found) from error


def read_yaml(text: str, file: str) -> Located:
    """The value of a YAML text with its places.

    Raises BadInput where the text is no YAML; faults that leave the rest readable, such as a key
    given twice, are kept in `faults`.
    """
    reader = _Reader(file)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reader.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Place(file, mark.line + 1, mark.column + 1) if mark else file
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        if "\\t" in said:
            said += " (indent with spaces, not with tabs)"
        raise BadInput(f"must be YAML: {said}", where=str(where)) from error
    except (YAMLError, ValueError, OverflowError) as error:
        said = " ".join(str(error).split())
        raise BadInput(f"must be YAML: {said}", where=_unreadable(text, file)) from error
    if reader.located.value is None:
        raise BadInput("must hold a study, but it is empty", where=file)
    return reader.located


def _unreadable(text: str, file: str) -> str:
    found = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    return str(Place(file, text.count("\n", 0, found.start()) + 1)) if found else file


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    path: FieldPath
    key: str | None = None
    key_place: Place | None = None


class _Reader:
    """Builds a Located from the events of a YAML parser, without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.located = Located()
        self.stack: list[_Open] = []
        self.documents = 0

    def take(self, event: Any) -> None:
        """Add one parser event."""
        place = Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml_events.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise BadInput("must hold one document only", where=str(place), found="---")
        elif isinstance(event, yaml_events.DocumentEndEvent):
            self.located.closed = bool(event.explicit)
        elif isinstance(event, yaml_events.AliasEvent):
            raise _not_accepted("aliases", f"*{event.anchor}", place)
        elif isinstance(event, yaml_events.NodeEvent):
            if event.anchor is not None:
                raise _not_accepted("anchors", f"&{event.anchor}", place)
            if (tag := getattr(event, "tag", None)) is not None:
                raise _not_accepted("tags", str(tag), place)
            self._node(event, place)
        elif isinstance(event, yaml_events.CollectionEndEvent):
            self.stack.pop()

    def _node(self, event: Any, place: Place) -> None:
        if isinstance(event, yaml_events.ScalarEvent):
            top = self.stack[-1] if self.stack else None
            if top is not None and isinstance(top.value, dict) and top.key is None:
                top.key, top.key_place = _text(event, place), place
            else:
                self._add(_scalar(event, place), place)
            return
        if len(self.stack) >= MAXIMUM_DEPTH:
            allowed = f"must not be nested more than {MAXIMUM_DEPTH} deep"
            raise BadInput(allowed, where=str(place))
        if self.stack and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None:
            raise BadInput("must have plain words as keys", where=str(place), found="a collection")
        value: dict[str, Any] | list[Any] = (
            {} if isinstance(event, yaml_events.MappingStartEvent) else []
        )
        self.stack.append(_Open(value, self._add(value, place)))

    def _add(self, value: Any, place: Place) -> FieldPath:
        path: FieldPath = ()
        if not self.stack:
            self.located.value = value
        else:
            top = self.stack[-1]
            if isinstance(top.value, list):
                path = (*top.path, len(top.value))
                top.value.append(value)
            else:
                path = self._add_under_key(top, value)
        self.located.values[path] = place
        return path

    def _add_under_key(self, top: _Open, value: Any) -> FieldPath:
        assert isinstance(top.value, dict) and top.key is not None and top.key_place is not None
        path = (*top.path, top.key)
        if top.key in top.value:
            first = self.located.keys[path]
            allowed = f"must be given once, and line {first.line} has it already"
            self.located.faults.append(
                BadInput(allowed, where=str(top.key_place), field=written(path), found=top.key)
            )
        top.value[top.key] = value
        self.located.keys[path] = top.key_place
        top.key = None
        return path


def _not_accepted(what: str, found: str, place: Place) -> BadInput:
    allowed = f"must be written out: a study file has no YAML {what}"
    return BadInput(allowed, where=str(place), found=found)


def _text(event: Any, place: Place) -> str:
    text = str(event.value)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput("must be text that UTF-8 can hold", where=str(place), found=ascii(text))
    return text


def _scalar(event: Any, place: Place) -> str | int | bool | None:
    text = _text(event, place)
    if event.style:
        return text
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?(0|[1-9]\d{0,14})", text, re.ASCII) else text


def written(path: FieldPath) -> str:
    """A path as people read it.

    >>> written(("visits", "forms", 0, "code"))
    'visits.forms[0].code'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_sites(text: str, file: str) -> Located:
    """The rows of sites.csv as a list of mappings; row faults are kept in `faults`."""
    located = Located(value=[])
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    try:
        for row in lines:
            place = Place(file, lines.line_num)
            if header is None:
                header = row
                located.values[()] = place
                if tuple(row) != SITE_COLUMNS:
                    allowed = f"must have the header {','.join(SITE_COLUMNS)}"
                    raise BadInput(allowed, where=str(place), found=",".join(row))
            elif row:
                _add_site(located, row, place)
    except csv.Error as error:
        where = str(Place(file, max(lines.line_num, 1)))
        raise BadInput(f"must be CSV: {error}", where=where) from error
    if header is None:
        raise BadInput(f"must have the header {','.join(SITE_COLUMNS)}", where=file, found="")
    return located


def _add_site(located: Located, row: list[str], place: Place) -> None:
    if len(row) != len(SITE_COLUMNS):
        allowed = f"must have {len(SITE_COLUMNS)} columns: {', '.join(SITE_COLUMNS)}"
        located.faults.append(BadInput(allowed, where=str(place), found=f"{len(row)} columns"))
        return
    position = len(located.value)
    located.value.append(dict(zip(SITE_COLUMNS, row, strict=True)))
    located.values[(position,)] = place
    for column in SITE_COLUMNS:
        located.values[(position, column)] = place
