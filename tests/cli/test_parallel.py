"""Files spread over processes: results in order, and a worker that dies takes one file with it."""

import os
import signal
import time

import pytest

from gradlint.cli import parallel
from gradlint.cli.parallel import map_files
from gradlint.findings import FileResult

PATHS = [f"f{number}.py" for number in range(200)]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


def here(path: str) -> FileResult:
    return FileResult(path, suppressed=os.getpid())


def test_results_come_in_the_order_of_the_paths() -> None:
    told: list[int] = []
    results = map_files(here, PATHS, 3, told.append)
    assert [result.path for result in results] == PATHS
    assert os.getpid() not in {result.suppressed for result in results}
    assert told[-1] == len(PATHS) and told == sorted(told)


@pytest.mark.parametrize("paths, jobs", [(PATHS, 1), (PATHS[:2], 8), ([], 4)])
def test_one_process_where_more_do_not_pay(paths: list[str], jobs: int) -> None:
    results = map_files(here, paths, jobs)
    assert [result.path for result in results] == list(paths)
    assert {result.suppressed for result in results} <= {os.getpid()}


def test_a_worker_that_dies_takes_one_file_with_it() -> None:
    def work(path: str) -> FileResult:
        if path in ("f7.py", "f150.py"):
            os.kill(os.getpid(), signal.SIGKILL)
        if path == "f9.py":
            os._exit(0)
        return FileResult(path)

    results = map_files(work, PATHS, 2)
    assert [result.path for result in results] == PATHS
    failed = {result.path: result.failure.message for result in results if result.failure}
    assert failed == {
        "f7.py": "the analysis died of signal 9", "f150.py": "the analysis died of signal 9", "f9.py": "the analysis died",
    }  # fmt: skip


def test_a_worker_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "SECONDS", 0.5)

    def work(path: str) -> FileResult:
        if path == "f3.py":
            time.sleep(60)
        return FileResult(path)

    results = map_files(work, PATHS[:20], 2)
    (failed,) = (result.failure for result in results if result.failure)
    assert failed.path == "f3.py" and "seconds" in failed.message


def test_running_out_of_stack_is_a_failure() -> None:
    def work(path: str) -> FileResult:
        raise RecursionError

    assert all(result.failure for result in map_files(work, PATHS[:20], 2))


def test_no_child_is_left_behind() -> None:
    map_files(here, PATHS, 4)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_interrupt_ends_the_workers() -> None:
    def told(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_files(here, PATHS, 2, told)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
