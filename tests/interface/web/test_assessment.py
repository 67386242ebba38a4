"""The lesion table: what is typed, what the rules say of it, what is recorded, who sees it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.hospital_reads import LESIONS, at_baseline, hospital_study, read
from tests.harness.web import Web, hidden, text, web

NUMBER = "X01-001"
ADDRESS = f"/subjects/{NUMBER}/assessments/new/"
CHECK = f"/subjects/{NUMBER}/assessments/check/?evaluator=hospital"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Web]:
    """LUNG-TMB with a reading at the hospital, one subject in screening."""
    with web(tmp_path, hospital_study(), behind=120) as served:
        trial = served.trial
        trial.act("SubjectScreened", {}, subject=NUMBER)
        consent = {"consent": "participation", "version": "1"}
        trial.act("ConsentSigned", consent, subject=NUMBER)
        yield served


def day(site: Web, after: int = 0) -> str:
    return (site.trial.today + datetime.timedelta(after)).isoformat()


def sizes(*typed: str) -> dict[str, str]:
    """What was typed into the cells of the five targets, and that the non-target is there."""
    cells = {f"size-{lesion[0]}": each for lesion, each in zip(LESIONS, typed, strict=True)}
    return {**cells, "state-N1": "present"}


def followed(site: Web) -> None:
    """The baseline is read, and the day of the next scan has come."""
    at_baseline(site.trial, NUMBER, day=day(site))
    site.trial.wait(60)


def checked(site: Web, entries: dict[str, str], *, role: str = "nurse") -> str:
    browser = site.client(role)
    page = browser.get(ADDRESS).content.decode()
    asked = {**hidden(page), "occurred": day(site), "visit": "scans", "modality": "ct", **entries}
    answer = browser.post(CHECK, asked)
    assert answer.status_code == 200, text(answer)
    return text(answer)


def recorded(site: Web, *types: str) -> list[dict[str, object]]:
    events = site.trial.log.read(subject=NUMBER, types=set(types) or {"TumourAssessed"})
    return [json.loads(event.body) for event in events]


def baseline_rows() -> dict[str, str]:
    rows = {}
    for place, (lesion, organ, node, size) in enumerate(LESIONS):
        rows |= {
            f"lesion-added-{place}": lesion, f"organ-added-{place}": organ,
            f"size-added-{place}": size, f"role-added-{place}": "target",
        }  # fmt: skip
        if node:
            rows[f"node-added-{place}"] = "on"
    return rows


def test_a_nurse_chooses_five_targets_and_their_baseline_is_recorded(site: Web) -> None:
    head = {"occurred": day(site), "visit": "first_scan", "modality": "ct"}
    answer = site.filled("nurse", ADDRESS, {**head, **baseline_rows()})
    assert answer.status_code == 302, text(answer)
    assert [each["lesion"] for each in recorded(site, "LesionIdentified")] == [
        lesion for lesion, *_ in LESIONS
    ]
    (body,) = recorded(site)
    assert body["baseline"] is True
    assert [(e["lesion"], e["diameter"]) for e in body["targets"]] == [  # type: ignore[attr-defined]
        (lesion, size) for lesion, *_, size in LESIONS
    ]


def test_a_baseline_that_is_sent_twice_is_recorded_once(site: Web) -> None:
    browser = site.client("nurse")
    page = browser.get(ADDRESS).content.decode()
    head = {"occurred": day(site), "visit": "first_scan", "modality": "ct"}
    sent = {**hidden(page), **head, **baseline_rows()}
    assert [browser.post(ADDRESS, sent).status_code for _ in range(2)] == [302, 302]
    assert len(recorded(site, "LesionIdentified")) == 5 and len(recorded(site)) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"organ-added-2": "Liver"}, "at most two target lesions in one organ"),
        ({"size-added-3": "9"}, "measurable from 10 mm"),
        ({"size-added-4": "14.5"}, "measurable from 15 mm"),
    ],
)
def test_the_rules_speak_of_a_choice_while_it_is_made(
    site: Web, change: dict[str, str], told: str
) -> None:
    before = site.trial.log.head().seq
    assert told in checked(site, {**baseline_rows(), **change, "visit": "first_scan"})
    assert site.trial.log.head().seq == before


def test_a_third_target_in_the_liver_is_refused_and_nothing_is_kept(site: Web) -> None:
    head = {"occurred": day(site), "visit": "first_scan", "modality": "ct"}
    rows = {**baseline_rows(), "organ-added-2": "liver, left"}
    answer = site.filled("nurse", ADDRESS, {**head, **rows})
    assert answer.status_code == 422
    told = text(answer)
    assert "two target lesions in one organ" in told and "section 4.2" in told
    assert "identify it as non-target" in told
    assert recorded(site, "LesionIdentified", "TumourAssessed") == []


# Worked by hand: the baseline is 40 + 25 + 18 + 12 + 20 = 115 mm.
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("28,5", "20", "10", "8", "12"), ("78.5 mm", "−31.7 %", "PR", "4.3.1")),
        (("28,6", "20", "12", "8", "12"), ("80.6 mm", "−29.9 %", "SD")),
        (("48", "30", "21", "15", "24"), ("138 mm", "+20.0 %", "+23 mm", "PD")),
        (("T", "a", "a", "a", "9"), ("14 mm", "−87.8 %", "PR")),
        (("a", "a", "a", "a", "9"), ("9 mm", "CR", "short axis below 10 mm")),
        (("20 + 12", "20", "10", "8", "12"), ("82 mm", "−28.6 %", "SD")),
    ],
)  # fmt: skip
def test_sum_change_and_response_appear_while_typing(
    site: Web, typed: tuple[str, ...], told: tuple[str, ...]
) -> None:
    followed(site)
    said = checked(site, sizes(*typed))
    for each in told:
        assert each in said, said


def test_an_entry_that_lacks_is_counted_and_not_recorded_as_not_looked_at(site: Web) -> None:
    followed(site)
    said = checked(site, sizes("28", "20", "", "8", "12"))
    assert "68 mm" in said and "1/5" in said and "Lesions without an entry: 1" in said
    entries = {**sizes("28", "20", "", "8", "12"), "occurred": day(site), "visit": "scans",
               "modality": "ct"}  # fmt: skip
    answer = site.filled("investigator", ADDRESS, entries)
    assert answer.status_code == 422 and "why it was not evaluated" in text(answer)
    assert len(recorded(site)) == 1


def test_states_reasons_pieces_and_new_lesions_are_recorded(site: Web) -> None:
    followed(site)
    entries = {
        **sizes("20,5 + 12", "", "t", "n", "12"), "state-T2": "merged:T1",
        "state-T4": "not_evaluated:not_done", "occurred": day(site), "visit": "scans",
        "modality": "ct", "added-rows": "1", "lesion-added-0": "NEW1", "organ-added-0": "brain",
        "certainty-added-0": "unequivocal",
    }  # fmt: skip
    answer = site.filled("investigator", ADDRESS, entries)
    assert answer.status_code == 302, text(answer)
    body = recorded(site)[-1]
    rows = {each["lesion"]: each for each in body["targets"]}  # type: ignore[attr-defined]
    assert rows["T1"]["state"] == "split" and rows["T2"]["merged_into"] == "T1"
    assert rows["T3"]["state"] == "too_small"
    assert rows["T4"] == {**rows["T4"], "state": "not_evaluated", "diameter_missing": "not_done"}
    pieces = [each["diameter"] for each in body["fragments"]]  # type: ignore[attr-defined]
    assert pieces == ["20.5", "12"]
    assert body["new_lesions"] == [{"lesion": "NEW1", "certainty": "unequivocal"}]
    assert recorded(site, "LesionIdentified")[-1]["role"] == "new"


def test_what_is_no_size_is_told_beside_its_cell_and_what_was_typed_stays(site: Web) -> None:
    followed(site)
    head = {"occurred": day(site), "visit": "scans", "modality": "ct"}
    answer = site.filled("nurse", ADDRESS, {**head, **sizes("big", "20", "10", "8", "12")})
    assert answer.status_code == 422
    assert "Neither a size in mm nor a letter: big" in text(answer)
    assert 'value="big"' in answer.content.decode()


def test_a_lesion_treated_locally_is_named_and_no_longer_counts(site: Web) -> None:
    followed(site)
    body = {"entry": "P1", "procedure": "ablation", "lesion": "T1", "evaluator": "hospital"}
    site.trial.act("ProcedureRecorded", body, subject=NUMBER, occurred=day(site, -10))
    page = text(site.client("nurse").get(ADDRESS))
    assert "Ablation" in page
    said = checked(site, sizes("5", "20", "10", "8", "12"))
    assert "50 mm" in said and "1/5" in said and "NE" in said


@pytest.mark.requirement("CO1")
def test_a_hospital_reads_for_itself_and_the_sponsor_for_nobody(site: Web) -> None:
    assert site.client("nurse").get(f"{ADDRESS}?evaluator=committee").status_code == 404
    for role in ("data_manager", "monitor", "pharmacist", "laboratory"):
        assert site.client(role).get(ADDRESS).status_code == 403


@pytest.mark.requirement("BM1", "AT6")
def test_a_central_reader_sees_the_own_reading_and_no_other(site: Web) -> None:
    followed(site)
    read(site.trial, NUMBER, {"T1": "77"}, day=day(site), name="A1")
    readings = {"LesionIdentified", "TumourAssessed"}
    seqs = [e.seq for e in site.trial.log.read(subject=NUMBER, types=readings)]
    browser = site.client("reader")
    queue = text(browser.get("/readings/"))
    assert NUMBER in queue and day(site) in queue
    page = browser.get(f"{ADDRESS}?evaluator=committee")
    assert page.status_code == 200 and "77" not in text(page) and "T2" not in text(page)
    for address in (f"/subjects/{NUMBER}/", f"/subjects/{NUMBER}/entries/"):
        assert "event-" + str(seqs[-1]) not in browser.get(address).content.decode()
    for seq in seqs:
        assert browser.get(f"/subjects/{NUMBER}/entries/{seq}/").status_code == 404
    assert browser.get(f"{ADDRESS}?evaluator=hospital").status_code == 404


@pytest.mark.requirement("BM1")
def test_who_has_read_for_one_blinded_evaluator_does_not_see_the_other(site: Web) -> None:
    at_baseline(site.trial, NUMBER, day=day(site), evaluator="committee", role="reader")
    browser = site.client("reader")
    assert browser.get(f"{ADDRESS}?evaluator=committee").status_code == 200
    assert browser.get(f"{ADDRESS}?evaluator=independent").status_code == 404
    own = [e.seq for e in site.trial.log.read(subject=NUMBER, types={"TumourAssessed"})]
    assert browser.get(f"/subjects/{NUMBER}/entries/{own[0]}/").status_code == 200


@pytest.mark.requirement("BM1")
def test_what_another_reader_reads_for_is_neither_offered_nor_shown(site: Web) -> None:
    other: dict[str, str] = {"role": "reader", "actor": "reader-2"}
    grant = {"person": "reader-2", "granted_role": "reader"}
    site.trial.act("GrantGiven", grant, "administrator")
    body = {"lesion": "T1", "evaluator": "committee", "role": "target", "organ": "liver",
            "node": False}  # fmt: skip
    site.trial.act("LesionIdentified", body, subject=NUMBER, occurred=day(site), **other)
    browser = site.client("reader")
    assert browser.get(f"{ADDRESS}?evaluator=committee").status_code == 404
    page = browser.get(ADDRESS)
    assert page.status_code == 200 and "size-T1" not in page.content.decode()


def test_the_pages_speak_french(site: Web) -> None:
    followed(site)
    browser = site.client("investigator", language="fr")
    page = text(browser.get(ADDRESS))
    assert "Lésions cibles" in page and "Enregistrer l’évaluation" in page
    said = checked(site, sizes("28,5", "20", "10", "p", "12"), role="investigator")
    assert "75,5 mm" in said and "réponse partielle" in said and "−34,3 %" in said
