"""Executors of the standard library's kind that finish in an order of their own."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class InOrder(Executor):
    """Does each task when it is submitted; `submitted` counts them."""

    def __init__(self) -> None:
        self.submitted = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.submitted += 1
        return _done(fn, args, kwargs)


class Backwards(Executor):
    """Does nothing until a task's result is waited for by all; then the last comes first."""

    def __init__(self, tasks: int) -> None:
        self._left = tasks
        self._waiting: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        assert not kwargs
        future: Future[Any] = Future()
        self._waiting.append((future, fn, args))
        self._left -= 1
        if self._left == 0:
            for waiting, function, arguments in reversed(self._waiting):
                waiting.set_result(function(*arguments))
        return future


def _done(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(fn(*args, **kwargs))
    except Exception as error:  # noqa: BLE001 - an executor hands every error on
        future.set_exception(error)
    return future
