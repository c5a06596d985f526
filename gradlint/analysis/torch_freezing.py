"""Parameters that are frozen and set to require grad again before it made a difference.

Every setting of a flag passes here. A freeze is told as undone when the run has ended, if all that it froze was unfrozen
again, unconditionally, before anything was computed, an optimizer was built, a flag was read or unknown code ran.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradlint.analysis import events
from gradlint.analysis.ledger import FreezeRecord
from gradlint.analysis.machine import Machine
from gradlint.analysis.values import Flag, Instance, Tensor, Truth, is_false, is_true

OWN = ":own"


def flags_set(m: Machine, addresses: Iterable[int], flag: Flag, at: int) -> None:
    """`requires_grad` of the parameters at these addresses is about to be set."""
    if m.quiet or not at:
        return
    touched = {m.contexts.identity(a): a for a in addresses}
    flag = m.simplified(flag)
    if is_false(flag):
        frozen = {one for one, address in touched.items() if _was_trainable(m, address)}
        if frozen:
            _freeze(m, frozen, at)
    else:
        for record in m.ledger.freezes.values():
            _unfreeze(m, record, set(touched), is_true(flag), at)


def _stamp(m: Machine) -> tuple[int, ...]:
    """What has to stay as it is between a freeze and its end for the freeze to have had no effect."""
    return m.computed, m.unseen, m.flag_reads, len(m.ledger.optimizers)


def _was_trainable(m: Machine, address: int) -> bool:
    thing = m.state.heap.get(address)
    if isinstance(thing, Tensor):
        return thing.parameter and is_true(m.simplified(thing.rg))
    own = m.simplified(thing.attrs.get(OWN)) if isinstance(thing, Instance) else None
    return isinstance(own, Truth) and is_true(own)


def _freeze(m: Machine, frozen: set[Any], at: int) -> None:
    here = m.here(at)
    record = m.ledger.freezes.get(here)
    if record is None:
        names = [m.ledger.names[one] for one in frozen if one in m.ledger.names]
        event = events.FreezeUndone(
            m.place(here), m.mode_fact(), tuple(m.place(a.site) for a in m.stack if a.site),
            name=names[0] if len(set(names)) == 1 else "",
        )  # fmt: skip
        record = m.ledger.freezes[here] = FreezeRecord(event)
    record.frozen |= frozen
    record.undone -= frozen
    record.facts |= m.state.facts.items()
    record.stamps.update(dict.fromkeys(frozen, _stamp(m)))


def _unfreeze(m: Machine, record: FreezeRecord, touched: set[Any], surely: bool, at: int) -> None:
    undone = touched & (record.frozen - record.undone)
    if not undone:
        return
    now = _stamp(m)
    if not surely or any(record.stamps[one] != now for one in undone) or not m.state.facts.items() <= record.facts:
        record.mattered = True
        return
    record.undone |= undone
    record.again = m.here(at)
