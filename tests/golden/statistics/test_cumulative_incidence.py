"""Cumulative incidence of competing events, its test and its model against R's cmprsk, and against
Kaplan-Meier."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.cumulative_incidence import cumulative_incidence
from equipoise.statistics.fine_gray import fine_gray_fit
from equipoise.statistics.gray_test import gray_test
from equipoise.statistics.kaplan_meier import kaplan_meier, survival_at

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "survival.json").read_text(encoding="utf-8"))["survival"]["synth"]
with (HERE / "synth.csv").open(encoding="utf-8", newline="") as file:
    SYNTH = list(csv.DictReader(file))


@pytest.mark.parametrize("row", range(4))
def test_cumulative_incidence_is_that_of_cmprsk(row: int) -> None:
    golden = GOLDEN["cuminc"]
    arm, cause = golden["rows"][row].split()
    rows = [each for each in SYNTH if each["arm"] == arm]
    found = cumulative_incidence(
        [float(each["time"]) for each in rows],
        [int(each["cause"]) for each in rows],
        golden["times"],
    )
    own = [each for each in found if each.cause == int(cause)]
    assert [each.incidence for each in own] == pytest.approx(golden["est"][row], abs=1e-9)
    assert [each.variance for each in own] == pytest.approx(golden["var"][row], abs=1e-9)


def columns(*names: str) -> list[list[float]]:
    return [[float(row[name]) for name in names] for row in SYNTH]


@pytest.mark.parametrize("cause", [1, 2])
def test_gray_s_test_is_that_of_cmprsk(cause: int) -> None:
    golden = GOLDEN["cuminc"]
    found = gray_test(
        [float(row["time"]) for row in SYNTH],
        [int(row["cause"]) for row in SYNTH],
        [row["arm"] for row in SYNTH],
        of=cause,
    )
    statistic, p, freedom = golden["tests"][golden["testrows"].index(str(cause))]
    assert found.statistic == pytest.approx(statistic, rel=1e-6)
    assert found.p == pytest.approx(p, rel=1e-6)
    assert found.degrees_of_freedom == freedom


def test_subdistribution_hazards_are_those_of_crr() -> None:
    """crr ends its search where the score is still 1e-4, so that its coefficients and errors are
    right to 1e-5 only; the likelihood there is that of ours but for 5e-10, and lower."""
    golden = GOLDEN["finegray"]
    found = fine_gray_fit(
        [float(row["time"]) for row in SYNTH],
        [int(row["cause"]) for row in SYNTH],
        columns(*golden["names"]),
    )
    assert found.coefficients == pytest.approx(golden["coef"], abs=1e-5)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(golden["se"], abs=1e-6)
    assert 0 <= found.log_likelihood - golden["loglik"] < 1e-9


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=30).filter(
        lambda rows: any(cause for _, cause in rows)
    ),
    st.randoms(),
)
def test_incidences_and_survival_sum_to_1_in_any_order(rows, random) -> None:  # type: ignore[no-untyped-def]
    time, cause = (np.array(each) for each in zip(*rows, strict=True))
    last = float(time.max())
    found = cumulative_incidence(time, cause, [last])
    survival = survival_at(kaplan_meier(time, cause > 0), [last])[0].survival
    assert survival is not None
    assert sum(each.incidence or 0.0 for each in found) + survival == pytest.approx(1)
    random.shuffle(rows)
    time, cause = (np.array(each) for each in zip(*rows, strict=True))
    again = cumulative_incidence(time * 2, cause, [last * 2])
    assert [each.incidence for each in again] == pytest.approx([e.incidence for e in found])
    assert [each.variance for each in again] == pytest.approx([e.variance for e in found])


def test_unknown_after_the_last_follow_up_and_bad_causes_are_refused() -> None:
    assert cumulative_incidence([1, 2], [1, 0], [3])[0].incidence is None
    with pytest.raises(BadInput):
        cumulative_incidence([1, 2], [1, -1], [3])
