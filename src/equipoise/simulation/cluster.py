"""Chunks on a cluster of `dask.distributed`: that of an address, or one of local processes.

The scheduler hands a chunk of a worker that died to another one. Workers must be like this process:
the same release, numba, numpy and kind of processor, or bits could differ; others are refused.
"""

from __future__ import annotations

import importlib
import logging
import pickle
import platform
import re
import signal
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import Any

from equipoise.errors import BadInput, EquipoiseError
from equipoise.simulation.chunks import ATTEMPTS, ENVIRONMENT, Chunk, Job, Result

AHEAD = 4
"""Chunks handed out for each thread of the workers, so that none waits for the next."""

PATIENCE = 10.0
"""Seconds until a scheduler has answered, or until it is asked what became of its workers."""

WITHOUT_WORKERS = 6
"""So many times the patience may be tried without a worker, until the run gives up."""

OPTION = "--cluster"
ALLOWED = "local:N with 1 to 512 workers, or a scheduler's address such as tcp://host:8786"
_LOCAL = re.compile(r"local:([1-9]\d{0,2})", re.ASCII)
_ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx)://)?[^\s/:]+:\d{1,5}", re.ASCII)


def check_cluster(address: str) -> None:
    """Raises BadInput for an address of another form, and where Dask is not installed.

    >>> check_cluster("local:0")
    Traceback (most recent call last):
    equipoise.errors.BadInput: --cluster: found 'local:0'; local:N with 1 to 512 workers, or a \
scheduler's address such as tcp://host:8786.
    """
    local = _LOCAL.fullmatch(address)
    known = int(local[1]) <= 512 if local else bool(_ADDRESS.fullmatch(address))
    if not known or (not local and address.startswith("local:")):
        raise BadInput(ALLOWED, field=OPTION, found=address)
    try:
        version("distributed")
    except PackageNotFoundError as error:
        allowed = "needs Dask, which is not installed: pip install 'equipoise[cluster]'"
        raise BadInput(allowed, field=OPTION, found=address) from error


def computed_on_cluster(
    job: Job[Result], parts: Sequence[Chunk], address: str
) -> Iterator[tuple[Chunk, Result]]:
    """Each of `parts` with its result, as they become ready.

    Raises BadInput where no scheduler answers, EquipoiseError when a worker is unlike this process
    or when workers die again and again.
    """
    check_cluster(address)
    dask = _distributed()
    with _client(dask, address) as client:
        run, waiting, failures, ours = _Run(client, job), iter(parts), 0, likeness()
        run.hand_out(islice(waiting, AHEAD * _threads(client)))
        while run.running:
            for future in _finished(dask, client, address, list(run.running)):
                part = run.running.pop(future)
                try:
                    theirs, result = future.result()
                except dask.KilledWorker as error:
                    failures += 1
                    if failures == ATTEMPTS:
                        raise EquipoiseError(
                            f"workers died again and again, the last over chunk {part.number}. "
                            "Way out: look whether memory ran out on them"
                        ) from error
                    run.hand_out_again(part)
                    continue
                except (OSError, CancelledError) as error:
                    raise _lost(address) from error
                if theirs != ours:
                    raise EquipoiseError(
                        f"a worker of {address} has {theirs}, and this process {ours}: their bits "
                        "could differ. Way out: the same release and the same kind of machine"
                    )
                failures = 0
                yield part, result
                run.hand_out(islice(waiting, 1))


def _finished(dask: Any, client: Any, address: str, running: list[Any]) -> list[Any]:
    """Futures that are finished, as soon as there are some. EquipoiseError where no worker has been
    there for a while to finish any."""
    without = 0
    while without < WITHOUT_WORKERS:
        try:
            return list(dask.wait(running, PATIENCE, "FIRST_COMPLETED").done)
        except TimeoutError:
            without = 0 if client.nthreads() else without + 1
    raise _lost(address)


def _lost(address: str) -> EquipoiseError:
    return EquipoiseError(
        f"the workers of {address} were lost: they died, and none came again. Way out: begin "
        "again; with --out finished chunks are kept"
    )


class _Run:
    """Chunks that are with the scheduler, by their futures.

    A task whose worker was killed several times is given up by the scheduler, also when it only
    stood in line there: it is handed out again as another task, with the job.
    """

    def __init__(self, client: Any, job: Job[Result]) -> None:
        self.client, self.packed = client, pickle.dumps(job)
        self.running: dict[Any, Chunk] = {}
        self.held = self._held()

    def hand_out(self, parts: Iterable[Chunk]) -> None:
        """Give chunks to the scheduler."""
        for part in parts:
            future = self.client.submit(_part, self.held, part, key=_key(), pure=False)
            self.running[future] = part

    def hand_out_again(self, part: Chunk) -> None:
        """Give a chunk to the scheduler that it gave up."""
        self.held = self._held()
        self.hand_out([part])

    def _held(self) -> Any:
        """The job on the cluster: a task of its own, so that it is made again where it is lost."""
        return self.client.submit(pickle.loads, self.packed, key=_key())


def _key() -> str:
    return f"equipoise-{uuid.uuid4().hex}"


def likeness() -> str:
    """What must be the same for the same bits: release, numba, numpy, processor, system."""
    names = ", ".join(f"{name} {version(name)}" for name in ("equipoise", "numba", "numpy"))
    return f"{names}, {platform.machine()} {platform.system()}"


def _part(job: Job[Result], part: Chunk) -> tuple[str, Result]:
    return likeness(), job(part)


def _not_interrupted() -> None:
    """Ctrl-C is for the process that started these workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _distributed() -> Any:
    """The module, which is not typed, and is there only where the extra is installed."""
    return importlib.import_module("distributed")


def _threads(client: Any) -> int:
    return max(1, sum(int(count) for count in client.nthreads().values()))


@contextmanager
def _client(dask: Any, address: str) -> Iterator[Any]:
    if local := _LOCAL.fullmatch(address):
        with (
            dask.LocalCluster(
                n_workers=int(local[1]), threads_per_worker=1, processes=True, memory_limit=0,
                dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL, env=ENVIRONMENT,
            ) as cluster,
            dask.Client(cluster) as client,
        ):  # fmt: skip
            client.run(_not_interrupted)
            yield client
        return
    try:
        client = dask.Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        allowed = f"no scheduler of Dask answers there: {error}"
        raise BadInput(allowed, field=OPTION, found=address) from error
    with client:
        yield client
