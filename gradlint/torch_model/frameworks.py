"""Frameworks built on torch: the modes in which they run user code, and their own ways to call backward().

In go qualified names as user code writes them, by whatever module of the framework (`lightning.pytorch.LightningModule`,
`pytorch_lightning.core.module.LightningModule`); out come words, or None where nothing is known. The table is
`frameworks.txt`: written by hand from the frameworks' code, most of it checked by running them (see README.md).
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache

from gradlint.torch_model import rows

ROOTS = (
    ("lightning.pytorch.", "pytorch_lightning."),
    ("lightning.fabric.", "lightning_fabric."),
    ("lightning.Fabric", "lightning_fabric.Fabric"),
    ("lightning.", "pytorch_lightning."),
)
"""Packages that are one framework under two names."""


def hook_mode(base: str, method: str) -> str | None:
    """The mode in which a framework runs a method that a user's class overrides: "grad", "no_grad", "inference" (by
    default; settings may make it no_grad), "off" (no_grad or inference mode), None where it is not known."""
    word = _column(base, method, "hook")
    return None if word == "?" else word


def backward_call(cls: str, method: str) -> int | None:
    """The position of the loss that a method calls backward() on: `accelerator.backward(loss)`."""
    word = _column(cls, method, "backward")
    return None if word is None else int(word)


def call_mode(name: str) -> str | None:
    """The mode in which a function or method of a framework computes what it returns: "no_grad", "grad"; "same" (that of
    its caller), None where it is not known."""
    word = _table().get(plain(name), {}).get("call")
    if word is None and "." in name:
        owner, _, method = name.rpartition(".")
        word = _column(owner, method, "call")
    return word


def runs_mode(name: str) -> tuple[str, str] | None:
    """(argument, mode): the mode in which a framework runs the function or model that it is given as this argument."""
    row = _table().get(plain(name), {})
    return (row["arg"], row["runs"]) if "runs" in row else None


def scales(name: str) -> int | None:
    """The position of a tensor that a context manager hands out scaled: `with amp.scale_loss(loss, optimizer) as scaled`."""
    word = _table().get(plain(name), {}).get("scales")
    return None if word is None else int(word)


def is_class(name: str) -> bool:
    """Whether a name is a class whose instances a row speaks of."""
    return _table().get(plain(name), {}).get("makes") == "instance"


def makes(name: str) -> str | None:
    """The class of what a function or class gives: its own name for a class; "a,..." for a tuple that starts with an a."""
    word = _table().get(plain(name), {}).get("makes")
    if word is None and "." in name:
        owner, _, method = name.rpartition(".")
        word = _column(owner, method, "makes")
        return plain(owner) if word == "itself" else word
    return plain(name) if word == "instance" else word


@cache
def plain(name: str) -> str:
    """A name by its framework and its last part, whatever modules lie between."""
    for prefix, short in ROOTS:
        if name.startswith(prefix):
            name = short + name[len(prefix) :]
            break
    return f"{name.partition('.')[0]}.{name.rpartition('.')[2]}"


def _column(owner: str, member: str, column: str) -> str | None:
    """A word of a member of a class, or of the class that the table says it is one of."""
    cls = plain(owner)
    for one in (cls, *_families(cls)):
        word = _members().get((one, member), {}).get(column)
        if word is not None:
            return word
    return None


@cache
def _families(cls: str) -> tuple[str, ...]:
    return tuple(row["is"] for name, row in _table().items() if "is" in row and fnmatchcase(cls, name))


@cache
def _rows() -> tuple[tuple[str, dict[str, str]], ...]:
    found = (line.split("  ") for line in rows.text("frameworks").splitlines() if line[0] != "#")
    return tuple((name, dict(pair.split("=", 1) for pair in pairs)) for name, *pairs in found)


@cache
def _table() -> dict[str, dict[str, str]]:
    """Rows of functions and classes; a method is named by its own name only in `_members`."""
    return {plain(name): row for name, row in _rows() if "." not in name or not _is_member(name)}


@cache
def _members() -> dict[tuple[str, str], dict[str, str]]:
    pairs = ((name.rpartition("."), row) for name, row in _rows() if _is_member(name))
    return {(plain(owner), member): row for (owner, _, member), row in pairs}


def _is_member(name: str) -> bool:
    """Whether a name is a method: what stands before its last part is a class."""
    owner = name.rpartition(".")[0].rpartition(".")[2]
    return owner[:1].isupper()
