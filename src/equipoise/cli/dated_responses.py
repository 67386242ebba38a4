"""`equipoise response --rs` alone: best responses from dated overall responses."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.exchange.dated_responses import DatedResponses
    from equipoise.exchange.sdtm_response import Compared
    from equipoise.response.best_response import Terms
    from equipoise.response.dated import CourseEnd
    from equipoise.response.plan import ResponsePlan


def of_dated_responses(
    arguments: argparse.Namespace, plan: ResponsePlan
) -> tuple[dict[str, Any], Iterator[str]]:
    """Everything that is to be told of dated responses, as data and as lines."""
    from equipoise.cli.reading import last_day_begun
    from equipoise.cli.reconciliation import comparison, reconciliation
    from equipoise.exchange.dated_responses import read_dated_responses

    read = read_dated_responses(arguments.rs, arguments.subjects, upto=last_day_begun())
    asked = _terms(arguments, plan)
    told = _told(arguments, read, plan, asked)
    told["reconciliation"] = reconciliation(read.rows, {"RS": arguments.rs})
    if read.best:
        told["comparison"] = comparison(_compared(read, told["best_overall_response"]))
    return told, _lines(told)


def _terms(arguments: argparse.Namespace, plan: ResponsePlan) -> Terms:
    """The terms of the plan; without reference dates no duration of stable disease is judged."""
    from dataclasses import replace

    from equipoise.errors import BadInput
    from equipoise.response.best_response import terms

    asked = terms(plan)
    if arguments.subjects is not None:
        return asked
    if arguments.start_window:
        raise BadInput(
            "needs reference dates to count from; give them with --subjects",
            where="equipoise response",
            field="--start-window",
        )
    return replace(asked, stable_minimum_days=0)


def _told(
    arguments: argparse.Namespace, read: DatedResponses, plan: ResponsePlan, asked: Terms
) -> dict[str, Any]:
    from equipoise.response.criteria import criteria
    from equipoise.response.dated import best_dated_response

    found = criteria(plan)
    end: CourseEnd = arguments.progression or "first-pd"
    judged = arguments.subjects is not None
    best: dict[tuple[str, str], dict[bool, dict[str, Any]]] = {}
    rows = best_dated_response(read.dated, read.subject_dates, asked, end)
    for row in rows.iter_rows(named=True):
        reader = best.setdefault((row["subject"], row["evaluator"]), {})
        reader[row["confirmation_required"]] = row
    return {
        "standard": {"code": found.code, "title": found.title, "source": found.source},
        "conventions": {
            "confirmation_days": plan.confirmation_days,
            "stable_disease_minimum_days": asked.stable_minimum_days if judged else None,
            "not_evaluable_between": asked.not_evaluable_between,
            "stable_between": asked.stable_between,
            "progression": end,
            "without_assessment": "NE" if arguments.missing_as_ne else "MISSING",
        },
        "best_overall_response": [
            _best(read, reader, best.get(reader, {}), asked, arguments.missing_as_ne)
            for reader in _readers(read)
        ],
    }


def _readers(read: DatedResponses) -> Iterator[tuple[str, str]]:
    """Subject and evaluator of every course; a subject without any has no evaluator."""
    for subject in read.subjects:
        evaluators = [evaluator for name, evaluator in read.courses if name == subject]
        yield from ((subject, evaluator) for evaluator in evaluators or [""])


def _best(
    read: DatedResponses,
    reader: tuple[str, str],
    found: Mapping[bool, Mapping[str, Any]],
    asked: Terms,
    missing_as_ne: bool,
) -> dict[str, Any]:
    """The best response of one course, as asked and both ways."""
    rows, dates = read.courses.get(reader, ()), read.subjects[reader[0]]
    both = {}
    for required in (False, True):
        row = found.get(required, {})
        shown, again = (
            None if row.get(name) is None else rows[row[name]]
            for name in ("order", "confirmation_order")
        )
        both[required] = {
            "response": row.get("response", "NE" if missing_as_ne else "MISSING"),
            "date": _dated(shown),
            "visit": None if shown is None else shown.line["VISIT"] or shown.line["VISITNUM"],
            "confirmed": row.get("confirmed"),
            "confirmation_date": _dated(again),
            "sources": [each.place for each in (shown, again) if each is not None],
        }
    summary = ("response", "date", "confirmed", "confirmation_date")
    return {
        "subject": reader[0],
        "evaluator": reader[1] or None,
        "reference_date": None if dates.reference is None else dates.reference.isoformat(),
        "progression_date": None if dates.progression is None else dates.progression.isoformat(),
        **both[asked.confirmation_required],
        "without_confirmation": {name: both[False][name] for name in summary},
        "with_confirmation": {
            "confirmation_days": asked.confirmation_days,
            **{name: both[True][name] for name in summary},
        },
    }


def _dated(row: Any) -> str | None:
    return None if row is None else row.line.date("RSDTC")[1] or None


def _compared(read: DatedResponses, best: list[dict[str, Any]]) -> list[Compared]:
    """Every best response that the file gives beside the one derived."""
    from equipoise.exchange.sdtm_response import Compared

    derived = {(row["subject"], row["evaluator"] or ""): row for row in best}
    compared = []
    for row in read.best:
        found = derived.get((row.subject, row.evaluator), {}).get("response")
        given = row.line["RSSTRESC"]
        agrees = None if found is None else found == given.upper()
        why = "this evaluator has no overall response" if found is None else ""
        visit = row.line["VISIT"] or row.line["VISITNUM"]
        compared.append(
            Compared(
                row.line, row.subject, row.evaluator, visit, row.test, given, found, agrees, why
            )
        )
    return compared


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Everything for a reader."""
    from equipoise.cli.reconciliation import comparison_lines, reconciliation_lines

    yield told["standard"]["title"]
    for name, value in told["conventions"].items():
        yield f"  {name.replace('_', ' ')}: {'not asked' if value is None else value}"
    yield ""
    for row in told["best_overall_response"]:
        yield ", ".join(part for part in (row["subject"], row["evaluator"]) if part)
        for label, name in (("without", "without_confirmation"), ("with", "with_confirmation")):
            best = row[name]
            day = f", first on {best['date']}" if best["date"] else ""
            again = best["confirmation_date"]
            seen = f", seen again on {again}" if again else ""
            yield f"  best response {label} confirmation: {best['response']}{day}{seen}"
    yield ""
    yield from reconciliation_lines(told["reconciliation"])
    if "comparison" in told:
        yield from comparison_lines(told["comparison"])
