"""Whether the figures of a printed result can all be true: estimate, interval, P and counts.

Each figure stands for the values that round to it; a contradiction is one that no true values
explain. What holds of any method is asked first: limits in order, the estimate between them, a
share that its counts give, and P beyond 1 minus the level where the interval leaves out no effect
(the duality of tests and intervals: Neyman 1937, Phil Trans R Soc A 236:333-380). Then what the
method says: where the counts are there it is computed again; an interval that is symmetric on its
scale is judged by `equipoise.statistics.wald`, which obtains P from an interval as Altman and Bland
do (2011, BMJ 343:d2304), but for all values that round to the figures.

Where nothing is said of the method, Wald is tried. What fails then is `impossible` only if the
interval contradicts P about no effect, or if a limit or the estimate alone stands against three
figures that agree. Else it is `doubtful`: not a Wald interval, or another test, or a misprint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from equipoise.statistics import recomputed
from equipoise.statistics.claim import NAMES, SYMMETRIC, TESTS, Claim, Finding, Measure
from equipoise.statistics.printed import Printed, fitting
from equipoise.statistics.proportion import Side
from equipoise.statistics.share import share_findings
from equipoise.statistics.wald import Wald

Verdict = Literal["consistent", "doubtful", "impossible", "unchecked"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found of a printed result, what was looked at, and what a reader may like to know.

    `unchecked`: too little is printed for anything to contradict anything.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    remarks: tuple[str, ...]


class _Notes:
    """What is gathered while a result is judged."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.checked: list[str] = []
        self.remarks: list[str] = []

    def judgement(self) -> Judgement:
        verdicts = [each.verdict for each in self.findings]
        verdict: Verdict = "consistent" if self.checked else "unchecked"
        if verdicts:
            verdict = "impossible" if "impossible" in verdicts else "doubtful"
        return Judgement(verdict, tuple(self.findings), tuple(self.checked), tuple(self.remarks))


def judged(claim: Claim) -> Judgement:
    """The judgement of one printed result.

    >>> from equipoise.statistics.printed import printed
    >>> hazard = Claim(label="PFS", measure="hazard_ratio", estimate=printed("1.12"),
    ...                lower=printed("0.06"), upper=printed("2.10"), p=printed(".716"))
    >>> found = judged(hazard)
    >>> found.verdict, found.findings[0].fits
    ('impossible', {'lower': ('0.60', '0.60')})
    """
    notes = _Notes()
    notes.findings += share_findings(claim)
    if any(each.percent for each in claim.shares):
        notes.checked.append("percentages")
    wrong = list(_of_any_method(claim, notes))
    notes.findings += wrong
    if wrong:
        return notes.judgement()
    notes.findings += _against_no_effect(claim, notes)
    explained = _again(claim, notes)
    notes.findings += _tests_again(claim, notes)
    if not explained and (not claim.method or claim.method in SYMMETRIC):
        _as_wald(claim, notes)
    return notes.judgement()


# What holds of any method.


def _of_any_method(claim: Claim, notes: _Notes) -> Iterator[Finding]:
    for name, figure in claim.figures.items():
        if not figure.is_open and (allowed := _outside(claim, name, figure)):
            text = f"{NAMES[name]} {figure.text}: {allowed}"
            yield Finding("impossible", (name,), text)
    low, value, high = claim.lower, claim.estimate, claim.upper
    if low and high:
        notes.checked.append("order of the limits")
        if low.low > high.high:
            text = f"lower limit {low.text} is greater than upper limit {high.text}"
            yield Finding("impossible", ("lower", "upper"), text)
            return
    if value and low and value.high < low.low:
        text = f"estimate {value.text} is less than lower limit {low.text}"
        yield Finding("impossible", ("estimate", "lower"), text)
    if value and high and value.low > high.high:
        text = f"estimate {value.text} is greater than upper limit {high.text}"
        yield Finding("impossible", ("estimate", "upper"), text)


def _outside(claim: Claim, name: str, figure: Printed) -> str:
    """What a figure would have to be, where it is nothing that its measure can be; else empty."""
    kind = claim.kind
    if name == "p":
        return "" if figure.high >= 0 and figure.low <= 1 else "P lies between 0 and 1"
    if kind is None:
        return ""
    if kind.logarithmic and figure.high < 0:
        return f"the {kind.label} is never negative"
    if kind.share:
        top = Decimal(100 if claim.in_percent else 1)
        least = Decimal(0) if kind.null is None else -top
        if figure.high < least or figure.low > top:
            return f"the {kind.label} lies between {least} and {top}"
    return ""


def _against_no_effect(claim: Claim, notes: _Notes) -> Iterator[Finding]:
    """P and interval on different sides of no effect."""
    kind, p, low, high = claim.kind, claim.p, claim.lower, claim.upper
    if kind is None or kind.null is None or p is None or not claim.one_kind:
        return
    limit = 1 - claim.level
    if claim.side != "two_sided":
        limit /= 2
        low, high = (low, None) if claim.side == "greater" else (None, high)
    elif low is None or high is None:
        return
    if low is None and high is None:
        return
    notes.checked.append("P against the interval")
    null = Decimal(kind.null)
    out = bool(low and low.low > null) or bool(high and high.high < null)
    inside = (low is None or low.high < null) and (high is None or high.low > null)
    above = p.low > limit or (p.low == limit and p.text[0] == ">")
    below = p.high < limit or (p.high == limit and p.text[0] == "<")
    if not ((out and above) or (inside and below)):
        return
    text = (
        f"the interval {'leaves out' if out else 'holds'} {null}, but P {p.text} is "
        f"{'more' if above else 'less'} than {limit.normalize():f}: interval and P cannot be of "
        "one method"
    )
    text += "" if claim.test else "; if P is of another test than the interval, say so in `test`"
    yield Finding("impossible", ("lower", "upper", "p"), text)


# The counts, computed again.


def _again(claim: Claim, notes: _Notes) -> bool:
    """Whether the counts settle the interval as one that is not symmetric, or as a wrong one."""
    figures = [name for name in claim.figures if name != "p"]
    if not figures or not claim.shares:
        return False
    found = list(recomputed.intervals(claim))
    agreeing = [each.method for each in found if not each.differing(claim)]
    if agreeing:
        notes.checked.append(f"estimate and interval from the counts ({', '.join(agreeing)})")
        return not set(agreeing) & set(SYMMETRIC)
    if found and claim.method not in ("", "wald"):
        notes.checked.append(f"estimate and interval from the counts ({found[0].method})")
        notes.findings += filter(None, (recomputed.contradiction(claim, each) for each in found))
        return True
    if found and claim.estimate is not None:
        crude = found[0].values["estimate"]
        if crude is not None and "estimate" in found[0].differing(claim):
            notes.remarks.append(
                f"the counts give a crude estimate of {fitting(claim.estimate, crude, crude)[0]}: "
                "the printed one is adjusted, or of other subjects, or a misprint"
            )
    return False


def _tests_again(claim: Claim, notes: _Notes) -> Iterator[Finding]:
    """P computed again by the test that is named."""
    if claim.p is None or not claim.test:
        return
    for each in recomputed.p_values(claim):
        notes.checked.append(f"P from the counts ({TESTS[each.method]})")
        if finding := recomputed.contradiction(claim, each):
            yield finding


# As one Wald analysis.


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The figures tried as one Wald analysis; `fits`: what each would be by all the others."""

    scale: str
    symmetric: bool
    named: Mapping[str, Printed]
    fits: Mapping[str, tuple[str, str]]

    @property
    def alone(self) -> str:
        """The one figure that does not fit the others; empty where there is no such one."""
        return next(iter(self.fits)) if len(self.fits) == 1 else ""

    def in_words(self) -> str:
        figures = {name: f"{NAMES[name]} {each.text}" for name, each in self.named.items()}
        text = f"no Wald analysis (symmetric {self.scale}) gives {_listed(figures.values())}: "
        would = {name: _between(*ends) for name, ends in self.fits.items()}
        if self.alone:
            others = _listed(each for name, each in figures.items() if name != self.alone)
            alone = figures[self.alone]
            return text + f"with {others}, {alone} would be printed {would[self.alone]}"
        if would:
            changes = [f"{figures[name]} as {each}" for name, each in would.items()]
            return text + f"one would be printed otherwise: {_listed(changes, 'or')}"
        return text + "no other print of one figure alone mends it"


def _as_wald(claim: Claim, notes: _Notes) -> None:
    kind = claim.kind
    if kind is None:
        return
    null, named = kind.null, _uncut(claim, kind)
    if null is None or not claim.one_kind or claim.method == "t":
        named.pop("p", None)
        null = None
    if len(named) < 3:
        return
    model = Wald(kind.logarithmic, null, float(claim.level), claim.side)
    ranges = _ranges(named)
    scale = "on the log scale" if kind.logarithmic else "about the estimate"
    if model.corners(ranges):
        notes.checked.append(f"{_listed(NAMES[name] for name in named)} as one Wald analysis")
        if not kind.usually_wald and not claim.method:
            notes.remarks.append(
                f"symmetric {scale}: an interval by a standard error, not the one that is usual "
                f"for a {kind.label}"
            )
        return
    fits = {}
    for name, figure in named.items():
        corners = model.corners({other: each for other, each in ranges.items() if other != name})
        if corners:
            fits[name] = fitting(_finer(name, figure), *model.span(name, corners))
    symmetric = bool(model.corners({name: each for name, each in ranges.items() if name != "p"}))
    attempt = _Attempt(scale, symmetric, named, fits)
    _unlike_wald(claim, kind, attempt, notes)


def _uncut(claim: Claim, kind: Measure) -> dict[str, Printed]:
    """The figures without limits that were not reached, or cut at the ends of a share."""
    top = Decimal(100 if claim.in_percent else 1)
    ends = (Decimal(0) if kind.null is None else -top, top) if kind.share else ()
    return {
        name: figure
        for name, figure in claim.figures.items()
        if not figure.is_open
        and not (
            name in ("lower", "upper") and any(figure.low <= end <= figure.high for end in ends)
        )
    }


def _ranges(named: Mapping[str, Printed]) -> dict[str, tuple[float, float]]:
    return {name: (float(each.low), float(each.high)) for name, each in named.items()}


def _finer(name: str, figure: Printed) -> Printed:
    """`figure` with the digits in which it is told what would fit: three at least for P."""
    return replace(figure, unit=min(figure.unit, Decimal("0.001"))) if name == "p" else figure


def _unlike_wald(claim: Claim, kind: Measure, attempt: _Attempt, notes: _Notes) -> None:
    """What it means that the figures are not those of one Wald analysis."""
    text, figures = attempt.in_words(), tuple(attempt.named)
    if claim.method:
        figures = (attempt.alone,) if attempt.alone else figures
        notes.findings.append(Finding("impossible", figures, text, attempt.fits))
    elif attempt.symmetric:
        tests = [each for each in recomputed.p_values(claim) if not each.differing(claim)]
        if tests:
            notes.checked.append(f"P from the counts ({TESTS[tests[0].method]})")
            notes.remarks.append(f"P is that of {TESTS[tests[0].method]}, the interval a Wald one")
            return
        if claim.side == "two_sided" and _one_sided(claim):
            text += ". A one-sided test would give it; a side is named in `side`"
        else:
            text += ". P is of another test, or a figure is misprinted; a test is named in `test`"
        notes.findings.append(Finding("doubtful", ("p",), text, attempt.fits))
    elif attempt.alone and "p" in attempt.named:
        text += (
            ". The others agree with one another. What is excluded is a Wald interval; one of "
            "another kind would have to differ from it at this figure alone"
        )
        notes.findings.append(Finding("impossible", (attempt.alone,), text, attempt.fits))
    elif kind.usually_wald:
        text += ". Not a Wald interval, or a misprint; another interval is named in `method`"
        notes.findings.append(Finding("doubtful", figures, text, attempt.fits))
    else:
        notes.checked.append("limits about the estimate")
        notes.remarks.append(
            f"not a Wald interval (not symmetric {attempt.scale}), as usual for a {kind.label}, or "
            "a misprint: another interval is named in `method`"
        )


def _one_sided(claim: Claim) -> bool:
    """Whether P fits estimate and interval as that of a one-sided test."""
    sides: tuple[Side, ...] = ("greater", "less")
    kind, ranges = claim.kind, _ranges(claim.figures)
    if kind is None:
        return False
    models = [Wald(kind.logarithmic, kind.null, float(claim.level), side) for side in sides]
    return any(model.corners(ranges) for model in models)


def _listed(parts: Iterable[str], last: str = "and") -> str:
    each = list(parts)
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} {last} {each[-1]}"


def _between(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"
