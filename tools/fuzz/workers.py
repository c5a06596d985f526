"""Judging many programs in a process of its own: a random program may bring PyTorch itself to a crash."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Item = TypeVar("Item")


def apart(function: Callable[[Item], Any], items: list[Item]) -> Iterator[tuple[Item, Any]]:
    """Each item with the function's result, or with None where the process ended at it."""
    fork = multiprocessing.get_context("fork")
    done = 0
    while done < len(items):
        ours, theirs = fork.Pipe(duplex=False)
        worker = fork.Process(target=_work, args=(theirs, function, items[done:]), daemon=True)
        worker.start()
        theirs.close()
        try:
            while done < len(items):
                result = ours.recv()
                yield items[done], result
                done += 1
        except EOFError:
            yield items[done], None
            done += 1
        finally:
            ours.close()
            worker.join()


def _work(pipe: Connection, function: Callable[[Item], Any], items: list[Item]) -> None:
    for item in items:
        pipe.send(function(item))
