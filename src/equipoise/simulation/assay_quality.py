"""One scenario with better and better assays: what their errors cost is what comes out better.

Failures are samples that are inadequate and runs that give no result. Misclassification comes from
values that scatter between tumours and within one: without it each assay reads the mean of the
true status.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from equipoise.simulation.scenario import AssayNature, Scenario


class AssayQuality(NamedTuple):
    """A scenario with assays of this quality."""

    code: str
    label: str
    scenario: Scenario


def assay_qualities(scenario: Scenario) -> Iterator[AssayQuality]:
    """The scenario as it stands, with failure halved, without failure, without misclassification,
    and with neither, each time with nothing else changed."""
    none, half = Decimal(0), Decimal("0.5")
    yield AssayQuality("as_stated", "assay as the scenario says", scenario)
    yield AssayQuality("failure_halved", "failure halved", _failing(scenario, half))
    yield AssayQuality("no_failure", "without failure", _failing(scenario, none))
    exact = _exact(scenario)
    yield AssayQuality("no_misclassification", "without misclassification", exact)
    yield AssayQuality("perfect", "perfect assay", _failing(exact, none))


def _failing(scenario: Scenario, share: Decimal) -> Scenario:
    """With `share` of the failures."""
    marker = scenario.marker
    sample = marker.sample.model_copy(update={"inadequate": marker.sample.inadequate * share})
    assays = {
        code: assay.model_copy(update={"failure": assay.failure * share})
        for code, assay in marker.assays.items()
    }
    return _with(scenario, sample=sample, assays=assays)


def _exact(scenario: Scenario) -> Scenario:
    """With values that do not scatter, of the tumour as it is."""
    assays = {code: _without_scatter(assay) for code, assay in scenario.marker.assays.items()}
    found = _with(scenario, assays=assays)
    if found.endpoints is None:
        return found
    endpoints = found.endpoints.model_copy(update={"contrary": {}})
    return found.model_copy(update={"endpoints": endpoints})


def _without_scatter(assay: AssayNature) -> AssayNature:
    still = {"between": Decimal(0), "within": Decimal(0)}
    levels = {code: level.model_copy(update=still) for code, level in assay.levels.items()}
    return assay.model_copy(update={"levels": levels})


def _with(scenario: Scenario, **changed: object) -> Scenario:
    marker = scenario.marker.model_copy(update=changed)
    return scenario.model_copy(update={"marker": marker})
