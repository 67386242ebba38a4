"""Run tumour tables (SDTM TU, TR) or dated responses (RS) through the rules of RECIST 1.1.

Prints sums and responses of every subject, evaluator and visit, best responses and progression,
what is to be asked of the readers, and a reconciliation: how many rows of each file were used, and
why the others were not. With --tu, --tr and --rs also where given responses agree and differ; days
count from the baseline assessment. With --rs alone best responses with and without confirmation
from the dated overall responses; days count from the reference date of --subjects.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.exchange.sdtm_tumour import TumourTables
    from equipoise.record.tables import Tables
    from equipoise.response.plan import ResponsePlan


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise response`."""
    parser.add_argument("--tu", type=Path, help="lesions identified (SDTM TU, CSV)")
    parser.add_argument("--tr", type=Path, help="results of lesions (SDTM TR, CSV)")
    parser.add_argument(
        "--rs", type=Path, help="given responses (SDTM RS, CSV): alone, or to compare with"
    )
    parser.add_argument(
        "--subjects",
        type=Path,
        help="with --rs alone: USUBJID, reference date (REFERENCE_DATE, RFSTDTC) and, where there "
        "is one, progression date (PROGRESSION_DATE, PDDT) of every subject (CSV)",
    )
    parser.add_argument(
        "--confirm",
        type=_days,
        metavar="DAYS",
        help="a response counts if it is seen again after DAYS; default: no confirmation asked",
    )
    parser.add_argument(
        "--start-window",
        type=_days,
        metavar="DAYS",
        help="least duration of stable disease; default: as the standard says",
    )
    parser.add_argument(
        "--max-ne",
        type=_days,
        metavar="N",
        help="assessments not evaluable allowed between a response and its confirmation",
    )
    parser.add_argument(
        "--accept-sd",
        action="store_true",
        help="allow one stable disease between a partial response and its confirmation",
    )
    parser.add_argument(
        "--progression",
        choices=["first-pd", "given"],
        help="with --rs alone, what ends a course: its first PD, or only the progression date of "
        "--subjects; default: first-pd",
    )
    parser.add_argument(
        "--missing-as-ne",
        action="store_true",
        help="with --rs alone: a subject without an assessment that counts is NE, not MISSING",
    )
    _add_for_lesions(parser)
    parser.add_argument("--json", action="store_true", help="everything as JSON")


def _add_for_lesions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reappearance",
        choices=["progression", "by-sum"],
        help="disease seen again after a complete response; default: progression",
    )
    parser.add_argument(
        "--known-sum",
        choices=["progression", "ignored"],
        help="the sum of the evaluated targets while one is missing; default: progression",
    )
    parser.add_argument(
        "--primary",
        metavar="EVALUATOR",
        help="with --tu and --tr: list where every other evaluator differs from this one",
    )


def run(arguments: argparse.Namespace) -> int:
    """0; what cannot be read is an error with file, line and column."""
    plan = _plan(arguments)
    if _lesions_given(arguments):
        told, lines = _of_lesions(arguments, plan)
    else:
        from equipoise.cli.dated_responses import of_dated_responses

        told, lines = of_dated_responses(arguments, plan)
    print(json.dumps(told, indent=2, ensure_ascii=False) if arguments.json else "\n".join(lines))
    return 0


_ALONE = ("subjects", "progression", "missing_as_ne")
_WITH_LESIONS = ("reappearance", "known_sum", "primary")


def _lesions_given(arguments: argparse.Namespace) -> bool:
    """Whether lesions are given; BadInput where the files or options do not go together."""
    from equipoise.errors import BadInput

    lesions = (arguments.tu, arguments.tr)
    if None in lesions and (any(lesions) or arguments.rs is None):
        raise BadInput("--tu and --tr together, or --rs alone", where="equipoise response")
    given = lesions[0] is not None
    for name in _ALONE if given else _WITH_LESIONS:
        if getattr(arguments, name):
            goes = "--rs alone" if given else "--tu and --tr"
            option = "--" + name.replace("_", "-")
            raise BadInput(f"goes with {goes}", where="equipoise response", field=option)
    return given


def _of_lesions(
    arguments: argparse.Namespace, plan: ResponsePlan
) -> tuple[dict[str, Any], Iterator[str]]:
    """Everything that the rules derive from the files of lesions, as data and as lines."""
    from equipoise.cli.reading import last_day_begun
    from equipoise.cli.reconciliation import comparison, reconciliation
    from equipoise.exchange.sdtm_response import compare_responses
    from equipoise.exchange.sdtm_tumour import read_tumour
    from equipoise.response.rules import RULES

    upto = last_day_begun()
    read = read_tumour(arguments.tu, arguments.tr, upto=upto)
    if arguments.primary:
        plan = _of_evaluators(plan, read, arguments.primary)
    derived = dict(read.tables)
    for rule in RULES:
        derived[rule.produces] = rule.rule(derived, plan)
    told = _told(plan, read, derived)
    if arguments.primary:
        told["discordance"] = list(_discordance(read, derived))
    files = {"TU": arguments.tu, "TR": arguments.tr}
    told["reconciliation"] = reconciliation(read.rows.values(), files)
    if arguments.rs:
        told["comparison"] = comparison(compare_responses(arguments.rs, read, derived, upto=upto))
    return told, _lines(told)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 99999, not {text!r}")
    return int(text)


def _plan(arguments: argparse.Namespace) -> ResponsePlan:
    from equipoise.response.criteria import standard
    from equipoise.response.plan import ResponseConventions, ResponsePlan

    minimum = arguments.start_window
    if minimum is None:
        minimum = standard("recist_1_1").limits.stable_disease_minimum.value
    return ResponsePlan(
        criteria="recist_1_1",
        evaluators=(),
        primary_evaluator="nobody",
        baseline_days_before_first_dose=0,
        confirmation_days=arguments.confirm or None,
        stable_disease_minimum_days=minimum,
        windows=(),
        conventions=ResponseConventions(
            known_sum_shows_progression=arguments.known_sum != "ignored",
            reappearance_is_progression=arguments.reappearance != "by-sum",
            not_evaluable_between=arguments.max_ne,
            stable_between=1 if arguments.accept_sd else None,
        ),
    )


def _of_evaluators(plan: ResponsePlan, read: TumourTables, primary: str) -> ResponsePlan:
    """The plan with the evaluators of the files; BadInput when `primary` is none of them."""
    from equipoise.errors import BadInput
    from equipoise.record.plan import Label
    from equipoise.response.plan import Evaluator

    names = sorted({each.evaluator for each in read.assessments})
    if primary not in names:
        raise BadInput(
            f"one of {', '.join(names)}",
            where="equipoise response",
            field="--primary",
            found=primary,
        )
    evaluators = tuple(
        Evaluator.model_construct(code=name, label=Label(en=name), blinded_to_marker=False)
        for name in names
    )
    return plan.model_copy(update={"evaluators": evaluators, "primary_evaluator": primary})


def _discordance(read: TumourTables, derived: Tables) -> Iterator[dict[str, Any]]:
    """Where another evaluator differs from the primary one."""
    for row in derived["reader_discordance"].iter_rows(named=True):
        named = ("subject", "evaluator", "about", "primary_value", "other_value")
        yield {
            **{name: row[name] for name in named},
            "date": None if row["occurred"] is None else row["occurred"].isoformat(),
            "sources": _places(read, row["sources"]),
        }


def _told(plan: ResponsePlan, read: TumourTables, derived: Tables) -> dict[str, Any]:
    """Everything that is to be told, as JSON holds it: lengths as decimal texts in mm."""
    from equipoise.response.criteria import criteria

    found = criteria(plan)
    return {
        "standard": {"code": found.code, "title": found.title, "source": found.source},
        "conventions": {
            "confirmation_days": plan.confirmation_days,
            "stable_disease_minimum_days": plan.stable_disease_minimum_days,
            **{
                name: getattr(found.conventions, name).value
                for name in type(found.conventions).model_fields
            },
        },
        "assessments": list(_assessments(read, derived)),
        "best_overall_response": list(_best(read, derived)),
        "findings": list(_findings(read, derived)),
    }


def _assessments(read: TumourTables, derived: Tables) -> Iterator[dict[str, Any]]:
    """Every assessment by subject, evaluator and time; a baseline has no response."""
    from equipoise.exchange.sdtm_response import account, millimetres, percent

    noted = {(each.subject, each.evaluator, each.name): each for each in read.assessments}
    key = ["replicate", "subject", "evaluator", "assessment"]
    responses = derived["time_point_response"].drop("occurred", "order")
    growth = derived["tumour_growth"].select(*key, "rate")
    rows = (
        derived["target_sum"]
        .join(responses, key, "left", suffix="_response", maintain_order="left")
        .join(growth, key, "left", maintain_order="left")
    )
    for row in rows.iter_rows(named=True):
        visit = noted[row["subject"], row["evaluator"], row["assessment"]]
        total, before = row["diameter_sum"], (row["baseline_sum"], row["nadir"])
        change, rise = (
            None if None in (total, base) else percent(total - base, base) for base in before
        )
        responded = row["overall_response"] is not None
        yield {
            "subject": row["subject"],
            "evaluator": row["evaluator"],
            "visit": visit.label,
            "visit_number": visit.name,
            "date": visit.dated or None,
            "baseline": row["baseline"],
            "targets": row["targets"],
            "not_evaluated": row["not_evaluated"],
            "diameter_sum_mm": millimetres(total),
            "known_sum_mm": millimetres(row["known_sum"]),
            "baseline_sum_mm": millimetres(row["baseline_sum"]),
            "nadir_mm": millimetres(row["nadir"]),
            "change_from_baseline": None if row["baseline"] else change,
            "change_from_nadir": rise,
            "growth_percent_a_month": None if row["rate"] is None else f"{row['rate'] / 100:.2f}",
            **{name: row[name] for name in _RESPONSES},
            "why": account(row) if responded else None,
            "sources": _places(read, row["sources_response"] or row["sources"]),
        }


_RESPONSES = (
    "target_response", "non_target_response", "new_lesion", "reappeared", "overall_response",
)  # fmt: skip


def _best(read: TumourTables, derived: Tables) -> Iterator[dict[str, Any]]:
    """Per subject and evaluator: best response and progression."""
    noted = {(each.subject, each.evaluator, each.name): each for each in read.assessments}
    key = ["replicate", "subject", "evaluator"]
    progressions = derived["progression"].drop("sources")
    rows = derived["best_overall_response"].join(progressions, key, "left", maintain_order="left")
    for row in rows.iter_rows(named=True):
        who = (row["subject"], row["evaluator"])
        at = noted.get((*who, row["assessment"])), noted.get((*who, row["progression_assessment"]))
        first, progressed = (
            (None, None) if each is None else (each.label, each.dated or None) for each in at
        )
        yield {
            "subject": row["subject"],
            "evaluator": row["evaluator"],
            "response": row["response"],
            "visit": first[0],
            "date": first[1],
            "confirmed": row["confirmed"],
            "progressed": row["progressed"],
            "progression_visit": progressed[0],
            "progression_date": progressed[1],
            "sources": _places(read, row["sources"]),
        }


def _findings(read: TumourTables, derived: Tables) -> Iterator[dict[str, Any]]:
    """What is to be asked of the readers. A fault of choice belongs to no assessment."""
    labels = {(each.subject, each.evaluator, each.name): each.label for each in read.assessments}
    for row in derived["reading_finding"].iter_rows(named=True):
        named = {name: row[name] for name in ("subject", "evaluator", "lesion", "finding")}
        yield {
            **named,
            "visit": labels.get((row["subject"], row["evaluator"], row["assessment"])),
            "section": row["section"],
            "found": row["found"],
            "limit": row["limit"],
            "sources": _places(read, row["sources"]),
        }


def _places(read: TumourTables, sources: Sequence[int]) -> list[str]:
    return [read.rows[number].place for number in sources]


_COLUMNS = ("visit", "date", "targets", "sum mm", "baseline", "nadir", "%/month", "target",
            "non-target", "new", "overall")  # fmt: skip


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Everything for a reader."""
    from equipoise.cli.reconciliation import comparison_lines, reconciliation_lines

    yield told["standard"]["title"]
    for name, value in told["conventions"].items():
        shown = ("yes" if value else "no") if isinstance(value, bool) else value
        yield f"  {name.replace('_', ' ')}: {'not asked' if shown is None else shown}"
    yield ""
    readers: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in told["assessments"]:
        readers.setdefault((row["subject"], row["evaluator"]), []).append(row)
    best = {(row["subject"], row["evaluator"]): row for row in told["best_overall_response"]}
    for reader, rows in readers.items():
        yield f"{reader[0]}, {reader[1]}"
        yield from _table([_COLUMNS, *(_cells(row) for row in rows)])
        yield from _verdict(best[reader])
        yield ""
    for row in told["findings"]:
        where = f"{row['subject']}, {row['evaluator']}, {row['visit'] or 'identification'}"
        what = row["finding"].replace("_", " ")
        yield f"To be asked: {where}: {row['lesion']} {what} (section {row['section']})"
    for row in told.get("discordance", ()):
        about = row["about"].replace("_", " ") + (f" of {row['date']}" if row["date"] else "")
        values = f"{row['primary_value']}, {row['evaluator']} {row['other_value']}"
        yield f"Evaluators differ: {row['subject']}, {about}: {values}"
    yield from reconciliation_lines(told["reconciliation"])
    if "comparison" in told:
        yield from comparison_lines(told["comparison"])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    seen = row["targets"] - row["not_evaluated"]
    known = f"({row['known_sum_mm']})" if row["not_evaluated"] else ""
    return (
        row["visit"],
        row["date"] or "no date",
        f"{seen}/{row['targets']}",
        row["diameter_sum_mm"] or known or "-",
        "baseline" if row["baseline"] else row["change_from_baseline"] or "-",
        row["change_from_nadir"] or "-",
        row["growth_percent_a_month"] or "-",
        row["target_response"] or "-",
        row["non_target_response"] or "-",
        "yes" if row["new_lesion"] else "-",
        (row["overall_response"] or "-") + (" (seen again)" if row["reappeared"] else ""),
    )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()


def _verdict(best: Mapping[str, Any]) -> Iterator[str]:
    shown = f", first at {best['visit']} ({best['date'] or 'no date'})" if best["visit"] else ""
    confirmed = {True: ", confirmed", False: ", not confirmed", None: ""}[best["confirmed"]]
    yield f"  best response: {best['response']}{shown}{confirmed}"
    if best["progressed"]:
        day = best["progression_date"] or "no date"
        yield f"  progression: {best['progression_visit']} ({day})"
