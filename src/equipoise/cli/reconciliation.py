"""What the command `response` tells of its files: rows used and not, given beside derived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.exchange.sdtm_response import Compared
    from equipoise.exchange.sdtm_result import SourceRow


def reconciliation(
    source_rows: Iterable[SourceRow], files: Mapping[str, Path]
) -> list[dict[str, Any]]:
    """Per file: rows, used, not used by reason, and what is to be told of rows that were used."""
    told, every = [], list(source_rows)
    for domain, path in files.items():
        rows = [row for row in every if row.domain == domain]
        told.append(
            {
                "file": path.name,
                "rows": len(rows),
                "used": sum(row.used for row in rows),
                "not_used": [
                    {"line": row.line.number, "reason": row.told} for row in rows if not row.used
                ],
                "remarks": [
                    {"line": row.line.number, "remark": row.told}
                    for row in rows
                    if row.used and row.told
                ],
            }
        )
    return told


def comparison(compared: Sequence[Compared]) -> dict[str, Any]:
    """Given beside derived responses, and how many agree."""
    from equipoise.exchange.sdtm_response import agreement

    return {
        **agreement(compared),
        "rows": [
            {
                "place": each.place,
                "subject": each.subject,
                "evaluator": each.evaluator,
                "visit": each.visit,
                "test": each.test,
                "given": each.given,
                "derived": each.derived,
                "agrees": each.agrees,
                "why": each.why,
            }
            for each in compared
        ],
    }


def reconciliation_lines(files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What `reconciliation` tells, for a reader."""
    for file in files:
        left = len(file["not_used"])
        yield f"{file['file']}: {file['rows']} rows, {file['used']} used, {left} not used"
        yield from _counted(each["reason"] for each in file["not_used"])
        yield from _counted(f"used, but {each['remark']}" for each in file["remarks"])


def _counted(reasons: Iterator[str]) -> Iterator[str]:
    for reason, number in sorted(Counter(reasons).items(), key=lambda each: (-each[1], each[0])):
        yield f"  {number:6} {reason}"


def comparison_lines(compared: Mapping[str, Any]) -> Iterator[str]:
    """What `comparison` tells, for a reader."""
    yield ""
    yield (
        f"Given responses: {compared['agree']} agree, {compared['differ']} differ, "
        f"{compared['not_compared']} not compared"
    )
    for row in compared["rows"]:
        if row["agrees"]:
            continue
        what = ", ".join(row[name] for name in ("place", "subject", "evaluator", "visit", "test"))
        verdict = [] if row["agrees"] is None else [f"given {row['given']}, here {row['derived']}"]
        yield ": ".join([f"  {what}", *verdict, *([row["why"]] if row["why"] else [])])
