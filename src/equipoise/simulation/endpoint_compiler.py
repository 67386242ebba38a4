"""Many scenarios compiled: what only enrolment tells apart is worked out once.

How many are randomised, and when they come, stands in the table of accrual and in the length of
listings alone; so a grid over sizes costs one compilation and not one for each point.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from equipoise.simulation.endpoint_entry import accrual
from equipoise.simulation.endpoint_fingerprint import fingerprint, study_digest
from equipoise.simulation.endpoint_looks import look_tables
from equipoise.simulation.endpoint_plan import EndpointNature
from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.trial_tables import no_looks
from equipoise.study.definition import Study


@dataclass(slots=True)
class EndpointCompiler:
    """`endpoint_simulation` of one scenario after another: the same, in less time.

    Studies that are the same object are the same study.
    """

    _studies: dict[int, tuple[Study, Any]] = field(default_factory=dict)
    _made: dict[tuple[int, str], EndpointSimulation] = field(default_factory=dict)

    def simulation(self, study: Study, scenario: Scenario) -> EndpointSimulation:
        """Compile study and scenario. Raises BadInput as `endpoint_simulation` does."""
        if id(study) not in self._studies:
            self._studies[id(study)] = study, study_digest(study)
        key = id(study), scenario.model_dump_json(exclude={"enrolment"})
        known = self._made.get(key)
        if known is None:
            self._made[key] = endpoint_simulation(study, scenario)
            return self._made[key]
        return self._enrolled(known, study, scenario)

    def _enrolled(
        self, known: EndpointSimulation, study: Study, scenario: Scenario
    ) -> EndpointSimulation:
        """A simulation with the enrolment of this scenario instead of its own."""
        coming = accrual(study, scenario, scenario.endpoints or EndpointNature())
        tables = known.tables._replace(
            accrual=coming,
            listings=known.tables.listings._replace(each=coming.wanted),
            looks=no_looks(),
        )
        if known.looked is not None:
            tables = look_tables(study, known.looked, tables)
        of_study = self._studies[id(study)][1]
        return replace(known, tables=tables, fingerprint=fingerprint(of_study, scenario))
