"""Consent, withdrawal and partly known dates from two programmers, over random cases.

Compared: what a withdrawal closes and until when; which first consent, which new text of one and
which consent to samples is missing; the days that a partly known date can mean, and which stands
for it.
"""

from __future__ import annotations

import datetime
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from equipoise.record.partial_date import (
    Imputation,
    earliest_day,
    imputation_flag,
    imputed_day,
    latest_day,
)
from equipoise.record.plan import Label
from equipoise.visits import consent, participation, reconsent
from equipoise.visits.consent import Procedure
from equipoise.visits.participation import Withdrawal
from equipoise.visits.plan import Consent, StandardOfCare
from equipoise.visits.reconsent import InForce
from tests.second_programming import partial_dates_again as dates
from tests.second_programming import participation_again as again
from tests.second_programming.lesion_histories import day_of

CASES = 4000
KINDS = ("TreatmentDiscontinued", "VisitsDiscontinued", "LostToFollowUp", "ConsentWithdrawn")


def _day(draw: random.Random, partial: float = 0.0) -> str:
    day = day_of(draw.choice((0, 1, 2, 3, 30, 31, 300)))
    return draw.choice((f"{day:%Y}", f"{day:%Y-%m}")) if draw.random() < partial else str(day)


@pytest.mark.requirement("CN1")
def test_what_a_withdrawal_closes() -> None:
    draw = random.Random(1)
    seen: Counter[str | None] = Counter()
    for _ in range(CASES):
        action = draw.choice(sorted(again.SETTLED))
        withdrawals = [
            Withdrawal(kind, _day(draw), draw.random() < 0.5)
            for kind in draw.sample(KINDS, draw.randrange(4))
        ]
        reached = [_day(draw) for _ in range(draw.choice((0, 0, 1, 2)))]
        day = _day(draw, 0.4 if action == "DeathRecorded" else 0)
        case = action, day, withdrawals, reached
        found = participation.closed_by(*case)
        assert found == again.closed_by(*case), case
        seen[found and found.kind] += 1
    assert min(seen[each] for each in (None, *KINDS)) > CASES // 200, seen


def _consents(draw: random.Random) -> list[Consent]:
    return [
        Consent(
            code=code, label=Label(en=code), version="1",
            required_for_randomisation=draw.random() < 0.5,
            samples=tuple(draw.sample(("ffpe", "frozen", "blood"), draw.randrange(3))),
        )
        for code in ("main", "tissue", "germline")[: draw.choice((1, 2, 3))]
    ]  # fmt: skip


def _procedure(draw: random.Random) -> Procedure:
    action = draw.choice(sorted(again.PROCEDURES))
    return {
        "FormSaved": Procedure(action, form=draw.choice(("tumour", "quality"))),
        "VisitRecorded": Procedure(action, visit=draw.choice(("entry", "cycle"))),
        "SampleCollected": Procedure(action, material=draw.choice(("ffpe", "frozen", "blood"))),
        "TumourAssessed": Procedure(action, baseline=draw.random() < 0.5),
    }.get(action, Procedure(action))


@pytest.mark.requirement("CN1")
def test_first_consents() -> None:
    draw = random.Random(2)
    seen: Counter[bool] = Counter()
    for _ in range(CASES):
        consents = _consents(draw)
        declared = StandardOfCare(
            forms=("tumour",), visits=("entry",), materials=draw.choice(((), ("ffpe",))),
            imaging=draw.random() < 0.5, laboratory=draw.random() < 0.5,
        )  # fmt: skip
        signed = {each.code: _day(draw) for each in consents if draw.random() < 0.7}
        case = _procedure(draw), _day(draw, 0.3), signed, consents, declared
        found = consent.first_consent_due(*case)
        assert found == again.first_consent_due(*case), case
        seen[found is None] += 1
    assert min(seen.values()) > CASES // 5, seen


@pytest.mark.requirement("CN1")
def test_samples_under_a_withdrawn_consent() -> None:
    draw = random.Random(3)
    seen: Counter[bool] = Counter()
    for _ in range(CASES):
        consents = _consents(draw)
        withdrawn = {each.code: _day(draw) for each in consents if draw.random() < 0.6}
        action = draw.choice((*sorted(again.SAMPLE_WORK), "SampleCollected", "SampleReceived"))
        case = action, _day(draw, 0.2), draw.choice(("ffpe", "blood")), withdrawn, consents
        found = consent.samples_closed_by(*case)
        assert found == again.samples_closed_by(*case), case
        seen[found is None] += 1
    assert min(seen.values()) > CASES // 10, seen


def _versions(draw: random.Random) -> Iterator[InForce]:
    """Study versions in time; each may bring a new text, another consent, or nothing."""
    required, since = {"main": "1"}, day_of(0)
    for _ in range(draw.choice((1, 2, 3, 4))):
        yield InForce(since, dict(required))
        since += datetime.timedelta(days=draw.choice((0, 1, 1, 2)))
        if draw.random() < 0.7:
            required["main"] = str(int(required["main"]) + 1)
        if draw.random() < 0.3:
            required["tissue"] = str(int(required.get("tissue", "0")) + 1)


@pytest.mark.requirement("CN1")
def test_a_new_text_is_signed() -> None:
    draw = random.Random(4)
    seen: Counter[bool] = Counter()
    for _ in range(CASES):
        history = list(_versions(draw))
        texts = sorted({text for each in history for text in each.required.items()})
        signed = {text for text in texts if draw.random() < 0.4}
        day = day_of(draw.choice((-1, 0, 1, 2, 3, 4)))
        found = reconsent.consent_due(history, signed, day)
        assert found == again.consent_due(history, signed, day), (history, signed, day)
        seen[found is None] += 1
    assert min(seen.values()) > CASES // 10, seen


@pytest.mark.requirement("DT1")
@pytest.mark.parametrize("method", ["none", "earliest", "middle", "latest"])
def test_partly_known_dates(method: Any) -> None:
    draw = random.Random(method)
    rows = []
    for _ in range(CASES):
        day = day_of(draw.randrange(-400, 800))
        texts = (f"{day:%Y}", f"{day:%Y-%m}", "date unknown", None)
        low = day_of(draw.randrange(-400, 800)) if draw.random() < 0.6 else None
        high = None
        if draw.random() < 0.6:
            high = (low or day_of(-400)) + datetime.timedelta(days=draw.randrange(400))
        complete = day if draw.random() < 0.2 else None
        text = None if complete else draw.choice(texts)
        rows.append({"day": complete, "text": text, "low": low, "high": high})
    schema = {"day": pl.Date, "text": pl.String, "low": pl.Date, "high": pl.Date}
    day, text = pl.col("day"), pl.col("text")
    found = pl.DataFrame(rows, schema=schema).select(
        earliest=earliest_day(day, text),
        latest=latest_day(day, text),
        flag=imputation_flag(day, text),
        free=imputed_day(day, text, Imputation(method=method)),
        put=imputed_day(
            day, text, Imputation(method=method), not_before=pl.col("low"), not_after=pl.col("high")
        ),
    )
    for row, product in zip(rows, found.to_dicts(), strict=True):
        assert product == {
            "earliest": dates.earliest(row["day"], row["text"]),
            "latest": dates.latest(row["day"], row["text"]),
            "flag": dates.flag(row["day"], row["text"]),
            "free": dates.imputed(row["day"], row["text"], method),
            "put": dates.imputed(row["day"], row["text"], method, row["low"], row["high"]),
        }, row
