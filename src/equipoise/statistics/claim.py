"""A result as somebody prints it: estimate, interval, P and counts, each with its rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from equipoise.statistics.printed import Printed
from equipoise.statistics.proportion import Side


@dataclass(frozen=True, slots=True)
class Measure:
    """What an estimate estimates, and the scale on which a Wald interval of it is symmetric.

    `null`: the value of no effect, None for a quantity of one group. `usually_wald`: whether an
    interval of which nothing is said is usually symmetric on that scale.
    """

    label: str
    logarithmic: bool
    null: float | None
    usually_wald: bool = True
    share: bool = False


def _ratio(label: str) -> Measure:
    return Measure(label, logarithmic=True, null=1.0)


def _difference(label: str, *, share: bool = False) -> Measure:
    return Measure(label, logarithmic=False, null=0.0, share=share)


def _single(label: str, *, usually_wald: bool = False, share: bool = False) -> Measure:
    return Measure(label, logarithmic=False, null=None, usually_wald=usually_wald, share=share)


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "odds_ratio": _ratio("odds ratio"),
        "hazard_ratio": _ratio("hazard ratio"),
        "risk_ratio": _ratio("risk ratio"),
        "rate_ratio": _ratio("rate ratio"),
        "ratio_of_odds_ratios": _ratio("ratio of odds ratios"),
        "ratio_of_hazard_ratios": _ratio("ratio of hazard ratios"),
        "risk_difference": _difference("risk difference", share=True),
        "mean_difference": _difference("difference of means"),
        "difference": _difference("difference"),
        "mean": _single("mean", usually_wald=True),
        "median": _single("median"),
        "proportion": _single("proportion", share=True),
        "survival": _single("probability of survival", share=True),
    }
)

SYMMETRIC = ("wald", "woolf", "haldane_anscombe", "katz", "robins_breslow_greenland", "t")
"""Intervals that are symmetric on the scale of their measure; `t` with wider limits than normal."""

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "wald": "Wald interval: symmetric on the scale of the measure",
        "woolf": "logit interval of an odds ratio (Woolf), a Wald interval",
        "haldane_anscombe": "logit interval with half a subject added to each cell",
        "katz": "log interval of a risk ratio (Katz), a Wald interval",
        "robins_breslow_greenland": "interval of a Mantel–Haenszel odds ratio, a Wald interval",
        "t": "interval with quantiles of Student's t: symmetric, but wider than normal",
        "clopper_pearson": "exact interval of a proportion (Clopper–Pearson)",
        "wilson": "score interval of a proportion (Wilson)",
        "wilson_corrected": "score interval of a proportion, corrected for continuity",
        "jeffreys": "interval of a proportion by Jeffreys' prior",
        "agresti_coull": "adjusted normal interval of a proportion (Agresti–Coull)",
        "wald_corrected": "normal interval of a risk difference, corrected for continuity",
        "newcombe": "hybrid score interval of a risk difference (Newcombe)",
        "newcombe_corrected": "hybrid score interval, corrected for continuity (Newcombe)",
        "agresti_caffo": "adjusted normal interval of a risk difference (Agresti–Caffo)",
        "miettinen_nurminen": "score interval of two proportions (Miettinen–Nurminen)",
        "mee": "score interval of a risk difference (Mee)",
        "koopman": "score interval of a risk ratio (Koopman)",
        "conditional_exact": "exact conditional interval of an odds ratio",
        "mid_p": "mid-P interval of a proportion or an odds ratio",
        "min_likelihood": "interval of an odds ratio by the two-sided exact test",
        "blaker": "Blaker's exact interval of a proportion or an odds ratio",
        "exact": "another exact interval",
        "score": "another score interval",
        "profile": "profile likelihood interval",
        "brookmeyer_crowley": "interval of a Kaplan–Meier quantile",
        "bootstrap": "bootstrap interval",
        "other": "any other that is not symmetric",
    }
)
"""What may be said of an interval."""

TESTS: Mapping[str, str] = MappingProxyType(
    {
        "wald": "Wald test",
        "score": "score test",
        "likelihood_ratio": "likelihood ratio test",
        "t": "t test",
        "fisher": "Fisher's exact test",
        "fisher_mid_p": "mid-P version of Fisher's exact test",
        "chi_square": "chi-square test",
        "chi_square_corrected": "chi-square test corrected for continuity",
        "boschloo": "Boschloo's unconditional exact test",
        "barnard": "Barnard's unconditional exact test, pooled Z",
        "log_rank": "log-rank test",
        "cmh": "Cochran–Mantel–Haenszel test",
        "cmh_exact": "exact conditional test of a common odds ratio",
        "breslow_day": "Breslow–Day test",
        "other": "any other",
    }
)
"""What may be said of the test that gave a P value."""

TEST_OF_INTERVAL = {
    "wald": "wald",
    "woolf": "wald",
    "t": "t",
    "score": "score",
    "profile": "likelihood_ratio",
}
"""The test that rejects no effect exactly where an interval leaves it out."""


NAMES = {"estimate": "estimate", "lower": "lower limit", "upper": "upper limit", "p": "P"}
"""The figures in words."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Figures that contradict one another, and why; `fits` is what would fit instead.

    `verdict`: `impossible`, or `doubtful` where another method than the one tried may explain it.
    `fits` has for a figure the first and the last that would fit, printed with its digits.
    """

    verdict: Literal["impossible", "doubtful"]
    figures: tuple[str, ...]
    text: str
    fits: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """A count of a number of subjects, perhaps with the percentage that is printed beside it."""

    numerator: int
    denominator: int
    percent: Printed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One printed result. `method` is that of the interval, `test` that of P; empty: not said.

    Of a share (a proportion, a risk difference) estimate and limits are in per cent where
    `in_percent` says so. `shares` are the groups in the order of the comparison.
    """

    label: str
    measure: str = ""
    estimate: Printed | None = None
    lower: Printed | None = None
    upper: Printed | None = None
    p: Printed | None = None
    level: Decimal = Decimal("0.95")
    side: Side = "two_sided"
    method: str = ""
    test: str = ""
    shares: tuple[Share, ...] = ()

    @property
    def kind(self) -> Measure | None:
        """The measure of the estimate; None where only counts are printed."""
        return MEASURES.get(self.measure)

    @property
    def figures(self) -> dict[str, Printed]:
        """The figures that are printed, by name."""
        named = {
            "estimate": self.estimate,
            "lower": self.lower,
            "upper": self.upper,
            "p": self.p,
        }
        return {name: figure for name, figure in named.items() if figure is not None}

    @property
    def in_percent(self) -> bool:
        """Whether a share is written in per cent: with its sign, or because it is more than 1."""
        kind = self.kind
        if kind is None or not kind.share:
            return False
        figures = [figure for name, figure in self.figures.items() if name != "p"]
        return any(
            figure.percent or (figure.exact and (figure.low + figure.high).copy_abs() > 2)
            for figure in figures
        )

    @property
    def one_kind(self) -> bool:
        """Whether P and interval are of one kind, said or for want of another word taken to be."""
        return not self.test or TEST_OF_INTERVAL.get(self.method or "wald") == self.test

    def in_words(self) -> str:
        """Measure, estimate, interval and P as printed."""
        parts = []
        if self.kind is not None:
            parts.append(self.kind.label)
        if self.estimate is not None:
            parts.append(self.estimate.text)
        if self.lower is not None or self.upper is not None:
            low, high = (each.text if each else "?" for each in (self.lower, self.upper))
            parts.append(f"({low} to {high})")
        text = " ".join(parts)
        if self.p is not None:
            text += ("; " if text else "") + f"P {self.p.text}"
        counts = [
            f"{each.numerator}/{each.denominator}"
            + (f" ({each.percent.text.rstrip('% ')} %)" if each.percent else "")
            for each in self.shares
        ]
        return "; ".join(part for part in (text, " v ".join(counts)) if part)
