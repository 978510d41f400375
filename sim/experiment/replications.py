"""Many replications of a scenario, on one core or several. The result depends on neither number nor order."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any, TypeVar

from sim.experiment.estimators import choose_estimator
from sim.experiment.replication import simulate_alike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from sim.experiment.estimators import Estimator
    from sim.experiment.figures import Figures
    from sim.scenario.specs import Scenario

T = TypeVar("T")

_OBJECTS_BETWEEN_COLLECTIONS = 200_000


_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""The signals that end a program."""


class _Worker(SpawnProcess):
    def start(self) -> None:
        """Start a worker that never receives the signals that end the program: its parent handles them."""
        with _deaf_children():
            super().start()


@contextmanager
def _held_signals() -> Iterator[None]:
    """Hold back the ending signals that arrive in this block, and raise them after it."""
    arrived: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()
    handlers = {
        number: signal.signal(number, lambda number, _: arrived.append(number)) for number in _SIGNALS if in_main
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in arrived:
        signal.raise_signal(number)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Block the ending signals, so that processes started in this block inherit the blocked mask from the first moment.

    A signal that arrives meanwhile is raised after the block, as a child that has not received its task would fail.
    """
    with _held_signals(), _signals_blocked():
        yield


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the ending signals in this thread. Windows has no masks: a worker there ignores Ctrl-C once it runs."""
    if sys.platform != "win32" and hasattr(signal, "pthread_sigmask"):
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    else:
        yield


class _Context(SpawnContext):
    Process = _Worker


class _Pool(ProcessPoolExecutor):
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:  # noqa: ANN401 - fn's own
        """Return a future that cannot be cancelled: `process_pool` ends the work by killing the workers.

        The pool's thread then sets an error on each future, and crashes at a cancelled one (CPython up to 3.11,
        `_ExecutorManagerThread.terminate_broken`). A signal is held back meanwhile. Raised in the midst of `submit`
        it may leave a lock of the pool's queue taken, and the pool's thread then waits for the lock for ever.
        """
        with _held_signals():
            future = super().submit(fn, *args, **kwargs)
        future.cancel = lambda: False  # type: ignore[method-assign]
        return future


@contextmanager
def process_pool(workers: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of processes for the block, by default one for each core that this process may use.

    The processes are spawned, not forked: a fork inherits the locks of a progress bar's threads in any state. When the
    work fails they are killed, as a dead process may hold the lock of the queue at which the others wait.
    """
    workers = workers or usable_cores()
    if sys.platform != "win32":
        with _deaf_children():
            resource_tracker.ensure_running()  # it cleans up after the processes, and so must outlive the signal
    with _Pool(workers, mp_context=_Context(), initializer=_begin_work) as pool:
        try:
            yield pool
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.kill()
            pool.shutdown(cancel_futures=True)
            raise


def usable_cores() -> int:
    """Return how many cores this process may use; on macOS and Windows, how many the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def executor_of(workers: int | None) -> Iterator[Executor | None]:
    """Yield a pool of `workers` processes for the block, or None, which means this process, for one worker."""
    if workers == 1:
        with garbage_collected_rarely():
            yield None
        return
    with process_pool(workers) as pool:
        yield pool


def replicate(
    scenario: Scenario, executor: Executor | None = None, *, estimator: Estimator | None = None
) -> Iterator[Figures]:
    """Yield the figures of each replication of the scenario, in order. Without an executor this process does the work.

    The default estimator is `expected` if the scenario allows it, else `sampled`.
    """
    figures = partial(_figures, scenario, choose_estimator([scenario], estimator))
    numbers = range(scenario.replications)
    if executor is None:
        yield from map(figures, numbers)
        return
    futures = [executor.submit(figures, number) for number in numbers]
    with cancelling(futures):
        for future in futures:
            yield future.result()


@contextmanager
def cancelling(futures: Iterable[Future[T]]) -> Iterator[None]:
    """Cancel at the end the futures that have not begun, unless the pool is broken, whose thread would crash."""
    try:
        yield
    except BrokenExecutor:
        raise
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def _begin_work() -> None:
    """Prepare this process as a worker.

    The worker ends when its parent does: a killed parent would leave its workers waiting for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    threading.Thread(target=_end_with_parent, daemon=True).start()


@contextmanager
def garbage_collected_rarely() -> Iterator[None]:
    """Let the garbage collector run less often in this block: the objects of a replication live until its end."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _figures(scenario: Scenario, estimator: Estimator, number: int) -> Figures:
    ((_, replication),) = simulate_alike([scenario], replication=number, estimator=estimator)
    return replication.figures()
