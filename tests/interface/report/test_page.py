"""The rendered report: self-contained, the same bytes each time, readable by everybody."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.analysis.run import run
from equipoise.report.provenance import EVENT_COLUMNS, RecordFacts
from equipoise.report.report import BANNER, report
from equipoise.study.definition import Study
from tests.harness.hand_made import Subject, Trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, study
from tests.harness.page import Page

FACTS = RecordFacts(
    trial="hand-made",
    release="9.9",
    mode="rehearsal",
    scenario="planning",
    seed=7,
    as_of=999,
    head="ab" * 32,
    recorded="2026-11-23T03:22:55.123456Z",
    events=999,
    cut=datetime.date(2025, 1, 1),
)


def people(design: Any) -> list[Subject]:
    statuses, arms = list(design[0]), list(design[1])
    return [
        Subject(
            f"S{place:03}",
            status=statuses[place % len(statuses)],
            redetermined=statuses[place % 2],
            arm=arms[place // 3 % len(arms)] if place % 11 else None,
            failure=None if place % 11 else "declined",
            first_dose=1 if place % 11 else None,
            response="PR" if place % len(statuses) == 0 else "SD",
            best="PR" if place % 4 else "NE",
            progression=30 + 5 * place if place % 3 else None,
            assessed=30 + 5 * place,
            events=(("Nausea", 1 + place % 5), ("Fatigue", 2)),
            items={"age": 40 + place, "sex": "FM"[place % 2]},
        )
        for place in range(66)
    ]


def page_of(
    design: Any = TWO_BY_TWO, facts: RecordFacts = FACTS, whole: Study | None = None
) -> str:
    made, whole = Trial(), whole or study(design)
    for subject in people(design):
        made.add(subject)
    tables = made.tables()
    events = [
        (row["seq"], name, str(row["occurred"]), f"{row['seq']:064x}")
        for name, rows in made.rows.items()
        for row in rows
        if "event" in row and "seq" in row
    ]
    summary = pl.DataFrame(sorted(events), schema=EVENT_COLUMNS, orient="row")
    return report(whole, tables, run(tables, whole), summary, facts)


TEXTS = {"two": page_of(), "three": page_of(THREE_BY_THREE)}
PAGES = {name: Page(text) for name, text in TEXTS.items()}


@pytest.fixture(params=list(PAGES))
def page(request: pytest.FixtureRequest) -> Page:
    return PAGES[request.param]


def test_the_page_is_whole(page: Page) -> None:
    assert page.unbalanced == []
    assert page.of("html") == [{"lang": "en-GB"}]
    assert len(page.of("h1")) == 1 and len(page.of("main")) == 1


def test_nothing_is_fetched_from_anywhere() -> None:
    for name, text in TEXTS.items():
        page = PAGES[name]
        assert not any(page.of(tag) for tag in ("script", "link", "img", "iframe", "object"))
        assert "@import" not in text and not re.search(r"url\((?!#)", text)
        addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_every_link_leads_somewhere_and_every_identifier_is_given_once(page: Page) -> None:
    given = page.identifiers()
    assert [name for name, times in given.items() if times > 1] == []
    targets = {attributes["href"] or "" for attributes in page.of("a")}
    assert all(target.startswith("#") and target[1:] in given for target in targets)
    used = {attributes.get("xlink:href") or "" for attributes in page.of("use")}
    assert all(target[1:] in given for target in used)
    references = set(
        re.findall(r"url\(#([^)]+)\)", TEXTS["two" if page is PAGES["two"] else "three"])
    )
    assert references <= set(given)


def test_headings_step_down_one_by_one(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_every_table_has_a_caption_and_every_heading_a_scope(page: Page) -> None:
    assert len(page.of("caption")) == len(page.of("table")) > 8
    scopes = [attributes.get("scope") for attributes in page.of("th")]
    assert set(scopes) <= {"col", "colgroup", "row", "rowgroup"}


def test_every_figure_has_a_text_alternative(page: Page) -> None:
    figures = page.of("svg")
    assert len(figures) == 4
    given = page.identifiers()
    for figure in figures:
        assert figure["role"] == "group"
        names = (figure["aria-labelledby"] or "").split()
        assert len(names) == 2 and all(name in given for name in names)
    assert any("median" in text and "subjects" in text for text in page.text("desc"))


@pytest.mark.requirement("SY1")
def test_a_rehearsal_says_so_on_screen_on_every_printed_page_and_in_the_title(page: Page) -> None:
    assert BANNER in page.text("strong")
    assert BANNER in page.text("title")[0]
    style = "".join(page.text("style"))
    printed = style[style.index("@media print") :]
    assert ".rehearsal .banner { display: table-header-group" in printed
    assert page.of("body") == [{"class": "rehearsal"}]


@pytest.mark.requirement("SY1")
def test_a_live_trial_carries_no_banner() -> None:
    live = dataclasses.replace(FACTS, mode="live", scenario=None, seed=None)
    text = page_of(facts=live)
    assert BANNER not in text and Page(text).of("body") == [{}]


@pytest.mark.requirement("ES1")
def test_every_analysis_leads_to_its_estimand(page: Page) -> None:
    whole = study(TWO_BY_TWO if page is PAGES["two"] else THREE_BY_THREE)
    given = page.identifiers()
    for estimand in whole.analysis.estimands:
        assert f"estimand-{estimand.code}" in given
    links = {attributes["href"] for attributes in page.of("a")}
    assert {f"#estimand-{each.estimand}" for each in whole.analysis.analyses} <= links


def test_every_number_of_the_analyses_leads_to_the_events_behind_it() -> None:
    text = TEXTS["two"]
    table = text[text.index('<table class="analyses">') :]
    table = table[: table.index("</table>")]
    bare = re.sub(r"<a [^>]*>.*?</a>|<th[^>]*>.*?</th>|<small.*?</small>|<[^>]+>", "", table)
    assert not re.search(r"\d", bare)
    lists = set(re.findall(r'href="#(sources-\d+)"', table))
    assert lists == {name for name in PAGES["two"].identifiers() if name.startswith("sources-")}


def test_the_register_holds_seq_type_date_and_hash_but_no_body() -> None:
    text = TEXTS["two"]
    register = text[text.index('<table class="register">') :]
    row = re.findall(r'<tr id="e(\d+)">(.*?)</tr>', register)[0]
    cells = re.findall(r">([^<>]+)</(?:th|td|code)>", row[1])
    assert cells[0] == row[0] and len(cells) == 4 and len(cells[3]) == 12
    listed = re.findall(r'<a href="#e(\d+)">', text)
    assert set(listed) == set(re.findall(r'<tr id="e(\d+)">', register))


def test_a_small_p_is_a_bound_with_the_whole_value_in_its_title() -> None:
    assert re.search(r'title="(0\.000\d+|\d\.\d+e-\d+)">&lt;0\.001</a>', TEXTS["two"])


def test_what_the_study_file_says_is_text_never_markup() -> None:
    whole = study(TWO_BY_TWO)
    evil = whole.registration.model_copy(update={"official_title": "<script>alert(1)</script>"})
    page = Page(page_of(whole=whole.model_copy(update={"registration": evil})))
    assert page.of("script") == []
    assert "<script>alert(1)</script>" in page.text("p")


def test_a_record_that_does_not_verify_says_what_was_found() -> None:
    broken = dataclasses.replace(FACTS, findings=("event 7: altered: it was",))
    text = page_of(facts=broken)
    assert "The record does not verify." in text and "event 7: altered: it was" in text
    assert "without a finding" not in text


def test_what_a_scenario_takes_of_those_screened_stands_under_the_flow() -> None:
    assumed = (("enrolment", "All 11 are taken as failures."), ("survival", "Ours."))
    text = page_of(facts=dataclasses.replace(FACTS, assumed=assumed))
    under = text[text.index('<section id="flow">') :]
    under = under[under.index("<figcaption>") : under.index("</figcaption>")]
    assert "Assumption of the scenario:" in under and "All 11 are taken as failures." in under
    listed = text[text.index('<section id="assumptions">') : text.index('<section id="record">')]
    assert all(reason in listed and f"<code>{path}</code>" in listed for path, reason in assumed)
    assert "Assumptions of the scenario" not in TEXTS["two"]


@pytest.mark.requirement("CO4")
def test_another_process_writes_the_same_bytes() -> None:
    script = (
        "import hashlib\n"
        "from tests.interface.report.test_page import page_of\n"
        "print(hashlib.sha256(page_of().encode()).hexdigest())"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONHASHSEED": "5"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == hashlib.sha256(TEXTS["two"].encode()).hexdigest()
