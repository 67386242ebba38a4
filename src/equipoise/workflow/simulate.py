"""Operating characteristics of a study by simulated end points: many trials, scenario by scenario.

The scenario as it stands comes first; then the same with better and better assays, then the points
of a grid. All meet the same trials, chunk by chunk, here or elsewhere, and every number is the same
to the last bit whoever computed it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from equipoise.errors import BadInput
from equipoise.simulation.assay_quality import assay_qualities
from equipoise.simulation.chunks import Chunk, chunks, computed, cores, in_order
from equipoise.simulation.cluster import computed_on_cluster, likeness
from equipoise.simulation.endpoint_compiler import EndpointCompiler
from equipoise.simulation.endpoints import EndpointSimulation
from equipoise.simulation.grid import GridPoint
from equipoise.simulation.operating import OperatingRow, operating_characteristics
from equipoise.simulation.scenario import Scenario
from equipoise.simulation.side_by_side import (
    ChunkResult,
    PairedDifference,
    SideBySide,
    paired_difference,
    together,
)
from equipoise.study.definition import Study
from equipoise.workflow.finished_chunks import FinishedChunks, check_folder

CHUNK = 1000
"""Trials in a chunk. It is part of what a simulation is: another size adds in another order."""

WORTH_IT = 8.0
"""Seconds that must be left for processes to be started: each takes some until it computes."""

PROBE, PROBED = 20, 5
"""Trials, and members of the simulation, by which that is judged."""

AS_STATED = "as_stated"
DIFFERENCE = "rejection_difference"
"""The measure of a row that compares a member with the scenario as it stands, trial by trial."""

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Member:
    """One scenario among those that are simulated. `kind`: `assay` or `grid`."""

    code: str
    label: str
    kind: str
    fields: Mapping[str, Any]
    simulation: EndpointSimulation


def simulated_members(
    study: Study, scenario: Scenario, points: Sequence[GridPoint] = ()
) -> list[Member]:
    """The scenario as it stands, its assay qualities, and the points of a grid, each compiled.

    Raises BadInput for what cannot be simulated, before anything runs.
    """
    compiler = EndpointCompiler()
    found = [
        Member(each.code, each.label, "assay", {}, compiler.simulation(study, each.scenario))
        for each in assay_qualities(scenario)
    ]
    for number, point in enumerate(points, start=1):
        try:
            simulation = compiler.simulation(point.study, point.scenario)
        except BadInput as error:
            raise BadInput(
                error.allowed, where=f"grid point {point.label}", field=error.field,
                found=error.found,
            ) from error  # fmt: skip
        found.append(Member(f"grid_{number:03d}", point.label, "grid", point.fields, simulation))
    return found


@dataclass(frozen=True, slots=True)
class Workers:
    """Who computes: so many processes (None: as the work is worth), or a cluster of Dask."""

    processes: int | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """How the simulation was computed. Trials count once for each member.

    `prepared` are the seconds until machine code was there, `seconds` those of computing; `kept`
    are chunks of `size` that were there from an earlier run; `by` says who computed.
    """

    trials: int
    seconds: float
    prepared: float
    chunks: int
    size: int
    kept: int
    by: str
    machine: str


@dataclass(frozen=True, slots=True)
class Simulated:
    """Operating characteristics as rows, and how they were computed."""

    rows: list[dict[str, Any]]
    measured: Measured


def simulation_identity(
    study: Study, scenario: Scenario, members: Sequence[Member], seed: int
) -> dict[str, Any]:
    """What makes two simulations the same, whatever their numbers of trials."""
    all_members = "|".join(f"{each.code} {each.simulation.fingerprint}" for each in members)
    return {
        "study": f"{study.id} {study.version}",
        "scenario": scenario.name,
        "seed": seed,
        "members": len(members),
        "simulation": members[0].simulation.fingerprint,
        "all members": sha256(all_members.encode("ascii")).hexdigest(),
        "chunk": CHUNK,
        "machine": likeness(),
    }


def simulate(
    members: Sequence[Member],
    seed: int,
    trials: int,
    *,
    workers: Workers = Workers(),
    out: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    every_trial: bool = False,
    progress: Progress = lambda done, total, before: None,
) -> Simulated:
    """Operating characteristics of each of `members` over the trials 0 to `trials - 1`.

    With `out` finished chunks are kept there and not computed again; with `every_trial` each trial
    is written there too, as `trials/*.parquet`. `progress` is told trials done, in all, and done
    before. Raises BadInput where `out` holds another simulation.
    """
    if out is not None:
        check_folder(out, identity or {})
    began = time.monotonic()
    job = SideBySide(tuple(each.simulation for each in members), seed, every_trial)
    _one_of_each(job)
    prepared = time.monotonic() - began
    run = _Run(members, job, job.nothing(), out, identity or {}, every_trial)
    parts = chunks(trials, CHUNK)
    there = {part.number for part in parts if run.kept(part) is not None}
    todo = [part for part in parts if part.number not in there]
    before = sum(part.count for part in parts if part.number in there)
    progress(before, trials, before)
    began = time.monotonic()
    total: ChunkResult | None = None
    with closing(_computed(job, todo, workers)) as ready:
        told = _told(run.saved(ready), before, trials, progress)
        kept = lambda part: run.kept(part) if part.number in there else None  # noqa: E731
        for _, result in in_order(parts, told, kept):
            total = result if total is None else together(total, result)
    assert total is not None
    seconds = time.monotonic() - began
    measured = Measured(
        (trials - before) * len(members), seconds, prepared, len(parts), CHUNK, len(there),
        _by(workers), likeness(),
    )  # fmt: skip
    return Simulated([*_rows(members, total, trials)], measured)


@dataclass(slots=True)
class _Run:
    """What is kept of a simulation while it runs."""

    members: Sequence[Member]
    job: SideBySide
    like: ChunkResult
    out: Path | None
    identity: Mapping[str, Any]
    every_trial: bool
    store: FinishedChunks | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.out is not None:
            self.store = FinishedChunks(self.out, self.identity, self.like)

    def kept(self, part: Chunk) -> ChunkResult | None:
        """The result of an earlier run, with every trial where these are asked for."""
        if self.store is None or (self.every_trial and not self._trials(part).exists()):
            return None
        return self.store.load(part)

    def saved(
        self, ready: Iterator[tuple[Chunk, ChunkResult]]
    ) -> Iterator[tuple[Chunk, ChunkResult]]:
        """Keeps each result at once, in whatever order they come."""
        for part, result in ready:
            if self.store is not None:
                self.store.begin()
                if self.every_trial:
                    self._write_trials(part, result)
                self.store.save(part, result)
            yield part, ChunkResult(result.sums, result.gained, result.lost)

    def _trials(self, part: Chunk) -> Path:
        assert self.out is not None
        return self.out / "trials" / f"{part.number:08d}.parquet"

    def _write_trials(self, part: Chunk, result: ChunkResult) -> None:
        frames = [
            pl.DataFrame(
                {
                    "scenario": pl.Series([member.code] * part.count, dtype=pl.String),
                    "trial": pl.Series(part.trials, dtype=pl.Int64),
                }
            ).hstack(pl.DataFrame(trials, schema=list(member.simulation.columns)))
            for member, trials in zip(self.members, result.trials, strict=True)
        ]
        path = self._trials(part)
        path.parent.mkdir(exist_ok=True)
        beside = path.with_suffix(".part")
        pl.concat(frames, how="diagonal").write_parquet(beside, compression="zstd")
        beside.replace(path)


def _computed(
    job: SideBySide, todo: Sequence[Chunk], workers: Workers
) -> Generator[tuple[Chunk, ChunkResult], None, None]:
    """The chunks that are still to do, by whoever is to compute them."""
    if workers.cluster is None:
        yield from computed(job, todo, workers.processes or _worth_it(job, todo))
    elif todo:
        yield from computed_on_cluster(job, todo, workers.cluster)


def _one_of_each(job: SideBySide) -> None:
    """One trial of each kind of machine code, which is then there for this and other processes."""
    kinds = {len(each.tables.looks.counts) > 0: each for each in job.simulations}
    replace(job, simulations=tuple(kinds.values()))(Chunk(0, 0, 1))


def _worth_it(job: SideBySide, todo: Sequence[Chunk]) -> int:
    """How many processes the work is worth, by the time that a few trials take here."""
    some = replace(job, simulations=job.simulations[:PROBED])
    began = time.monotonic()
    some(Chunk(0, 0, PROBE))
    one = (time.monotonic() - began) / (PROBE * len(some.simulations))
    left = one * len(job.simulations) * sum(part.count for part in todo)
    return cores() if left > WORTH_IT else 1


def _by(workers: Workers) -> str:
    if workers.cluster is not None:
        return f"workers of Dask, {workers.cluster}"
    if workers.processes is not None:
        return f"--processes {workers.processes}"
    return f"a process for each of {cores()} cores, where it was worth it"


def _told(
    ready: Iterator[tuple[Chunk, ChunkResult]], before: int, trials: int, progress: Progress
) -> Iterator[tuple[Chunk, ChunkResult]]:
    done = before
    for part, result in ready:
        done += part.count
        progress(done, trials, before)
        yield part, result


def _rows(members: Sequence[Member], total: ChunkResult, trials: int) -> Iterator[dict[str, Any]]:
    """Every operating characteristic of every member, and its differences from the first."""
    tested = members[0].simulation.tested
    told = [each.name for each in fields(OperatingRow)]
    compared = [each.name for each in fields(PairedDifference)]
    for place, (member, sums) in enumerate(zip(members, total.sums, strict=True)):
        whose = {
            "scenario": member.code, "scenario_label": member.label, "kind": member.kind,
            "fields": dict(member.fields),
        }  # fmt: skip
        labels: dict[str, str] = {}
        for row in operating_characteristics(member.simulation, sums):
            labels.setdefault(row.subject, row.label)
            yield {**whose, **{name: getattr(row, name) for name in told}}
        if place == 0:
            continue
        for column, analysis in enumerate(tested):
            if analysis not in member.simulation.tested:
                continue
            gained, lost = int(total.gained[place, column]), int(total.lost[place, column])
            one = paired_difference(analysis, gained, lost, trials)
            found = {name: getattr(one, name) for name in compared}
            name = found.pop("analysis")
            yield {
                **whose, "measure": DIFFERENCE, "subject": name, "label": labels.get(name, name),
                **found, "truth": None, "against": AS_STATED,
            }  # fmt: skip
