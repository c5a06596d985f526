"""Run a real program under real PyTorch and write down what its names held.

    python record.py ROOT OUT.json [--seconds N] [--first FILE] script.py [arguments …]
    python record.py ROOT OUT.json [--seconds N] [--first FILE] --pytest [arguments …]

Each time that code below ROOT binds a plain name to a tensor (not parameters, imports or attributes), the tensor's
`requires_grad` at that moment goes into a set for the place. OUT maps each file, relative to ROOT, to its SHA-256 and
its places: {"file.py": {"sha256": …, "places": [[line, name, [true, false]], …]}}. Tensors inside `torch.func` transforms
are left out. `--first` names a Python file that is run before tracing starts: stand-ins for what would be downloaded.

Needs CPython 3.11 or newer: instructions tell their columns, so a name that is bound twice on a line is told apart
from one that is only read.
"""

from __future__ import annotations

import argparse
import ast
import dis
import hashlib
import json
import os
import runpy
import sys
import threading
from types import CodeType, FrameType
from typing import Any

import torch

STORES = frozenset({"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF"})
MANY = 3000
"""So many calls of one function are traced; of later ones every 17th."""
BINDERS = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith, ast.NamedExpr)


def names_bound(tree: ast.AST) -> set[tuple[int, int]]:
    """Line and column of each plain name that a statement binds."""
    found: set[tuple[int, int]] = set()

    def add(target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            found.add((target.lineno, target.col_offset))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                add(part)
        elif isinstance(target, ast.Starred):
            add(target.value)

    for node in ast.walk(tree):
        if not isinstance(node, BINDERS):
            continue
        if isinstance(node, ast.Assign):
            targets = list(node.targets)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
        else:
            targets = [node.target]
        for target in targets:
            add(target)
    return found


class Source:
    """One file that is traced."""

    def __init__(self, path: str) -> None:
        with open(path, "rb") as handle:
            data = handle.read()
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.bound = names_bound(ast.parse(data))
        self.places: dict[tuple[int, str], set[bool]] = {}


class Recorder:
    """Traces the code below a folder. `codes` maps a code object to its file and its stores by offset."""

    def __init__(self, root: str) -> None:
        self.root = os.path.join(os.path.realpath(root), "")
        self.sources: dict[str, Source | None] = {}
        self.codes: dict[CodeType, tuple[Source, dict[int, tuple[int, str, bool]]] | None] = {}
        self.calls: dict[CodeType, int] = {}
        self.stopped = False

    def start(self) -> None:
        threading.settrace(self.enter)
        sys.settrace(self.enter)

    def stop(self) -> None:
        self.stopped = True
        sys.settrace(None)

    def source(self, filename: str) -> Source | None:
        path = os.path.realpath(filename)
        if path not in self.sources:
            inside = path.startswith(self.root) and "site-packages" not in path and os.path.isfile(path)
            self.sources[path] = Source(path) if inside else None
        return self.sources[path]

    def known(self, code: CodeType) -> tuple[Source, dict[int, tuple[int, str, bool]]] | None:
        if code not in self.codes:
            source = self.source(code.co_filename)
            self.codes[code] = None if source is None else (source, _stores(code, source))
        return self.codes[code]

    def enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        """A function is called or resumed."""
        if self.stopped or event != "call":
            return None
        known = self.known(frame.f_code)
        if known is None or not known[1]:
            return None
        number = self.calls[frame.f_code] = self.calls.get(frame.f_code, 0) + 1
        if number > MANY and number % 17:
            return None
        source, stores = known
        frame.f_trace_opcodes = True
        pending: tuple[int, str, bool] | None = None

        def step(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal pending
            if pending is not None:
                self.look(source, frame, *pending)
            pending = stores.get(frame.f_lasti) if event == "opcode" else None
            return step

        return step

    def look(self, source: Source, frame: FrameType, line: int, name: str, is_global: bool) -> None:
        """Read a name right after it was bound."""
        value = (frame.f_globals if is_global else frame.f_locals).get(name)
        if not isinstance(value, torch.Tensor) or torch._C._functorch.is_functorch_wrapped_tensor(value):
            return
        try:
            with torch._C.DisableTorchFunction():
                seen = bool(value.requires_grad)
        except Exception:  # a subclass that refuses to be asked
            return
        source.places.setdefault((line, name), set()).add(seen)

    def write(self, path: str) -> None:
        made = {
            os.path.relpath(name, self.root): {
                "sha256": source.sha256,
                "places": [[line, held, sorted(seen)] for (line, held), seen in sorted(source.places.items())],
            }
            for name, source in sorted(self.sources.items())
            if source is not None and source.places
        }
        with open(path, "w") as handle:
            json.dump(made, handle)


def _stores(code: CodeType, source: Source) -> dict[int, tuple[int, str, bool]]:
    found = {}
    for one in dis.get_instructions(code):
        where = one.positions
        if one.opname in STORES and where is not None and (where.lineno, where.col_offset) in source.bound:
            found[one.offset] = (where.lineno or 0, str(one.argval), one.opname == "STORE_GLOBAL")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("root")
    parser.add_argument("out")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first")
    parser.add_argument("--pytest", action="store_true")
    options, words = parser.parse_known_args()
    recorder = Recorder(options.root)
    sys.path.insert(0, os.getcwd())
    if options.first:
        runpy.run_path(options.first)

    def end() -> None:
        recorder.stop()
        recorder.write(options.out)
        os._exit(0)  # threads of the program cannot hold it up

    timer = threading.Timer(options.seconds, end)
    timer.daemon = True
    timer.start()
    sys.argv = words
    try:
        if options.pytest:
            import pytest

            class EachTest:
                """A test may have switched tracing off."""

                def pytest_runtest_call(self) -> None:
                    recorder.start()

            pytest.main(words, [EachTest()])
        else:
            sys.path.insert(0, os.path.dirname(os.path.abspath(words[0])))
            recorder.start()
            runpy.run_path(words[0], run_name="__main__")
    finally:
        end()


if __name__ == "__main__":
    main()
