"""What a script may say at all, checked on its syntax tree before it is run.

Scripts are written by the printer from identifiers and plain constants, and by rules as templates; this is the
second look, which does not trust either: no import but of torch and a few harmless modules, no name that reaches files,
other programs or the interpreter, no attribute with two leading underscores but the protocols of Python.
"""

from __future__ import annotations

import ast
from typing import TypeGuard

IMPORTS = frozenset({
    "torch", "numpy", "asyncio", "collections", "concurrent", "contextlib", "copy", "dataclasses", "functools",
    "gc", "io", "itertools", "math", "multiprocessing", "pickle", "queue", "threading", "time", "types", "typing",
    "warnings",
})  # fmt: skip
"""Top-level modules that a template may import; what they could do to files and programs `confine` forbids."""

REFUSED_NAMES = frozenset({
    "eval", "exec", "compile", "open", "input", "breakpoint", "help", "exit", "quit", "getattr", "hasattr",
    "setattr", "delattr", "globals", "locals", "vars", "memoryview",
})  # fmt: skip
READING = frozenset({"getattr", "hasattr"})
"""Of these, what may be called with a name that is written out."""
REFUSED_ATTRIBUTES = frozenset({
    "os", "sys", "subprocess", "builtins", "importlib", "hub", "_C", "cpp_extension", "open", "FileIO", "open_code",
    "load", "save", "loadtxt", "savetxt", "fromfile", "tofile", "memmap", "from_file", "load_library", "ops",
    "classes", "f_globals", "f_builtins", "f_locals", "gi_frame", "cr_frame", "tb_frame", "func_globals",
    "create_subprocess_exec", "create_subprocess_shell", "open_connection", "start_server", "create_connection",
    "create_server", "system", "ctypes", "ctypeslib", "distributed", "testing", "lib", "f2py", "distutils",
    "get_objects", "Process", "Pool", "Manager", "get_context", "set_start_method", "spawn", "start_processes",
    "Popen", "popen_fork", "popen_spawn_posix", "resource_tracker", "connection", "managers", "Listener", "Client",
})  # fmt: skip
PROTOCOLS = frozenset({
    "__init__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__call__", "__iter__", "__next__", "__aiter__",
    "__anext__", "__len__", "__getitem__", "__setitem__", "__name__", "__torch_function__", "__array__",
})  # fmt: skip


class Refused(Exception):
    """The script says something that no witness may say."""


def check(text: str) -> None:
    """Raise Refused where the text is no program that may run."""
    try:
        tree = ast.parse(text)
        compile(tree, "<witness>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"the script is no Python: {error}") from error
    nodes = list(ast.walk(tree))
    harmless = {id(node.func) for node in nodes if _asks_attribute(node)}
    for node in nodes:
        if id(node) in harmless:
            continue
        for name in _imported(node):
            if name.split(".")[0] not in IMPORTS or any(part in REFUSED_ATTRIBUTES for part in name.split(".")):
                raise Refused(f"the script may not import {name}")
        for name in _named(node):
            _check_name(name, isinstance(node, ast.Attribute))


def _asks_attribute(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether this is `getattr(x, "name", …)` or `hasattr(x, "name")` of a name that may be used."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in READING:
        return False
    name = node.args[1] if len(node.args) > 1 else None
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
        return False
    _check_name(name.value, True)
    return True


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = "." if node.level or not node.module else node.module
        return [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return []


def _named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.keyword):
        return [node.arg or ""]
    return []


def _check_name(name: str, attribute: bool) -> None:
    if name.startswith("__") and name not in PROTOCOLS:
        raise Refused(f"the script may not use {name}")
    if name in (REFUSED_ATTRIBUTES if attribute else REFUSED_NAMES):
        raise Refused(f"the script may not use {name}")
