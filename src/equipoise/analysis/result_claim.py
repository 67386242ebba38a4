"""Our own results, judged as anybody's: a result says its method in words, and these are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from equipoise.analysis.estimates import ESTIMATES, INTERVALS, TESTS
from equipoise.analysis.result import DIGITS, Result
from equipoise.statistics.claim import MEASURES, METHODS, Claim, Share
from equipoise.statistics.claim import TESTS as KNOWN_TESTS
from equipoise.statistics.consistency import judged
from equipoise.statistics.printed import Printed, computed
from equipoise.statistics.proportion import Side

_LEVEL = re.compile(r" with (\d+(?:\.\d+)?)% ")


def claim_of(result: Result) -> Claim:
    """The result as a claim: every figure with the digits of results.json, the method as it says.

    A method in words that is none of `equipoise.analysis.estimates` is `other`: of it only what
    holds of any method is asked. Counts beside an adjusted or stratified estimate do not give it.
    """
    test, measure, method, level, crude = "", "", "", Decimal("0.95"), True
    for part in result.method.split("; "):
        if found := _named(part, TESTS):
            test = found if found in KNOWN_TESTS else "other"
        elif found := _named(part, ESTIMATES):
            measure = found if found in MEASURES else ""
            if given := _LEVEL.search(part):
                level = Decimal(given[1]) / 100
                method = _named(part[given.end() :], INTERVALS)
                method = method if method in METHODS else "other"
        elif "regression" in part or part.casefold().startswith("stratified by"):
            crude = False
    counts = zip(result.numerators, result.denominators, strict=True)
    shares = tuple(Share(x, n) for x, n in counts)
    side: Side = "greater" if result.side == "greater" else "two_sided"
    side = "less" if result.side == "less" else side
    return Claim(
        label=f"{result.analysis} ({' v '.join(result.groups)})",
        measure=measure,
        estimate=_figure(result.estimate),
        lower=_figure(result.lower),
        upper=_figure(result.upper),
        p=_figure(result.p),
        level=level,
        side=side,
        method=method,
        test=test or "other",
        shares=shares if crude else (),
    )


def _named(part: str, words: Mapping[str, str]) -> str:
    """The code whose words `part` begins with; the longest where several are; else empty."""
    text = part.casefold()
    found = [code for code, said in words.items() if text.startswith(said.casefold())]
    return max(found, key=lambda code: len(words[code]), default="")


def _figure(value: float | None) -> Printed | None:
    return None if value is None else computed(value, DIGITS)


def contradictions(results: Iterable[Result]) -> tuple[str, ...]:
    """A sentence for every contradiction in a result, by analysis and groups; none is expected."""
    return tuple(
        f"{claim.label}: {finding.text}"
        for claim in map(claim_of, results)
        for finding in judged(claim).findings
    )
