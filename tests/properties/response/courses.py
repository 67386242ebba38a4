"""Courses of tumours that hypothesis draws, near the limits of the standard where it can."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from equipoise.record.plan import Label
from equipoise.response.plan import Evaluator, ResponsePlan, ResponseWindow
from tests.harness.tumour import Course, Scan

PLAN = ResponsePlan(
    criteria="recist_1_1",
    evaluators=(
        Evaluator(code="central", label=Label(en="Central"), blinded_to_marker=True),
        Evaluator(code="local", label=Label(en="Local"), blinded_to_marker=False),
    ),
    primary_evaluator="central",
    baseline_days_before_first_dose=35,
    stable_disease_minimum_days=42,
    windows=(
        ResponseWindow(
            code="month_3", label=Label(en="3 months"), target_day=91, first_day=77, last_day=105
        ),
    ),
)

_TARGETS = {"T1": "target", "T2": "target", "N1": "target node"}
_OTHERS = {"NT1": "non-target", "NT2": "non-target node"}
_WHOLE = st.sampled_from([0, 1, 3, 4, 5, 7, 9, 10, 12, 14, 15, 20, 21, 24, 25, 30, 36, 40, 50, 70])
_HUNDREDTHS = st.sampled_from([-1, 0, 0, 0, 1, 50])
_SIZES = st.builds(
    lambda whole, part: str(max(Decimal(whole) + Decimal(part) / 100, Decimal(0))),
    _WHOLE,
    _HUNDREDTHS,
)
_PIECES = st.sampled_from(["absent", "too small", "not evaluated", "4", "9.99", "10", "12"])
_TARGET_SEEN = st.one_of(
    _SIZES,
    _SIZES,
    _SIZES,
    st.sampled_from(["absent", "absent", "too small", "not evaluated", "merged into T2"]),
    st.lists(_PIECES, min_size=2, max_size=3).map(lambda each: "split " + " + ".join(each)),
)
_OTHER_SEEN = st.sampled_from(
    ["absent", "absent", "absent", "present", "present", "not evaluated", "progression"]
)
_NEW = st.sampled_from([{}] * 8 + [{"X1": "equivocal"}, {"X1": "unequivocal"}])


@st.composite
def courses(draw: st.DrawFn, *, scans: int = 5) -> Course:
    """A course with up to three targets, two non-targets, and `scans` assessments at most."""
    targets = draw(st.lists(st.sampled_from(sorted(_TARGETS)), unique=True, max_size=3))
    others = draw(st.lists(st.sampled_from(sorted(_OTHERS)), unique=True, max_size=2))
    roles = {**_TARGETS, **_OTHERS}
    lesions = {name: roles[name] for name in (*targets, *others)}

    def seen() -> dict[str, str]:
        values = {name: draw(_TARGET_SEEN) for name in targets}
        values |= {name: draw(_OTHER_SEEN) for name in others}
        return {name: value for name, value in values.items() if draw(st.integers(0, 19))}

    days = draw(st.lists(st.integers(1, 200), unique=True, min_size=0, max_size=scans))
    first = Scan(-7, seen(), baseline=True)
    later = [Scan(day, seen(), draw(_NEW)) for day in sorted(days)]
    return Course(lesions, (first, *later))
