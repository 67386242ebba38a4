"""Eligibility for MGMT-NET programmed a second time, person by person, in three-valued logic."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.eligibility.rules import criterion_verdict, eligibility
from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.load import load_study
from equipoise.visits.subject_item import item_type, items_of

STUDY = load_study("mgmt-net")
TYPES = {item.code: item_type(item) for item in items_of(STUDY.visits)}
TYPES |= {"consent_main": pl.Boolean(), "consent_main_date": pl.Date()}
TYPES |= {"screening_date": pl.Date(), "treatment_start_date": pl.Date()}
DAY = datetime.date(2024, 1, 1)
UNDECIDED = empty_tables(CATALOGUE)
"""Nobody's entry is decided yet, so that no answer is too old."""

Verdict = bool | None
Person = dict[str, Any]


def both(*parts: Verdict) -> Verdict:
    """False as soon as one is false, else unknown while one is unknown."""
    return False if False in parts else None if None in parts else True


def either(*parts: Verdict) -> Verdict:
    return True if True in parts else None if None in parts else False


def opposite(part: Verdict) -> Verdict:
    return None if part is None else not part


def known(value: Any, judge: Callable[[Any], bool]) -> Verdict:
    return None if value is None else judge(value)


def days_before(person: Person) -> int | None:
    scan, start = person["baseline_imaging_date"], person["treatment_start_date"]
    return None if scan is None or start is None else (start - scan).days


def consented_in_time(person: Person) -> Verdict:
    signed, screened = person["consent_main_date"], person["screening_date"]
    return None if signed is None or screened is None else signed <= screened


EXCLUDED: dict[str, Callable[[Person], Verdict]] = {
    "E1": lambda p: either(p["prior_oxaliplatin"], p["prior_alkylating_agent"]),
    "E2": lambda p: either(
        known(p["pregnancy_test"], lambda v: v == "POSITIVE"), p["breastfeeding"]
    ),
    "E3": lambda p: both(p["childbearing_potential"], opposite(p["effective_contraception"])),
    "E4": lambda p: either(p["contraindication"], known(p["uracilaemia"], lambda v: v >= 150)),
    "E5": lambda p: p["significant_disease"],
    "E6": lambda p: p["legal_supervision"],
}
INCLUDED: dict[str, Callable[[Person], Verdict]] = {
    "I1": lambda p: known(p["age"], lambda v: v >= 18),
    "I2": lambda p: both(
        known(p["differentiation"], lambda v: v == "WELL"),
        known(p["grade"], lambda v: v in ("G1", "G2", "G3")),
        known(p["stage"], lambda v: v != "LOCALISED"),
        known(p["primary_site"], lambda v: v != "OTHER"),
        opposite(p["curable_by_surgery"]),
    ),
    "I3": lambda p: p["measurable_disease"],
    "I4": lambda p: p["tumour_board_indication"],
    "I5": lambda p: both(
        p["contrast_agent"],
        known(p["imaging_modality"], lambda v: v != "OTHER"),
        known(days_before(p), lambda v: 0 <= v <= 35),
    ),
    "I6": lambda p: p["tumour_tissue_available"],
    "I7": lambda p: either(opposite(p["childbearing_potential"]), p["effective_contraception"]),
    "I8": lambda p: p["health_insurance"],
    "I9": lambda p: p["able_to_consent"],
    "I10": lambda p: both(p["consent_main"], consented_in_time(p)),
}
PROTOCOL_ORDER = [f"I{n}" for n in range(1, 11)] + [f"E{n}" for n in range(1, 7)]


def choices(code: str) -> list[Any]:
    """Answers to an item, around its limits where it has one."""
    if code.endswith("_date"):
        return [DAY + datetime.timedelta(days=days) for days in (-1, 0, 1, 34, 35, 36)]
    special = {"age": [17, 18, 63], "uracilaemia": ["15.9", "149.9", "150", "150.1"]}
    if code in special:
        return [Decimal(v) if isinstance(v, str) else v for v in special[code]]
    coded = {item.code: [each.code for each in item.codes] for item in items_of(STUDY.visits)}
    return coded.get(code) or [True, False]


READ = sorted(
    {
        "age", "differentiation", "grade", "stage", "primary_site", "curable_by_surgery",
        "measurable_disease", "tumour_board_indication", "contrast_agent", "imaging_modality",
        "baseline_imaging_date", "treatment_start_date", "tumour_tissue_available",
        "childbearing_potential", "effective_contraception", "health_insurance", "able_to_consent",
        "consent_main", "consent_main_date", "screening_date", "prior_oxaliplatin",
        "prior_alkylating_agent", "pregnancy_test", "breastfeeding", "contraindication",
        "uracilaemia", "significant_disease", "legal_supervision",
    }
)  # fmt: skip
FAVOURABLE: Person = {
    **{code: choices(code)[0] for code in READ}, "age": 63, "curable_by_surgery": False,
    "stage": "METASTATIC", "prior_oxaliplatin": False, "prior_alkylating_agent": False,
    "breastfeeding": False, "contraindication": False, "significant_disease": False,
    "legal_supervision": False,
}  # fmt: skip
anybody = st.fixed_dictionaries(
    {code: st.sampled_from([None, *choices(code), FAVOURABLE[code], FAVOURABLE[code]])
     for code in READ}
)  # fmt: skip
almost_eligible = st.dictionaries(st.sampled_from(READ), st.integers(-1, 9), max_size=3).map(
    lambda changes: (
        FAVOURABLE
        | {
            code: None if number < 0 else choices(code)[number % len(choices(code))]
            for code, number in changes.items()
        }
    )
)


def wide(people: Iterable[Person]) -> pl.DataFrame:
    rows = [
        {"replicate": number % 2, "subject": f"s{number:03}", **person}
        for number, person in enumerate(people)
    ]
    schema = {"replicate": pl.Int32, "subject": pl.String, **{code: TYPES[code] for code in READ}}
    frame = pl.DataFrame(rows, schema=schema)
    seqs = [
        pl.when(pl.col(code).is_not_null()).then(pl.lit(number, pl.Int64)).alias(code)
        for number, code in enumerate(READ)
    ]
    return frame.with_columns(item_sources=pl.struct(seqs))


@settings(max_examples=60)
@given(st.lists(anybody | almost_eligible, min_size=1, max_size=25))
def test_verdicts_are_what_a_second_programming_says(people: list[Person]) -> None:
    tables = {**UNDECIDED, "subject_item": wide(people)}
    tables["criterion_verdict"] = criterion_verdict(tables, STUDY.eligibility)
    verdicts = tables["criterion_verdict"]
    found = {
        (subject, criterion): (met, missing, sources)
        for subject, criterion, met, missing, sources in verdicts.select(
            "subject", "criterion", "met", "missing_items", "sources"
        ).iter_rows()
    }
    assert verdicts.equals(verdicts.sort("replicate", "subject", "criterion"))
    whole = {
        row["subject"]: row for row in eligibility(tables, STUDY.eligibility).iter_rows(named=True)
    }
    for number, person in enumerate(people):
        subject = f"s{number:03}"
        met = {name: judge(person) for name, judge in INCLUDED.items()}
        met |= {name: opposite(judge(person)) for name, judge in EXCLUDED.items()}
        for name, expected in met.items():
            verdict, missing, sources = found[subject, name]
            assert verdict is expected, (name, person)
            assert all(person[code] is None for code in missing)
            assert bool(missing) is (expected is None)
            assert all(person[READ[seq]] is not None for seq in sources)
        unmet = [name for name in PROTOCOL_ORDER if met[name] is False]
        pending = [name for name in PROTOCOL_ORDER if met[name] is None]
        row = whole[subject]
        assert (row["unmet"], row["pending"]) == (unmet, pending)
        held = [name for name in pending if name != "I5"]
        assert row["eligible"] is (False if unmet else None if held else True)


@settings(max_examples=40)
@given(anybody, st.data())
def test_an_answer_never_turns_a_verdict_round(person: Person, data: st.DataObject) -> None:
    """What is known to be met or not met stays so, whatever the open items turn out to be."""
    filled = {
        code: data.draw(st.sampled_from(choices(code))) if value is None else value
        for code, value in person.items()
    }
    before, after = (
        criterion_verdict({**UNDECIDED, "subject_item": wide([each])}, STUDY.eligibility)[
            "met"
        ].to_list()
        for each in (person, filled)
    )
    assert None not in after
    assert all(old is None or old is new for old, new in zip(before, after, strict=True))
