"""Records: plain classes of fields that are compared by value and never changed once made.

`@record` gives a class what `dataclass(frozen=True, slots=True)` gives it, and costs a fraction of that: methods are
written when they are first needed, as most kinds of record are never made in a run, and making one is storing its
fields. That nobody changes a record is left to the type checker. `replace` copies one with some fields changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**options: Any) -> Callable[[T], T]:
        return lambda thing: thing


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A class whose annotations are its fields, as for `dataclass`."""
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # or dataclass() would spell out a signature, which takes longer than all else
    own = vars(cls)
    made: type[T] = dataclass(init=False, repr=False, eq=False, match_args=False, slots=True)(cls)
    for name, method in (("__init__", _init), ("__eq__", _eq), ("__hash__", _hash), ("__repr__", _repr)):
        if name not in own:
            setattr(made, name, method)
    _RECORDS.add(made)
    return made


def replace(thing: T, **changes: Any) -> T:
    """A copy of a record, or of an instance of another dataclass, with some fields changed."""
    copy = _COPIES.get(type(thing))
    if copy is None:
        if type(thing) not in _RECORDS:
            return dataclasses.replace(thing, **changes)  # type: ignore[type-var]
        copy = _COPIES[type(thing)] = _write_copy(type(thing))
    made = copy(thing)
    for name, value in changes.items():
        setattr(made, name, value)
    return made  # type: ignore[no-any-return]


_RECORDS: set[type] = set()
_COPIES: dict[type, Callable[[Any], Any]] = {}


def names_of(cls: type) -> tuple[str, ...]:
    """The names of the fields of a record class."""
    return tuple(f.name for f in dataclasses.fields(cls))


def _compared(cls: type) -> list[str]:
    return [f.name for f in dataclasses.fields(cls) if f.compare]


def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    _settle(type(self), "__init__", _write_init)(self, *args, **kwargs)


def _eq(self: Any, other: object) -> Any:
    return _settle(type(self), "__eq__", _write_eq)(self, other)


def _hash(self: Any) -> Any:
    return _settle(type(self), "__hash__", _write_hash)(self)


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names_of(type(self)))
    return f"{type(self).__qualname__}({shown})"


def _settle(cls: type, name: str, write: Callable[[type], Any]) -> Any:
    """Put the method itself where the one stood that writes it."""
    made = write(cls)
    made.__qualname__ = f"{cls.__qualname__}.{name}"
    setattr(cls, name, made)
    return made


def _written(text: str, known: dict[str, Any]) -> Any:
    exec(text, known)
    return known["made"]


def _write_init(cls: type) -> Any:
    known: dict[str, Any] = {}
    params, body = [], []
    for one in dataclasses.fields(cls):
        value = one.name
        if one.default is not MISSING:
            known[f"default_{one.name}"] = one.default
            params.append(f"{one.name}=default_{one.name}")
        elif one.default_factory is not MISSING:
            known[f"make_{one.name}"], known["missing"] = one.default_factory, MISSING
            params.append(f"{one.name}=missing")
            value = f"make_{one.name}() if {one.name} is missing else {one.name}"
        else:
            params.append(one.name)
        body.append(f" _own.{one.name} = {value}")
    return _written("\n".join([f"def made(_own, {', '.join(params)}):", *body, " return None"]), known)


def _write_eq(cls: type) -> Any:
    tests = [f"(self.{n} is other.{n} or self.{n} == other.{n})" for n in _compared(cls)]
    text = f"""def made(self, other):
 if self is other: return True
 return self.__class__ is other.__class__ and {" and ".join(tests) or "True"}"""
    return _written(text, {})


def _write_hash(cls: type) -> Any:
    parts = "".join(f"self.{name}, " for name in _compared(cls))
    return _written(f"def made(self):\n return hash(({parts}))", {})


def _write_copy(cls: type) -> Any:
    body = [f" copy.{name} = thing.{name}" for name in names_of(cls)]
    text = "\n".join(["def made(thing):", " copy = new(cls)", *body, " return copy"])
    return _written(text, {"new": cls.__new__, "cls": cls})
