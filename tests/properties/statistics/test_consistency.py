"""What is true is never called impossible, however it is rounded; what is misprinted is found."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from statistics import NormalDist

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.binomial_interval import PROPORTION_INTERVALS
from equipoise.statistics.claim import Claim, Share
from equipoise.statistics.consistency import judged
from equipoise.statistics.odds_ratio import odds_ratio_woolf
from equipoise.statistics.printed import computed, fitting, printed
from equipoise.statistics.proportion import (
    Side,
    fisher_exact_p,
)
from equipoise.statistics.risk_difference import RISK_DIFFERENCE_INTERVALS
from equipoise.statistics.wald import Corner, Wald

ROUNDINGS = (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_HALF_DOWN)
RATIOS = ("odds_ratio", "hazard_ratio", "risk_ratio", "ratio_of_odds_ratios")
DIFFERENCES = ("mean_difference", "difference")
SIDES: tuple[Side, ...] = ("two_sided", "greater", "less")
LEVELS = (Decimal("0.9"), Decimal("0.95"), Decimal("0.99"), Decimal("0.975"))


def rounded(value: float, digits: int, rounding: str = ROUND_HALF_UP) -> str:
    return f"{Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=rounding):f}"


def tail(z: float, side: Side) -> float:
    above = math.erfc(z / math.sqrt(2)) / 2
    return {"two_sided": 2 * min(above, 1 - above), "greater": above, "less": 1 - above}[side]


def wald_claim(
    centre: float, error: float, measure: str, level: Decimal, side: Side, texts: st.DataObject
) -> dict[str, str]:
    """The figures of a true Wald analysis, each rounded to one to four digits."""
    z = NormalDist().inv_cdf((1 + float(level)) / 2)
    values = [centre, centre - z * error, centre + z * error]
    values = [math.exp(each) for each in values] if measure in RATIOS else values
    digits, ways = st.integers(1, 4), st.sampled_from(ROUNDINGS)
    texts_of = [rounded(each, texts.draw(digits), texts.draw(ways)) for each in values]
    p = tail(centre / error, side)
    p_text = rounded(p, texts.draw(digits), texts.draw(ways))
    if texts.draw(st.booleans()):
        p_text = p_text.replace("0.", ".", 1) if p_text.startswith("0.") else p_text
    if p < 0.001 and texts.draw(st.booleans()):
        p_text = "<0.001"
    return dict(zip(("estimate", "lower", "upper", "p"), [*texts_of, p_text], strict=True))


@given(
    st.floats(-3, 3),
    st.floats(0.01, 2.5),
    st.sampled_from(RATIOS + DIFFERENCES),
    st.sampled_from(LEVELS),
    st.sampled_from(SIDES),
    st.sampled_from(("", "wald")),
    st.data(),
)
def test_a_true_wald_result_is_consistent_however_it_is_rounded(
    centre: float, error: float, measure: str, level: Decimal, side: Side, method: str,
    texts: st.DataObject,
) -> None:  # fmt: skip
    figures = wald_claim(centre, error, measure, level, side, texts)
    found = judged(
        Claim(
            label="true", measure=measure, level=level, side=side, method=method,
            **{name: printed(text) for name, text in figures.items()},
        )
    )  # fmt: skip
    assert found.verdict == "consistent", (figures, found)


@given(st.floats(10, 60), st.floats(1, 7))
def test_a_monotone_likelihood_contradicts_nothing(centre: float, size: float) -> None:
    """Separation: an odds ratio of 10^25, a standard error of millions, P of nearly 1, all true."""
    error = 10**size * centre
    claim = Claim(
        label="separated", measure="hazard_ratio", method="wald", test="wald",
        estimate=computed(math.exp(centre)), lower=computed(0.0),
        p=computed(tail(centre / error, "two_sided")),
    )  # fmt: skip
    assert judged(claim).verdict == "consistent"


@given(st.floats(-2, 2), st.floats(0.05, 1), st.sampled_from((2, 3)), st.booleans())
def test_a_digit_of_p_that_is_wrong_by_more_than_rounding_is_found(
    centre: float, error: float, digits: int, up: bool
) -> None:
    """And of what would fit, the true P is one."""
    z = NormalDist().inv_cdf(0.975)
    values = {"estimate": centre, "lower": centre - z * error, "upper": centre + z * error}
    figures = {name: printed(rounded(math.exp(each), 4)) for name, each in values.items()}
    p = tail(abs(centre) / error, "two_sided")
    step = 10.0**-digits
    wrong = p + 3 * step if up else p - 3 * step
    assume(0 < wrong < 1)
    figures["p"] = printed(rounded(wrong, digits))
    found = judged(Claim(label="wrong", measure="hazard_ratio", **figures))
    # Four digits of the limits leave P open by less than this, or the case says nothing.
    width = 4e-4 / math.exp(values["lower"]) / error
    assume(width < step)
    assert found.verdict in ("doubtful", "impossible"), (figures, p)
    (fits,) = [each.fits["p"] for each in found.findings if "p" in each.fits]
    first, last = (float(each) for each in fits)
    assert first - step <= p <= last + step


@given(
    st.floats(-2, 2), st.floats(0.05, 1), st.sampled_from(("estimate", "lower", "upper")),
    st.integers(2, 3), st.booleans(),
)  # fmt: skip
def test_what_would_fit_holds_the_true_figure(
    centre: float, error: float, name: str, digits: int, up: bool
) -> None:
    """One figure of four is moved out of reach: if it alone is named, the true one is offered."""
    z = NormalDist().inv_cdf(0.975)
    values = {"estimate": centre, "lower": centre - z * error, "upper": centre + z * error}
    texts = {key: rounded(math.exp(each), digits) for key, each in values.items()}
    texts["p"] = rounded(tail(abs(centre) / error, "two_sided"), 3)
    true = texts[name]
    moved = math.exp(values[name]) * (1.5 if up else 1 / 1.5)
    texts[name] = rounded(moved, digits)
    found = judged(
        Claim(label="moved", measure="odds_ratio", **{k: printed(v) for k, v in texts.items()})
    )
    for finding in found.findings:
        if name in finding.fits:
            first, last = (float(each) for each in finding.fits[name])
            assert first <= float(true) <= last


@given(st.integers(0, 200), st.integers(1, 200), st.integers(0, 3), st.sampled_from(ROUNDINGS))
def test_a_true_percentage_is_consistent(x: int, n: int, digits: int, rounding: str) -> None:
    assume(x <= n)
    exact = Decimal(100 * x) / Decimal(n)
    text = f"{exact.quantize(Decimal(1).scaleb(-digits), rounding=rounding):f}%"
    claim = Claim(label="share", shares=(Share(x, n, printed(text)),))
    assert judged(claim).verdict == "consistent"


@given(st.integers(0, 120), st.integers(1, 120), st.integers(0, 1), st.integers(-9, 9))
def test_a_wrong_percentage_is_impossible_and_what_fits_fits(
    x: int, n: int, digits: int, off: int
) -> None:
    assume(x <= n and abs(off) > 1)
    percent = Decimal(100 * x) / Decimal(n) + off * Decimal(1).scaleb(-digits)
    assume(0 <= percent <= 100)
    text = f"{percent.quantize(Decimal(1).scaleb(-digits)):f}"
    (finding,) = judged(Claim(label="share", shares=(Share(x, n, printed(text)),))).findings
    assert finding.verdict == "impossible"
    fitting = [(int(first), n) for first, _ in [finding.fits.get("numerator", ("-1", ""))]]
    fitting += [(int(each), n) for each in finding.fits.get("numerator", ())]
    fitting += [(x, int(each)) for each in finding.fits.get("denominator", ())]
    for numerator, denominator in fitting:
        if numerator >= 0:
            again = Claim(label="fits", shares=(Share(numerator, denominator, printed(text)),))
            assert judged(again).verdict == "consistent"


@given(st.data(), st.integers(1, 60), st.integers(1, 60), st.integers(1, 3))
def test_what_our_own_methods_give_is_consistent_however_it_is_rounded(
    data: st.DataObject, n1: int, n2: int, digits: int
) -> None:
    x1, x2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    shares = (Share(x1, n1), Share(x2, n2))
    p = fisher_exact_p(x1, n1, x2, n2)
    for method, interval in RISK_DIFFERENCE_INTERVALS.items():
        found = interval(x1, n1, x2, n2, 0.95)
        claim = Claim(
            label=method, measure="risk_difference", method=method, test="fisher", shares=shares,
            p=printed(rounded(p, digits)), estimate=computed(found.estimate or 0.0),
            lower=computed(found.lower), upper=printed(rounded(found.upper, digits)),
        )  # fmt: skip
        assert judged(claim).verdict == "consistent", (claim, judged(claim))
    for method, one in PROPORTION_INTERVALS.items():
        single = one(x1, n1, 0.95)
        claim = Claim(
            label=method, measure="proportion", method=method, shares=shares[:1],
            estimate=printed(rounded(100 * x1 / n1, digits) + "%"),
            lower=printed(rounded(100 * single.lower, digits) + "%"),
            upper=computed(100 * single.upper),
        )  # fmt: skip
        assert judged(claim).verdict == "consistent", (claim, judged(claim))
    ratio = odds_ratio_woolf(x1, n1, x2, n2, 0.95)
    if 0 < ratio.lower and ratio.estimate is not None:
        claim = Claim(
            label="woolf", measure="odds_ratio", shares=shares, p=printed(rounded(p, digits)),
            test="fisher", estimate=computed(ratio.estimate), lower=computed(ratio.lower),
            upper=printed(rounded(ratio.upper, digits)),
        )  # fmt: skip
        assert judged(claim).verdict == "consistent", (claim, judged(claim))


@given(st.floats(0, 1e6), st.integers(0, 4))
def test_what_fits_a_value_is_how_it_is_printed(value: float, digits: int) -> None:
    text = rounded(value, digits)
    first, last = fitting(printed(text), value, value)
    assert float(first) <= float(text) <= float(last)
    assert printed(text).low <= Decimal(value) <= printed(text).high


@pytest.mark.parametrize(
    ("corner", "p"),
    [
        (Corner(1, 0.0, 0.0, 1.0), (0.0, 1.0)),
        (Corner(1, 0.5, 0.0, 1.0), (0.0, 0.0)),
        (Corner(-1, 0.5, 0.0, 1.0), (1.0, 1.0)),
    ],
)
def test_p_without_any_width_is_0_beyond_no_effect_and_anything_at_it(
    corner: Corner, p: tuple[float, float]
) -> None:
    assert Wald(logarithmic=False, null=0.0, side="less").span("p", [corner]) == p


@given(st.text(max_size=12))
def test_any_text_is_a_figure_or_bad_input(text: str) -> None:
    try:
        found = printed(text)
    except BadInput as error:
        assert "must be a figure as printed" in str(error)
    else:
        assert found.low <= found.high


@pytest.mark.parametrize(
    "text", ["", "1,12", "1.1.2", "%", "<", "NaN", "1e9999", "٣", "0x1", "--1"]
)
def test_what_is_no_figure(text: str) -> None:
    with pytest.raises(BadInput):
        printed(text)
