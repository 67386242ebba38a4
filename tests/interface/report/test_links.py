"""Every number of the report leads to the events behind it, and these are of the right types."""

from __future__ import annotations

import datetime
import re
from html import unescape

import polars as pl
import pytest

from equipoise.analysis.run import run
from equipoise.record.rule import Tables
from equipoise.report.provenance import EVENT_COLUMNS, RecordFacts
from equipoise.report.report import report
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.catalogue import EVENTS
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import scenario_of

FACTS = RecordFacts(
    trial="links", release="9.9", mode="rehearsal", scenario="planning", seed=7, as_of=99999,
    head="ab" * 32, recorded="2026-11-23T03:22:55.123456Z", events=99999,
)  # fmt: skip
BY_ROW = ("listing",)
"""Tables of words: the heading of each row leads to its events."""
NO_COUNTS = ("wording", "register")


def summary(tables: Tables) -> pl.DataFrame:
    """Every event of a rehearsal with its type; what changed a row later is a correction."""
    rows: dict[int, tuple[int, str, str, str]] = {}
    for cls in EVENTS:
        for event, seq, day in tables[cls.TABLE].select("event", "seq", "occurred").iter_rows():
            rows[event] = (event, cls.TYPE, str(day), f"{event:064x}")
            rows.setdefault(seq, (seq, "Corrected", str(day), f"{seq:064x}"))
    return pl.DataFrame(sorted(rows.values()), schema=EVENT_COLUMNS, orient="row")


def made(name: str, size: int) -> tuple[str, Tables]:
    study = load_study(name)
    found = rehearsed([Version(0, study)], scenario_of(name, "planning", size), 6, [0])
    tables = derive(found.tables, study)
    return report(study, tables, run(tables, study), summary(tables), FACTS), tables


@pytest.fixture(scope="module", params=["mgmt-net", "lung-tmb"])
def trial(request: pytest.FixtureRequest) -> tuple[str, Tables]:
    return made(request.param, 24)


def text_of(markup: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", markup)).strip()


def unlinked(markup: str) -> str:
    """What stands outside links and small print."""
    return text_of(re.sub(r"<a [^>]*>.*?</a>|<small.*?</small>", "", markup, flags=re.S))


def is_number(text: str) -> bool:
    """A number above nought: no events lie behind a nought."""
    return bool(re.search(r"\d", text)) and not re.fullmatch(r"0( \(0%\))?|0/0", text)


def test_every_number_of_a_table_is_a_link(trial: tuple[str, Tables]) -> None:
    page, _ = trial
    tables = re.findall(r'<table class="([^"]*)">(.*?)</table>', page, flags=re.S)
    cells = 0
    for kind, body in tables:
        kinds = kind.split()
        if set(kinds) & set(BY_ROW):
            rows = re.findall(r"<th scope=\"row\">(.*?)</th>", body, flags=re.S)
            assert all("<a " in row for row in rows), body[:300]
        elif not set(kinds) & set(NO_COUNTS):
            found = re.findall(r"<td[^>]*>(.*?)</td>", body, flags=re.S)
            cells += len(found)
            assert [text for text in map(unlinked, found) if is_number(text)] == []
    assert cells > 400


def test_every_number_of_a_heading_or_a_box_is_a_link(trial: tuple[str, Tables]) -> None:
    page, _ = trial
    notes = re.findall(r"<small>((?:(?!</small>).)*n = (?:(?!</small>).)*)</small>", page)
    assert notes and all("<a " in note for note in notes if "n = 0" not in text_of(note))
    drawings = re.findall(r'<svg class="drawing".*?</svg>', page, flags=re.S)
    assert len(drawings) == 2
    for drawing in drawings:
        linked = re.sub(r"<a [^>]*><text.*?</text></a>", "", drawing, flags=re.S)
        bare = [text_of(each) for each in re.findall(r"<text.*?</text>", linked, flags=re.S)]
        assert not [text for text in bare if re.search(r"(: |n = )[1-9]", text)]


def listed(page: str, leads: str) -> dict[str, int]:
    """Types and numbers of events in the list that the first link with this text leads to."""
    name = re.search(rf'<a [^>]*href="#([^"]+)">(?:<text[^>]*>)?{re.escape(leads)}<', page)
    assert name, leads
    return types(page, name[1])


def row_link(page: str, section: str, heading: str, place: int) -> str:
    """Where a cell of a row leads, by the section, the row's heading and the column."""
    part = page[page.index(f'<section id="{section}">') :]
    row = re.search(rf">{re.escape(heading)}</th>(.*?)</tr>", part, flags=re.S)
    assert row
    cell = re.findall(r"<td[^>]*>(.*?)</td>", row[1], flags=re.S)[place]
    found = re.search(r'href="#([^"]+)"', cell)
    assert found, cell
    return found[1]


def types(page: str, name: str) -> dict[str, int]:
    """Types of a list with the number of their events."""
    body = re.search(rf'<div class="sources" id="{name}">.*?</div>', page, flags=re.S)
    assert body
    return {kind: int(size) for kind, size in re.findall(r"(\w+) \((\d+)\) <a", body[0])}


def test_lists_hold_the_events_that_make_their_number(trial: tuple[str, Tables]) -> None:
    page, tables = trial
    screened, randomised = len(tables["subject_screened"]), len(tables["randomised"])
    assert listed(page, f"Screened (n = {screened})") == {"SubjectScreened": screened}
    assert listed(page, f"Randomised (n = {randomised})") == {"Randomised": randomised}
    sex = types(page, row_link(page, "baseline", "Female", -1))
    women = tables["allocation"].join(tables["subject_item"], on="subject")
    women = women.filter(pl.col("sex").is_in(["F", "FEMALE"]))
    assert sex["Randomised"] == len(women) and set(sex) <= {"Randomised", "FormSaved", "Corrected"}
    harm = types(page, row_link(page, "safety", "Any adverse event", 0))
    assert harm["AdverseEventReported"] > 0
    arms = tables["allocation"].select("subject", "arm")
    cycles = tables["cycle_started"].join(arms, on="subject")
    first = page[page.index('<section id="treatment">') :]
    first = first[first.index('<tr class="level">') :]
    cell = re.findall(r'<td[^>]*><a class="n" href="#([^"]+)">(\d+)</a>', first)[1]
    assert types(page, cell[0]) == {"CycleStarted": int(cell[1])}
    assert int(cell[1]) <= len(cycles)
    tested = re.search(r'href="#([^"]+)"><text[^>]*>Tested: (\d+) of', page)
    assert tested
    kinds = types(page, tested[1])
    assert kinds["AssayResultRecorded"] >= int(tested[2])


def test_every_event_of_a_list_is_in_the_register(trial: tuple[str, Tables]) -> None:
    page, _ = trial
    assert "not among the events read" not in page
    register = {int(seq) for seq in re.findall(r'<tr id="e(\d+)">', page)}
    for first, last in re.findall(r'<a href="#e(\d+)">\d+(?:–(\d+))?</a>', page):
        assert register.issuperset(range(int(first), int(last or first) + 1))


def test_a_report_of_a_day_without_patients_is_whole() -> None:
    study = load_study("lung-tmb")
    found = rehearsed([Version(0, study)], scenario_of("lung-tmb", "planning", 4), 6, [0])
    nothing = {name: frame.clear() for name, frame in found.tables.items()}
    tables = derive(nothing, study)
    page = report(study, tables, run(tables, study, cut=datetime.date(2020, 1, 1)),
                  summary(tables), FACTS)  # fmt: skip
    assert "Screened (n = 0)" in page and "None was found by the rules" in page
