"""Departures from the protocol programmed again: treatment, what is prohibited, and the one list.

Written from the study file and the descriptions in words, by somebody who has not read the rules:
plain loops over the rows of one subject, whole days and whole numbers of 1/100 mg. What a cycle
was decided to be, when a visit was due and what holds of entry and stratum are tables that are
programmed a second time elsewhere; `departures_from_events` puts them all together.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from equipoise.study.definition import Study
from equipoise.treatment.plan import Regimen
from equipoise.visits.plan import ProhibitedTherapy
from tests.second_programming.partial_dates_again import earliest, latest
from tests.second_programming.rows_by_subject import Row

Day = datetime.date
Rows = Mapping[str, Sequence[Row]]

TABLES = (
    "randomised", "consent_signed", "deviation_recorded", "stratum", "entry_eligibility",
    "visit_timeline", "expedited_report", "treatment_cycle", "dose_decision", "dose_given",
    "drug_dispensed", "cycle_started", "disposition", "progression",
    "concomitant_medication_recorded", "subsequent_therapy_recorded", "procedure_recorded",
)  # fmt: skip

DAY = datetime.timedelta(days=1)


def treatment(subject: Rows, study: Study) -> list[Row]:
    """In what the treatment of one subject departs from calendar, dosing rules and lots in date."""
    regimens = {each.code: each for each in study.treatment.regimens}
    regimen_of = {row["cycle"]: row["regimen"] for row in subject["treatment_cycle"]}
    decided = defaultdict(dict)
    for row in subject["dose_decision"]:
        decided[row["cycle"]][row["drug"]] = row
    found: list[Row] = []
    for cycle in subject["treatment_cycle"]:
        found += _calendar(cycle, _days_early(study))
        put_off = _put_off(decided[cycle["cycle"]])
        if put_off:
            by = _sources(*(decided[cycle["cycle"]][drug] for drug in put_off))
            found.append(
                _row("cycle_put_off", cycle["started"], cycle["cycle"], drugs=put_off, sources=by)
            )
    for dose in subject["dose_given"]:
        decision = decided[dose["cycle"]].get(dose["drug"])
        if _was_given(dose) and decision is not None and _beyond(dose["amount"], decision):
            found.append(
                _row("dose_amount", dose["occurred"], dose["cycle"], drugs=[dose["drug"]],
                     found=dose["amount"], least=decision["least"], most=decision["most"],
                     sources=_sources(dose, decision))
            )  # fmt: skip
    found += _too_often(subject, regimen_of, regimens, decided)
    for lot in subject["drug_dispensed"]:
        which = {"drugs": [lot["drug"]], "lot": lot["lot"]}
        if lot["occurred"] > lot["expiry"]:
            found.append(
                _row("dispensed_expired", lot["occurred"], lot["cycle"], limit=lot["expiry"],
                     sources=_sources(lot), **which)
            )  # fmt: skip
        decision = decided[lot["cycle"]].get(lot["drug"])
        if decision is not None and decision["decision"] in ("omit", "stop"):
            by = _sources(lot, decision)
            found.append(
                _row("dispensed_omitted", lot["occurred"], lot["cycle"], sources=by, **which)
            )
    for row in found:
        rests_on_it = row["kind"] != "dispensed_expired"
        row["regimen"] = regimen_of.get(row["cycle"]) if rests_on_it else None
    return found


def _row(kind: str, day: Day | None, cycle: int, **items: object) -> Row:
    usual = dict.fromkeys(("drugs", "found", "least", "most", "lot", "limit"))
    return {"kind": kind, "day": day, "cycle": cycle, **usual, **items}


def _sources(*rows: Row) -> list[int] | None:
    """The entries that rows rest on, of an event its own; None where a table does not tell."""
    found: set[int] = set()
    for row in rows:
        if "sources" not in row and "seq" not in row:
            return None
        found |= set(row["sources"] if "sources" in row else [row["seq"]])
    return sorted(found)


def _days_early(study: Study) -> int:
    """By how many days the visit that begins a cycle may come before it."""
    return next(
        each.window_before
        for each in study.visits.visits
        if each.anchor == "cycle" and each.day == 0
    )


def _calendar(cycle: Row, allowed: int) -> Iterator[Row]:
    due, started = cycle["due"], cycle["started"]
    if due is not None and (due - started).days > allowed:
        yield _row("cycle_early", started, cycle["cycle"], found=(due - started).days, limit=due,
                   sources=_sources(cycle))  # fmt: skip


def _put_off(decisions: Mapping[str, Row]) -> list[str]:
    """The drugs for which a cycle should not have begun yet; all where none is left to be given."""
    waiting = [drug for drug, row in decisions.items() if row["decision"] in ("delay", "undecided")]
    left_out = [drug for drug, row in decisions.items() if row["decision"] in ("omit", "stop")]
    if waiting:
        return sorted(waiting)
    return sorted(left_out) if len(left_out) == len(decisions) else []


def _was_given(dose: Row) -> bool:
    return bool(dose["amount"]) and bool(dose["administrations"])


def _beyond(amount: int, decision: Row) -> bool:
    least, most = decision["least"], decision["most"]
    return (least is not None and amount < least) or (most is not None and amount > most)


def _too_often(
    subject: Rows,
    regimen_of: Mapping[int, str],
    regimens: Mapping[str, Regimen],
    decided: Mapping[int, Mapping[str, Row]],
) -> Iterator[Row]:
    """A drug that the regimen does not have is planned no times; its cycle says so."""
    begun = {row["cycle"]: row for row in subject["treatment_cycle"]}
    given = defaultdict(list)
    for dose in subject["dose_given"]:
        if _was_given(dose):
            given[dose["cycle"], dose["drug"]].append(dose)
    for (cycle, drug), records in given.items():
        regimen = regimens.get(regimen_of.get(cycle, ""))
        if regimen is None:
            continue
        planned = sum(
            len(each.days) * each.times_per_day for each in regimen.doses if each.drug == drug
        )
        number = sum(each["administrations"] for each in records)
        if number > planned:
            last = max(each["occurred"] for each in records)
            by = _sources(*records, decided[cycle].get(drug, begun[cycle]))
            yield _row("dose_times", last, cycle, drugs=[drug], found=number, most=planned,
                       sources=by)  # fmt: skip


def prohibited(subject: Rows, study: Study) -> list[Row]:
    """What one subject was given in a period in which the study file prohibits it."""
    found = []
    for ban in study.visits.prohibited:
        period = _period(subject, ban, study.response.primary_evaluator)
        if period is None:
            continue
        since, until = period
        for row, code, first, last in _entries(subject, ban):
            day = since if first is None else max(first, since)
            end = min((each for each in (last, until) if each is not None), default=None)
            if end is None or day <= end:
                found.append(
                    {"prohibition": ban.code, "entry": row["entry"], "code": code, "day": day,
                     "first": first, "last": last, "since": since, "until": until,
                     "sources": _sources(row, subject["randomised"][0])}
                )  # fmt: skip
    return found


def _entries(
    subject: Rows, ban: ProhibitedTherapy
) -> Iterator[tuple[Row, str, Day | None, Day | None]]:
    """The entry, its code, first and last day of everything of the prohibition's codes."""
    for row in subject["concomitant_medication_recorded"]:
        if row["drug_class"] not in ban.medication_classes:
            continue
        first, last = earliest(None, row["start"]), latest(None, row["end"])
        if last is None and not row["ongoing"]:
            last = max((day for day in (row["occurred"], first) if day is not None), default=None)
        yield row, row["drug_class"], first, last
    dated = (
        ("subsequent_therapy_recorded", "therapy", ban.therapies),
        ("procedure_recorded", "procedure", ban.procedures),
    )
    for table, item, codes in dated:
        for row in subject[table]:
            if row[item] in codes and row["occurred"] is not None:
                yield row, row[item], row["occurred"], row["occurred"]


def _period(subject: Rows, ban: ProhibitedTherapy, evaluator: str) -> tuple[Day, Day | None] | None:
    """The first and the last day of the prohibition for one subject; None if it never holds."""
    if not subject["randomised"]:
        return None
    randomised = subject["randomised"][0]
    if ban.arms and randomised["arm"] not in ban.arms:
        return None
    stands = subject["disposition"][0] if subject["disposition"] else {}
    since = randomised["occurred"] + DAY
    if ban.since == "first_dose":
        since = stands.get("first_dose")
        if since is None:
            return None
    if ban.regimens:
        begun = [
            row["occurred"] for row in subject["cycle_started"] if row["regimen"] in ban.regimens
        ]
        if not begun:
            return None
        since = max(since, min(begun))
    until = None
    if ban.until == "progression":
        for row in subject["progression"]:
            if row["evaluator"] != evaluator or not row["progressed"]:
                continue
            if row["progression"] is not None:
                until = row["progression"] - DAY
            else:
                until = row["last_adequate_assessment"] or since - DAY
    elif stands.get("treatment_discontinued") is not None:
        until = stands["treatment_discontinued"] - DAY
        if stands["last_dose"] is not None:
            until = max(until, stands["last_dose"] + ban.days_after * DAY)
    return since, until


def deviations(subject: Rows, study: Study) -> list[Row]:
    """Every departure of one subject by the rules, and what somebody recorded."""
    found = []
    if subject["randomised"]:
        found += _entry(subject, study)
        found += _visits(subject, study)
        found += [_of_treatment(row) for row in treatment(subject, study)]
        for row in prohibited(subject, study):
            found.append(
                _deviation("prohibited_therapy", "prohibited_therapy", row["day"],
                           entry=row["prohibition"], found=row["code"],
                           expected=_range(row["since"], row["until"]),
                           sources=row["sources"])
            )  # fmt: skip
        found += _notices(subject)
        for row in found:
            row["site"] = subject["randomised"][0]["site"]
    listed = {each.category for each in study.oversight.important_deviations}
    for row in found:
        row["important"] = row["category"] in listed
    return found + [_recorded(row, listed) for row in subject["deviation_recorded"]]


def _deviation(category: str, kind: str, day: Day | None, **items: object) -> Row:
    usual = dict.fromkeys(("entry", "instance", "found", "expected"))
    return {"category": category, "kind": kind, "day": day, "recorded": False, **usual, **items}


def _recorded(row: Row, listed: set[str]) -> Row:
    said = _deviation(row["category"], "recorded", row["occurred"], found=row["description"],
                      sources=_sources(row))  # fmt: skip
    important = row["important"] or row["category"] in listed
    return {**said, "site": row["site"], "important": important, "recorded": True}


def _entry(subject: Rows, study: Study) -> Iterator[Row]:
    day = subject["randomised"][0]["occurred"]
    for row in subject["stratum"]:
        if row["differs"]:
            yield _deviation("wrong_stratum", "wrong_stratum", day, found=row["stratum"],
                             expected=row["stratum_corrected"], sources=_sources(row))  # fmt: skip
    for row in subject["entry_eligibility"]:
        if row["decision"] != "randomised" or not row["differs"]:
            continue
        if row["eligible_now"] is False:
            yield _deviation("not_eligible", "not_eligible", row["decided"],
                             entry=_together(row["unmet_now"]), sources=_sources(row))  # fmt: skip
        elif row["eligible_now"] is None:
            yield _deviation(
                "not_eligible", "eligibility_unknown", row["decided"],
                entry=_together(row["pending_now"]), sources=_sources(row),
            )  # fmt: skip
    for consent in study.visits.consents:
        if not consent.required_for_randomisation:
            continue
        signed = [row for row in subject["consent_signed"] if row["consent"] == consent.code]
        days = (row["occurred"] for row in signed if row["occurred"] is not None)
        first = min(days, default=None)
        if first is None or day < first:
            yield _deviation("consent", "consent_missing", day, entry=consent.code,
                             found=None if first is None else str(first),
                             expected=str(day),
                             sources=_sources(subject["randomised"][0], *signed))  # fmt: skip


def _visits(subject: Rows, study: Study) -> Iterator[Row]:
    imaging = {each.code for each in study.visits.visits if each.imaging}
    for row in subject["visit_timeline"]:
        if row["state"] not in ("early", "late", "missed"):
            continue
        what = "scan" if row["visit"] in imaging else "visit"
        missed = row["state"] == "missed"
        window = None if row["earliest"] is None else _range(row["earliest"], row["latest"])
        yield _deviation(
            "visit_window", f"{what}_{row['state']}", row["latest"] if missed else row["actual"],
            entry=row["visit"], instance=row["instance"],
            found=None if missed else str(row["actual"]), expected=window, sources=_sources(row),
        )  # fmt: skip


def _notices(subject: Rows) -> Iterator[Row]:
    """Serious adverse events of which the sponsor was told after the last day or hour."""
    for row in subject["expedited_report"]:
        if row["report"] != "site_to_sponsor" or not row["late"]:
            continue
        by_hour = row["done_at"] is not None and row["due_at"] is not None
        found, expected = (
            f"{row[f'{name}_at']:%Y-%m-%d %H:%M}" if by_hour else str(row[name])
            for name in ("done", "due")
        )
        yield _deviation(
            "safety_report", "sae_late", row["done"], entry=row["adverse_event"], found=found,
            expected=expected, sources=_sources(row),
        )  # fmt: skip


def _of_treatment(row: Row) -> Row:
    kind = row["kind"]
    found, expected = {
        "cycle_early": (row["day"], row["limit"]),
        "cycle_put_off": (None, None),
        "dose_amount": (row["found"], (row["least"], row["most"])),
        "dose_times": (row["found"], row["most"]),
        "dispensed_expired": (row["lot"], row["limit"]),
        "dispensed_omitted": (row["lot"], None),
    }[kind]
    if kind == "dose_amount":
        found, expected = _mg(found), "/".join(_mg(each) for each in expected)
    return _deviation(
        "dose", kind, row["day"], entry=_together(row["drugs"]), instance=row["cycle"],
        sources=row["sources"],
        found=None if found is None else str(found),
        expected=None if expected is None else str(expected),
    )  # fmt: skip


def _mg(hundredths: int) -> str:
    return f"{Decimal(hundredths) / 100:f}"


def _together(texts: Sequence[str] | None) -> str | None:
    return ", ".join(texts) if texts else None


def _range(first: Day, last: Day | None) -> str:
    return f"{first}/{'' if last is None else last}"
