"""Imports point one way: each folder may import what its row names, wherever in a file the import stands."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOMES = {"gradlint": ROOT / "gradlint", "gradlint_runtime": ROOT / "runtime" / "gradlint_runtime"}

# A row allows modules and everything below them; `.` is the package `gradlint` itself (its version).
ALLOWED = {
    "gradlint": {"gradlint.findings", "gradlint.pipeline", "gradlint.sources"},
    "gradlint.__main__": {"gradlint.cli"},
    "gradlint.records": {"typing_extensions"},  # for the type checker only
    "gradlint.findings": {"gradlint.records"},
    "gradlint.pipeline": {
        "gradlint.findings", "gradlint.sources", "gradlint.syntax", "gradlint.analysis", "gradlint.rules",
        "gradlint.witness", "gradlint.fixes",
    },
    "gradlint.words": set(),
    "gradlint.sources": {"gradlint.findings", "gradlint.words"},
    "gradlint.syntax": {"gradlint.records", "gradlint.findings", "libcst"},
    "gradlint.torch_model": {"gradlint.findings"},
    "gradlint.analysis": {
        "gradlint.records", "gradlint.words", "gradlint.findings", "gradlint.syntax.ir", "gradlint.syntax.unit",
        "gradlint.syntax.walk", "gradlint.torch_model",
    },
    "gradlint.rules": {"gradlint.findings", "gradlint.analysis.events", "gradlint.analysis.values"},
    "gradlint.witness": {"gradlint.findings", "gradlint.syntax.ir", "gradlint.syntax.show", "gradlint_runtime"},
    "gradlint.fixes": {"gradlint.findings"},
    "gradlint.output": {".", "gradlint.findings"},
    "gradlint.cli": {
        ".", "gradlint.findings", "gradlint.pipeline", "gradlint.output", "gradlint.sources", "gradlint.fixes",
        "gradlint.editors", "gradlint_runtime",
    },
    "gradlint.editors": {".", "gradlint.findings", "gradlint.pipeline", "gradlint.output", "gradlint.sources"},
    "gradlint_runtime": {"numpy"},
}  # fmt: skip
STANDARD = sys.stdlib_module_names | {"tomli"}


def modules() -> Iterator[tuple[str, Path]]:
    for package, home in HOMES.items():
        for path in sorted(home.rglob("*.py")):
            parts = [package, *path.relative_to(home).with_suffix("").parts]
            yield ".".join(part for part in parts if part != "__init__"), path


MODULES = dict(modules())


def row_of(module: str) -> str:
    """The most specific row that speaks of a module; its own package's `__init__` has none of its parts."""
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        if ".".join(parts[:length]) in ALLOWED:
            return ".".join(parts[:length])
    return parts[0]


def imports_of(module: str, path: Path, everything: bool = True) -> set[str]:
    """Full names of the modules that a file imports; a name from a package counts as the module, where it is one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(tree) if everything else _at_import_time(tree.body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            known = {name for name in names if name in MODULES}
            found |= known | ({base} if known != names else set())
    return found


def _at_import_time(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for inner in ("body", "orelse", "finalbody", "handlers"):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                children = getattr(node, inner, [])
                yield from _at_import_time([c for c in children if isinstance(c, (ast.stmt, ast.ExceptHandler))])  # type: ignore[misc]


def is_allowed(module: str, imported: str) -> bool:
    row = row_of(module)
    if imported.partition(".")[0] in STANDARD or (row != "gradlint" and _within(imported, row)):
        return True
    if imported == "gradlint":
        return "." in ALLOWED[row]
    return any(_within(imported, name) for name in ALLOWED[row])


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    refused = {name for name in imports_of(module, MODULES[module]) if not is_allowed(module, name)}
    assert not refused, f"{module} ({row_of(module)}) must not import {', '.join(sorted(refused))}"


def test_every_row_is_of_use() -> None:
    rows = {row_of(module) for module in MODULES}
    assert rows == set(ALLOWED)


def test_no_rule_imports_another() -> None:
    rules = {name for name, path in MODULES.items() if "\nRULE = " in path.read_text(encoding="utf-8")}
    assert rules
    for rule in rules:
        assert not imports_of(rule, MODULES[rule]) & (rules - {rule}), rule


def test_no_module_imports_itself_through_others() -> None:
    graph = {name: imports_of(name, path, everything=False) & set(MODULES) for name, path in MODULES.items()}
    done: set[str] = set()

    def walk(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " > ".join([*above[above.index(module) :], module])
        if module not in done:
            for name in sorted(graph[module]):
                walk(name, (*above, module))
            done.add(module)

    for module in MODULES:
        walk(module, ())


@pytest.mark.parametrize("module, imported", [
    ("gradlint.rules.a_rule", "libcst"), ("gradlint.rules.a_rule", "gradlint.analysis.machine"),
    ("gradlint.analysis.calls", "libcst"), ("gradlint.analysis.calls", "gradlint.rules.table"),
    ("gradlint.witness.slice", "gradlint.torch_model"), ("gradlint_runtime.tensor", "gradlint.findings"),
    ("gradlint.output.concise", "gradlint.pipeline"), ("gradlint.cli.check", "gradlint.analysis.run"),
    ("gradlint.pipeline", "gradlint.cli.main"), ("gradlint.findings", "gradlint.syntax.ir"),
    ("gradlint.analysis.calls", "torch"), ("gradlint.syntax.parse", "numpy"),
])  # fmt: skip
def test_the_table_refuses(module: str, imported: str) -> None:
    assert not is_allowed(module, imported)
