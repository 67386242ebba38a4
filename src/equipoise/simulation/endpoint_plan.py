"""What end-point simulation needs to know of nature beyond what a rehearsal does.

Everything here is optional: without it the end points are drawn as the scenario already says.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Number, Plan

Share = Annotated[Number, Field(ge=0, le=1)]
"""A probability, written exactly."""
Loading = Annotated[Number, Field(ge=-1, le=1)]
"""How much of a draw is the patient's own factor: 0 nothing, 1 or -1 all of it."""

BesideFisher = Literal["chi_square", "chi_square_corrected", "mid_p"]


class SiteAccrual(Plan):
    """A hospital's share of all who come once every hospital is open, and when it opens."""

    share: Number = Field(gt=0)
    opens_month: Count = Field(default=0, ge=0)


class CalendarRate(Plan):
    """From this month on so many times the usual number of patients come."""

    from_month: Count = Field(ge=0)
    factor: Number = Field(ge=0)


class PrevalenceSpread(Plan):
    """Standard deviations of the log odds of a status, between trials and between hospitals.

    With more than two statuses: of the log weight of every status but the last.
    """

    between_trials: Number = Field(default=Decimal(0), ge=0, le=5)
    between_sites: Number = Field(default=Decimal(0), ge=0, le=5)


class EndpointNature(Plan):
    """How end points are drawn where they are drawn directly.

    `analyses`: which analyses of the plan (none named: all that can run). `beside_fisher`: other
    tests of the same tables. `intervals`: the analyses of counts of which estimate and interval are
    worked out in every trial, for their coverage and width; some take longer than the trial.
    `seen`: progression is seen at planned assessments, or at once.
    `loadings`: of `response`, `progression`, `death` and of assays (by code) on the patient's own
    factor; two draws with loadings a and b are correlated by a b (one-factor Gaussian copula), so
    that an assay with a loading errs in dependence on the outcome. `contrary`: how often an assay
    reads a tumour as one of another status. `screening_failure`: of those who come, the share that
    cannot enter for other reasons than the marker. `sites`, `calendar`: accrual.
    """

    analyses: tuple[Code, ...] = ()
    beside_fisher: tuple[BesideFisher, ...] = ()
    intervals: tuple[Code, ...] = ()
    seen: Literal["at_assessments", "at_once"] = "at_assessments"
    loadings: dict[Code, Loading] = Field(default_factory=dict)
    prevalence: PrevalenceSpread = PrevalenceSpread()
    contrary: dict[Code, Share] = Field(default_factory=dict)
    screening_failure: Share = Decimal(0)
    sites: dict[Code, SiteAccrual] = Field(default_factory=dict)
    calendar: tuple[CalendarRate, ...] = ()
