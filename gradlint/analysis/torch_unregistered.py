"""Plain lists and dicts of layers or parameters in a module: `parameters()` does not look into them.

What a constructor leaves in such containers goes into the ledger, and is judged when it is known what optimizers hold and
what backward() reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gradlint.analysis import classes, torch_cuts, torch_modules
from gradlint.analysis.events import ParameterNotRegistered
from gradlint.analysis.ledger import UnregisteredRecord
from gradlint.analysis.machine import Machine
from gradlint.analysis.state import State
from gradlint.analysis.values import Func, Instance, Ref, Sequence, Table, Tensor, is_false, is_true, leaves


@dataclass(frozen=True, slots=True)
class Content:
    """What a container holds: the addresses that stand for parameters, and whether they are modules or parameters."""

    addresses: frozenset[int]
    kind: str


def stored(m: Machine, ref: Ref, name: str, value: Any) -> None:
    """`self.name = [...]`: remember where the container was written."""
    thing = m.get(value)
    if isinstance(thing, (Sequence, Table)) and m.assigned[1]:
        m.services.setdefault("containers", {})[ref.addr, name] = m.here(m.assigned[1])


def constructed(m: Machine, obj: Ref, before: State) -> None:
    """The constructor of a module has ended. `before`: the state in which it began."""
    thing = m.get(obj)
    written = m.services.get("containers", {})
    if not isinstance(thing, Instance) or not any(address == obj.addr for address, _ in written):
        return
    if _finds_its_own(m, thing.cls):
        return
    registered = torch_cuts.identities(m, torch_modules.sources(m, obj))
    for name, value in thing.attrs.items():
        where = written.get((obj.addr, name))
        held = m.simplified(value)
        container = m.get(held)
        if where is None or not isinstance(container, (Sequence, Table)):
            continue
        content = _content(m, container, before)
        if content is None or isinstance(container, Sequence) and container.exact and len(container.items) == 1:
            continue
        missed = torch_cuts.identities(m, content.addresses)
        if not missed & registered:
            event = ParameterNotRegistered(
                m.place(where), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site), attribute=name,
                how="dict" if isinstance(container, Table) else "list", kind=content.kind,
            )  # fmt: skip
            m.ledger.unregistered.append(UnregisteredRecord(event, missed, registered))


def _finds_its_own(m: Machine, cls: Any) -> bool:
    """Whether a class has a `parameters()` of its own."""
    for name in ("parameters", "named_parameters"):
        found = classes.find(m, cls, name) if isinstance(cls, Ref) else None
        if found is not None and isinstance(found[0], Func):
            return True
    return False


def _content(m: Machine, container: Sequence | Table, before: State) -> Content | None:
    """What a container holds that can be trained, all of it made after `before`; None for nothing of this kind."""
    addresses: set[int] = set()
    kinds: set[str] = set()
    for leaf in _items(m, container):
        thing = m.get(leaf)
        if not isinstance(leaf, Ref) or leaf.addr in before.heap:
            return None
        if isinstance(thing, Tensor) and thing.parameter and not is_false(m.simplified(thing.rg)):
            addresses.add(leaf.addr)
            kinds.add("parameter")
        elif isinstance(thing, Instance) and torch_modules.is_module(m, leaf):
            below = torch_modules.sources(m, leaf)
            if below and not is_true(torch_modules.trainable(m, leaf)):
                return None  # it may be frozen on purpose
            addresses |= below
            kinds |= {"module"} if below else set()
        else:
            return None
    return Content(frozenset(addresses), kinds.pop()) if len(kinds) == 1 else None


def _items(m: Machine, container: Sequence | Table) -> Iterator[Any]:
    values = [*(container.items if isinstance(container, Sequence) else container.entries.values())]
    if container.rest is not None:
        values.append(container.rest)
    for value in values:
        yield from leaves(m.simplified(value))
