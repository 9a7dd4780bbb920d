"""The files of an inspection through a pool of processes, in order, a bounded number under way.

``shares(founds, examiner, workers, stop)`` yields the same shares' sum for any number of workers. A
file that brings its process down costs one error row; the others are judged all the same.
"""

from __future__ import annotations

import itertools
import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from types import FrameType, TracebackType
from typing import Any, Self, TypeAlias

from part15.channel.files import Found
from part15.inspect_examine import Examiner, broken
from part15.inspect_share import Share

CHUNK = 32
AHEAD = 3
"""Chunks per worker that may be under way: what bounds the memory."""
POLL = 0.2
DIED = "the process that judged it died; it was not judged"

Waiting: TypeAlias = "deque[tuple[list[Found], Future[Share]]]"


class Stop:
    """Ctrl-C asks to stop behind what is being judged; a second one interrupts at once.

    Only the main thread hears it; elsewhere nothing is ever asked.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def can_fork() -> bool:
    """Tell whether processes can be made that have the keys and anchors of this one."""
    return "fork" in multiprocessing.get_all_start_methods()


def shares(
    founds: Iterator[Found], examiner: Examiner, workers: int, stop: Stop
) -> Iterator[Share]:
    """Yield what came of *founds*, in their order; with less than two *workers* in this process."""
    if workers < 2 or not can_fork():
        for found in founds:
            yield examiner.examine((found,))
            if stop.asked:
                return
        return
    while True:
        waiting: Waiting = deque()
        try:
            yield from _pooled(founds, examiner, workers, stop, waiting)
        except BrokenProcessPool:
            for found in itertools.chain.from_iterable(chunk for chunk, _ in waiting):
                yield _alone(found, examiner)
                if stop.asked:
                    return
        else:
            return


def _pooled(
    founds: Iterator[Found], examiner: Examiner, workers: int, stop: Stop, waiting: Waiting
) -> Iterator[Share]:
    """Yield shares; what was not answered stays in *waiting*."""
    with _pool(examiner, workers) as pool:
        try:
            while not stop.asked:
                while len(waiting) < AHEAD * workers and (
                    chunk := list(itertools.islice(founds, CHUNK))
                ):
                    waiting.append((chunk, _submitted(pool, chunk)))
                if not waiting:
                    return
                if (share := _answer(waiting[0][1])) is not None:
                    waiting.popleft()
                    yield share
            while waiting and waiting[0][1].done():
                yield waiting.popleft()[1].result()
        finally:
            for _, future in waiting:
                future.cancel()


def _submitted(pool: ProcessPoolExecutor, chunk: list[Found]) -> Future[Share]:
    """Hand *chunk* to the pool; of a broken pool the future says so, so that no file is lost."""
    try:
        return pool.submit(_work, chunk)
    except BrokenProcessPool as error:
        future: Future[Share] = Future()
        future.set_exception(error)
        return future


def _answer(future: Future[Share]) -> Share | None:
    """Return the share, or None if it is not there within a moment."""
    try:
        return future.result(POLL)
    except TimeoutError:
        if future.done():
            raise
        return None


def _alone(found: Found, examiner: Examiner) -> Share:
    """Judge one file in a process of its own."""
    with _pool(examiner, 1) as pool:
        try:
            return pool.submit(_work, [found]).result()
        except BrokenProcessPool:
            return broken(found, DIED)


def _pool(examiner: Examiner, workers: int) -> ProcessPoolExecutor:
    context: BaseContext = multiprocessing.get_context("fork")
    return ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(examiner,)
    )


_mine: list[Examiner] = []


def _begin(examiner: Examiner) -> None:
    """Make this process a worker; what interrupts the inspection is the other process's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _mine[:] = [examiner]


def _work(founds: Sequence[Found]) -> Share:
    return _mine[0].examine(founds)
