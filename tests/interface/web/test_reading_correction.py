"""A reading corrected in its table: what changes together, who may, two authors on one reading."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.harness.hospital_reads import at_baseline, hospital_study, read
from tests.harness.web import Web, hidden, text, web

NUMBER = "X01-001"


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A subject whom the hospital has read twice: 115 mm, then 80 mm with T2 in two pieces."""
    with web(tmp_path_factory.mktemp("correction"), hospital_study(), behind=120) as served:
        trial = served.trial
        trial.act("SubjectScreened", {}, subject=NUMBER)
        consent = {"consent": "participation", "version": "1"}
        trial.act("ConsentSigned", consent, subject=NUMBER)
        at_baseline(trial, NUMBER, day=trial.today.isoformat())
        trial.wait(60)
        pieces = [{"fragment": f"T2.{n}", "lesion": "T2", "state": "measured", "diameter": size}
                  for n, size in enumerate(("12", "8"), 1)]  # fmt: skip
        sizes = {"T1": "20", "T3": "12", "T4": "8", "T5": "20"}
        split = [{"lesion": e, "state": "measured", "diameter": s} for e, s in sizes.items()]
        split.insert(1, {"lesion": "T2", "state": "split"})
        read(trial, NUMBER, {}, day=trial.today.isoformat(), name="A1", targets=split,
             fragments=pieces, non_targets=[{"lesion": "N1", "state": "present"}])  # fmt: skip
        yield served


def address(site: Web) -> str:
    *_, last = site.trial.log.read(subject=NUMBER, types={"TumourAssessed"})
    return f"/subjects/{NUMBER}/assessments/{last.seq}/correct/"


def standing(page: str) -> dict[str, str]:
    """What a browser would send of the table as it stands."""
    main = page[page.index("<main") :]
    found = hidden(page)
    for name, value in re.findall(
        r'<input[^>]*name="((?:size|short)[^"]*)"[^>]*?value="([^"]*)"', main
    ):
        found[name] = value
    for tag in re.findall(r'<input[^>]*name="(?:size|short)[^>]*>', main):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            found[name[1]] = value[1] if value else ""
    for name, options in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', main, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found


def corrected(site: Web, changes: dict[str, str], role: str = "nurse") -> list[tuple[str, str]]:
    place, browser = address(site), site.client(role)
    sent = {**standing(browser.get(place).content.decode()), "reason": "wrong series", **changes}
    before = site.trial.log.head().seq
    answer = browser.post(place, sent)
    assert answer.status_code == 302, text(answer)
    events = [e for e in site.trial.log.read(after=before) if e.type == "Corrected"]
    bodies = [json.loads(event.body) for event in events]
    assert {event.reason for event in events} == {"wrong series"}
    return [(body["item"], body["new"]) for body in bodies]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"size-T1": "21"}, [("targets/T1/diameter", '"21"')]),
        ({"size-T3": "a"}, [("targets/T3/state", '"absent"'), ("targets/T3/diameter", None)]),
        ({"size-T2": "12 + 9,5"}, [("fragments/T2.2/diameter", '"9.5"')]),
        ({"state-N1": "absent"}, [("non_targets/N1/state", '"absent"')]),
        (
            {"size-T4": "", "state-T4": "not_evaluated:not_done"},
            [("targets/T4/state", '"not_evaluated"'), ("targets/T4/diameter", None)],
        ),
        (
            {"size-T1": "19", "size-T5": "22"},
            [("targets/T1/diameter", '"19"'), ("targets/T5/diameter", '"22"')],
        ),
    ],
)
@pytest.mark.requirement("AT3")
def test_what_differs_is_corrected_and_nothing_else(
    site: Web, changes: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert corrected(site, changes) == expected


def test_without_a_difference_or_a_reason_nothing_is_recorded(site: Web) -> None:
    place, browser = address(site), site.client("investigator")
    sent = standing(browser.get(place).content.decode())
    assert sent["size-T2"] == "12 + 8" and sent["state-N1"] == "present"
    before = site.trial.log.head().seq
    same = browser.post(place, {**sent, "reason": "no reason"})
    assert same.status_code == 422 and "Nothing differs" in text(same)
    assert browser.post(place, {**sent, "size-T1": "21"}).status_code == 422
    gone = browser.post(place, {**sent, "size-T2": "20", "reason": "one piece"})
    assert gone.status_code == 422 and "no piece comes or goes" in text(gone)
    assert site.trial.log.head().seq == before


def test_the_rules_speak_of_a_correction_while_it_is_typed(site: Web) -> None:
    """80 mm of 115 are a partial response; 81 mm are not (-29.6 %)."""
    place, browser = address(site), site.client("nurse")
    sent = standing(browser.get(place).content.decode())
    assert "PR" in text(browser.post(f"{place}check/", sent))
    said = text(browser.post(f"{place}check/", {**sent, "size-T1": "21"}))
    assert "81 mm" in said and "−29.5 %" in said and "SD" in said


def test_who_corrects_what_another_changed_meanwhile_is_told(site: Web) -> None:
    place, browser = address(site), site.client("nurse")
    sent = {**standing(browser.get(place).content.decode()), "reason": "typed wrong"}
    corrected(site, {"size-T1": "23"}, "investigator")
    answer = browser.post(place, {**sent, "size-T1": "21"})
    assert answer.status_code == 409 and 'value="21"' in answer.content.decode()


@pytest.mark.requirement("CO1", "BM1")
def test_nobody_else_corrects_a_reading(site: Web) -> None:
    place = address(site)
    assert site.client("reader").get(place).status_code == 404
    for role in ("data_manager", "monitor", "pharmacist", "laboratory"):
        assert site.client(role).get(place).status_code == 403
