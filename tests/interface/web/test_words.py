"""Every word of every page exists in English and in French."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import equipoise.web
from equipoise.record.declaration import columns
from equipoise.record.event import Body
from equipoise.study.access import ROLES
from equipoise.study.catalogue import ACTIONS, EVENTS
from equipoise.web.forms.fields import MISSING, literal_values
from equipoise.web.wording import wording

WEB = Path(equipoise.web.__file__).parent


def classes(roots: Iterator[type[Body]] | list[type[Body]]) -> Iterator[type[Body]]:
    for cls in roots:
        yield cls
        yield from classes([each.child for each in columns(cls) if each.child is not None])


def test_each_action_event_role_item_and_code_has_its_name_in_both_languages() -> None:
    words = wording("en")
    wanted = {f"action.{name}" for name in ACTIONS} | {f"event.{cls.TYPE}" for cls in EVENTS}
    wanted |= {f"role.{role}" for role in ROLES} | {f"missing.{each}" for each in MISSING}
    for cls in classes([*ACTIONS.values(), *EVENTS]):
        for column in columns(cls):
            if column.name.endswith("_missing"):
                continue
            wanted.add(f"field.{column.name}")
            for value in literal_values(cls.model_fields[column.name].annotation):
                wanted.add(f"code.{value}")
    assert sorted(wanted - set(words)) == []


def test_what_templates_and_pages_say_is_written_down() -> None:
    words, unknown = wording("en"), []
    for file in [*WEB.rglob("*.html"), *WEB.rglob("*.py")]:
        text = file.read_text(encoding="utf-8")
        said = re.findall(r"""\{% say ["']([a-z_.A-Z]+)["'] %\}""", text)
        said += re.findall(r"""words\["([a-z_.A-Z]+)"\]""", text)
        unknown += [(file.name, key) for key in said if key not in words]
    assert unknown == []


def test_every_row_has_both_languages_once_and_no_key_stands_in_two_files() -> None:
    seen: dict[str, str] = {}
    for file in sorted((WEB / "words").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                key = row["key"]
                assert key not in seen, f"{key} stands in {seen[key]} and {file.name}"
                seen[key] = file.name
                assert row["en"] and row["fr"] and None not in row, (file.name, key)
