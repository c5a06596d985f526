"""Files spread over processes: a function of a path in, its results out, in the order of the paths.

Each worker is a fork that gets paths through a pipe and answers path by path. One that dies or hangs takes down the
file it was at and nothing else: that file is reported, the rest goes to a new worker. Where there is no fork, one
process does all.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import selectors
import signal
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from gradlint.findings import Failure, FileResult

SECONDS = 300.0
"""How long one file may take."""
BATCH = 32
FEW = 4
"""So few files that a fork does not pay."""
HEAD = struct.Struct("!II")
RARELY = (50_000, 20, 50)
"""Thresholds of the garbage collector: the analysis makes many objects, few of them in circles."""

Work = Callable[[str], FileResult]
Told = Callable[[int], None]


def map_files(work: Work, paths: Sequence[str], jobs: int, told: Told = lambda done: None) -> list[FileResult]:
    """`work` of every path. `told` hears how many are done."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        return _mapped(work, paths, min(jobs, len(paths) // 2), told)
    finally:
        gc.set_threshold(*before)


def _mapped(work: Work, paths: Sequence[str], jobs: int, told: Told) -> list[FileResult]:
    if jobs < 2 or len(paths) < FEW or not hasattr(os, "fork"):
        return _one_process(work, paths, told)
    return _Pool(work, paths, jobs, told).run()


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _one_process(work: Work, paths: Sequence[str], told: Told) -> list[FileResult]:
    results = []
    for number, path in enumerate(paths, 1):
        results.append(work(path))
        told(number)
    return results


class _Worker:
    """A child process with a pipe to it and one from it."""

    def __init__(self, work: Work, paths: Sequence[str], others: Sequence[_Worker]) -> None:
        down_read, self.down = os.pipe()
        self.up, up_write = os.pipe()
        self.waiting: deque[int] = deque()
        self.buffer = bytearray()
        self.since = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            for fd in (self.down, self.up, *(fd for other in others for fd in (other.down, other.up))):
                os.close(fd)
            _serve(work, paths, down_read, up_write)
        os.close(down_read)
        os.close(up_write)

    def give(self, numbers: Sequence[int]) -> None:
        if not self.waiting:
            self.since = time.monotonic()
        self.waiting += numbers
        with contextlib.suppress(BrokenPipeError):  # it has died; its silence will tell
            _write(self.down, struct.pack("!I", len(numbers)) + struct.pack(f"!{len(numbers)}I", *numbers))

    def read(self) -> list[FileResult] | None:
        """Results that have come in; None where the worker has ended."""
        data = os.read(self.up, 1 << 20)
        if not data:
            return None
        self.buffer += data
        results = []
        while len(self.buffer) >= HEAD.size:
            _, size = HEAD.unpack_from(self.buffer)
            if len(self.buffer) < HEAD.size + size:
                break
            results.append(pickle.loads(bytes(self.buffer[HEAD.size : HEAD.size + size])))
            del self.buffer[: HEAD.size + size]
            self.since = time.monotonic()
        return results

    def end(self, kill: bool) -> int:
        """Close the pipes and wait; gives the status."""
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.down)
        os.close(self.up)
        return os.waitpid(self.pid, 0)[1]


class _Pool:
    def __init__(self, work: Work, paths: Sequence[str], jobs: int, told: Told) -> None:
        self.work, self.paths, self.jobs, self.told = work, paths, jobs, told
        self.todo: deque[int] = deque(range(len(paths)))
        self.batch = max(1, min(BATCH, len(paths) // (jobs * 8)))
        self.done: dict[int, FileResult] = {}
        self.workers: list[_Worker] = []
        self.selector = selectors.DefaultSelector()

    def run(self) -> list[FileResult]:
        try:
            for _ in range(self.jobs):
                self._hire()
            while len(self.done) < len(self.paths):
                ready = self.selector.select(timeout=1.0)
                for key, _ in ready:
                    self._hear(key.data)
                now = time.monotonic()
                for worker in [w for w in self.workers if w.waiting and now - w.since > SECONDS]:
                    self._lose(worker, f"the analysis took more than {SECONDS:.0f} seconds", kill=True)
        finally:
            finished = len(self.done) == len(self.paths)
            for worker in self.workers:
                worker.end(kill=not finished)
            self.selector.close()
        return [self.done[number] for number in range(len(self.paths))]

    def _hire(self) -> None:
        worker = _Worker(self.work, self.paths, self.workers)
        self.workers.append(worker)
        self.selector.register(worker.up, selectors.EVENT_READ, worker)
        self._feed(worker)

    def _feed(self, worker: _Worker) -> None:
        """Keep one batch ahead, so that no worker waits."""
        if self.todo and len(worker.waiting) <= self.batch // 2:
            worker.give([self.todo.popleft() for _ in range(min(self.batch, len(self.todo)))])

    def _hear(self, worker: _Worker) -> None:
        results = worker.read()
        if results is None:
            self._lose(worker, "the analysis died")
            return
        for result in results:
            self.done[worker.waiting.popleft()] = result
        if results:
            self.told(len(self.done))
        self._feed(worker)

    def _lose(self, worker: _Worker, why: str, kill: bool = False) -> None:
        self.selector.unregister(worker.up)
        self.workers.remove(worker)
        status = worker.end(kill)
        if os.WIFSIGNALED(status) and not kill:
            why += f" of signal {os.WTERMSIG(status)}"
        if worker.waiting:
            number = worker.waiting.popleft()
            self.done[number] = FileResult(self.paths[number], failure=Failure(self.paths[number], 0, 0, why))
            self.told(len(self.done))
        self.todo.extendleft(reversed(worker.waiting))
        if self.todo:
            self._hire()


def _serve(work: Work, paths: Sequence[str], source: int, target: int) -> None:
    """The life of a worker: never returns."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        while True:
            head = _read(source, 4)
            if not head:
                break
            (count,) = struct.unpack("!I", head)
            for number in struct.unpack(f"!{count}I", _read(source, 4 * count)):
                data = pickle.dumps(_answer(work, paths[number]), pickle.HIGHEST_PROTOCOL)
                _write(target, HEAD.pack(number, len(data)) + data)
        status = 0
    except BrokenPipeError:
        pass
    finally:
        os._exit(status)


def _answer(work: Work, path: str) -> Any:
    try:
        return work(path)
    except (RecursionError, MemoryError) as error:
        return FileResult(path, failure=Failure(path, 0, 0, f"gradlint failed: {type(error).__name__}"))


def _read(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            return b""
        data += more
    return data


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
