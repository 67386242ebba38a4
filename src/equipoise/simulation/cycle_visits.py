"""The visits of the days on which a cycle is due: what is asked there, and which visit it was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import Bools, Ints, Nature
from equipoise.simulation.patients import People, asked, attended
from equipoise.simulation.scenario import Scenario
from equipoise.study.definition import Study
from equipoise.visits.plan import Visit


def examined(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    entries: Entries,
    due: int,
    day: Ints,
    going: Bools,
) -> list[Visit]:
    """The visits of the day on which a cycle is due, for the `due`-th time; what is asked there is
    entered."""
    starts = [
        visit
        for visit in study.visits.visits
        if visit.anchor == "randomisation" and not visit.imaging and not visit.repeat_every
    ]
    cycles = [visit for visit in study.visits.visits if visit.anchor == "cycle"]
    found = starts if starts and due == 1 else cycles
    for visit in found:
        asked(study, scenario, nature, people, entries, visit, day, going, occasion=due)
    return found


def came(
    entries: Entries,
    visits: Sequence[Visit],
    cycle: Ints,
    put_off: Bools,
    day: Ints,
    going: Bools,
) -> None:
    """Enter that the subjects came; `cycle`: how many cycles they have begun before.

    A visit of cycles has the number of the cycle that begins. One at which it is put off is none of
    the schedule: that of this cycle is still to come. Nor is one of a cycle before the first of
    which the schedule has a visit.
    """
    for visit in visits:
        if visit.anchor == "cycle":
            number = cycle + 1
            attended(entries, visit, day, going, number, put_off | (number < visit.first_cycle))
        else:
            attended(entries, visit, day, going, np.ones_like(day))
