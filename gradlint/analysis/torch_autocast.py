"""What `torch.autocast` keeps: the weights that it casts, till its outermost block ends.

An old torch keeps those cast with grad mode off too, and uses them again where the mode is on (measured: 2.10 does, 2.11
does not). The block's object remembers for each weight where it was cast, so that branches are told apart.
"""

from __future__ import annotations

from gradlint.analysis import events, torch_modules
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.values import NONE, Const, Extern, Instance, Ref, is_false, is_true
from gradlint.records import replace

NAME = "torch.autocast"
CAST = ("Linear", "Bilinear", "Conv")
"""How the names of layers begin whose weights are cast."""


def entered(m: Machine, ref: Ref) -> None:
    """A block begins. One within another keeps in the outer one's place."""
    blocks = m.services.setdefault("autocasts", [])
    blocks.append(blocks[0] if blocks else ref)


def left(m: Machine) -> None:
    m.services["autocasts"].pop()


def is_autocast(thing: Instance) -> bool:
    return isinstance(thing.cls, Extern) and thing.cls.name == NAME


def layer_called(m: Machine, ref: Ref, name: str, call: Call) -> None:
    """A layer with weights runs: they are cast and kept, or what was kept is used."""
    blocks = m.services.get("autocasts")
    if not blocks or not name.rpartition(".")[2].startswith(CAST):
        return
    block = m.get(blocks[0])
    if not isinstance(block, Instance) or not keeps(block):
        return
    key = f"cast:{ref.addr}"
    kept = m.simplified(block.attrs.get(key, NONE))
    if kept is NONE and (is_false(m.recording) or is_true(m.recording)):
        here = m.here(call.at) if is_false(m.recording) and is_true(torch_modules.trainable(m, ref)) else 0
        m.put(blocks[0], replace(block, attrs={**block.attrs, key: Const(here)}))
    elif isinstance(kept, Const) and kept.value and is_true(m.recording):
        m.put(blocks[0], replace(block, attrs={**block.attrs, key: Const(0)}))
        m.emit_at(events.AutocastReused, kept.value, again=m.place(m.here(call.at)))


def keeps(block: Instance) -> bool:
    """Whether a block keeps what it casts, as far as is known: `cache_enabled` was not given, or is true."""
    enabled = block.attrs.get("cache_enabled", NONE)
    return enabled is NONE or isinstance(enabled, Const) and enabled.value in (None, True)


def cleared(m: Machine, call: Call) -> Const:
    """`torch.clear_autocast_cache()`."""
    for ref in m.services.get("autocasts", ())[:1]:
        block = m.get(ref)
        if isinstance(block, Instance):
            m.put(ref, replace(block, attrs={k: v for k, v in block.attrs.items() if not k.startswith("cast:")}))
    return NONE
