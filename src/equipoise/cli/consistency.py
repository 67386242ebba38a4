"""Judge printed results: can estimate, interval, P and counts all be true as printed?

FILE is a comma-separated table with a line for each result, figures as printed (columns: label,
measure, estimate, lower, upper, level, p, side, method, test, numerator, denominator, percent,
source, note; all but label optional), or a results.json of `equipoise analyse`. Exit code 0: no
contradiction; 1: figures that contradict one another; 2: the file cannot be read.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.statistics.claim import Claim
    from equipoise.statistics.consistency import Judgement

VERDICTS = {
    "impossible": "IMPOSSIBLE",
    "doubtful": "DOUBTFUL",
    "consistent": "consistent",
    "unchecked": "not checked: too little is printed",
}


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise consistency`."""
    parser.add_argument("file", metavar="FILE", help="a table of printed results, or results.json")
    parser.add_argument("--json", action="store_true", help="print the judgements as JSON")


def run(arguments: argparse.Namespace) -> int:
    """0 when nothing contradicts, 1 when something does."""
    from equipoise.exchange.printed_results import read_claims
    from equipoise.statistics.consistency import judged

    found = [(claim, judged(claim)) for claim in read_claims(Path(arguments.file))]
    if arguments.json:
        rows = [_as_json(claim, judgement) for claim, judgement in found]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_in_words(found)))
    return int(any(judgement.findings for _, judgement in found))


def _as_json(claim: Claim, judgement: Judgement) -> dict[str, object]:
    return {
        "label": claim.label,
        "printed": claim.in_words(),
        "verdict": judgement.verdict,
        "findings": [
            {
                "verdict": each.verdict,
                "figures": each.figures,
                "text": each.text,
                "fits": {
                    name: {"first": first, "last": last}
                    for name, (first, last) in each.fits.items()
                },
            }
            for each in judgement.findings
        ],
        "checked": judgement.checked,
        "remarks": judgement.remarks,
    }


def _in_words(found: list[tuple[Claim, Judgement]]) -> list[str]:
    lines = []
    for claim, judgement in found:
        lines += _wrapped(f"{claim.label}: {claim.in_words() or 'no figure'}", "", "  ")
        lines.append(f"  {VERDICTS[judgement.verdict]}")
        for finding in judgement.findings:
            lines += _wrapped(f"{finding.text}.", "    ! ", "      ")
        if judgement.checked:
            lines += _wrapped(f"checked: {'; '.join(judgement.checked)}", "    ", "      ")
        for remark in judgement.remarks:
            lines += _wrapped(f"note: {remark}", "    ", "      ")
        lines.append("")
    counts = {
        verdict: sum(judgement.verdict == verdict for _, judgement in found) for verdict in VERDICTS
    }
    told = {**{verdict: verdict for verdict in VERDICTS}, "unchecked": "not checked"}
    parts = [f"{count} {told[verdict]}" for verdict, count in counts.items() if count]
    results = f"{len(found)} result{'' if len(found) == 1 else 's'}"
    return [*lines, f"{results}: {', '.join(parts)}"]


def _wrapped(text: str, first: str, other: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 98, initial_indent=first, subsequent_indent=other)
