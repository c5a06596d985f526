"""Subscripts of tensors, and iterating them."""

from __future__ import annotations

from typing import Any

from gradlint.analysis import torch_ops
from gradlint.analysis.machine import Call, Machine
from gradlint.analysis.torch_inplace import changed
from gradlint.analysis.torch_values import known, rg_of
from gradlint.analysis.values import UNKNOWN, Const, Opaque, Ref, Sequence, Tensor, is_true, lift
from gradlint.records import replace
from gradlint.torch_model import tables


def index(m: Machine, ref: Ref, index_value: Any, at: int) -> Any:
    """`tensor[index]`: a view for basic indices, a copy where a tensor or list takes part."""
    thing = m.get(ref)
    assert isinstance(thing, Tensor)
    kind = _index_kind(m, index_value)
    row = tables.tensor_method("masked_select" if kind == "copy" else "select")
    if row is None:
        return m.opaque(at, rg_of(m, ref))
    call = Call("__getitem__", (index_value,), {}, at, self=ref)
    m.may_raise()
    row = replace(
        row,
        args=("input", "index"),
        variadic=False,
        scalar="?",
        saves=("index",) if kind != "view" else (),
        saves_when={"index": ("input",)},
    )
    made = torch_ops.apply(m, "torch.Tensor.__getitem__", row, call)
    if m.dead():
        return made
    held = m.get(made)
    if isinstance(held, Tensor):
        changes: dict[str, Any] = {"floating": thing.floating}
        if kind == "unknown" and not is_true(m.recording):
            flag = m.simplified(held.rg)
            changes["rg"] = lift(lambda t: t if t.value is False else UNKNOWN, flag)
            changes["base"] = 0
        m.put(made, replace(held, **changes))
    return made


def _index_kind(m: Machine, value: Any) -> str:
    value = m.simplified(known(m, value))
    if isinstance(value, Const):
        return "view"
    thing = m.get(value)
    if isinstance(thing, Sequence):
        if thing.kind == "slice":
            return "view"
        if thing.kind == "list":
            return "copy"
        if not thing.exact:
            return "unknown"
        kinds = {_index_kind(m, item) for item in thing.items}
        return "copy" if "copy" in kinds else "unknown" if "unknown" in kinds else "view"
    if isinstance(thing, Tensor):
        return "copy" if not is_true(thing.scalar) else "unknown"
    if isinstance(value, Opaque) and value.kind == "number":
        return "view"
    return "unknown"


def set_index(m: Machine, ref: Ref, index_value: Any, value: Any, at: int) -> None:
    """`tensor[index] = value`: an in-place write of a part."""
    m.touched += 1
    held = m.get(value)
    if value is ref or isinstance(held, Tensor) and held.base == ref.addr:
        # `x[i] op= v` has written through the view already; Python only stores the view back.
        return
    m.may_raise()
    changed(m, ref, [value], at, "index")


def tensor_rows(m: Machine, ref: Ref, at: int) -> tuple[list[Any], Any]:
    """Iterating a tensor: views of its rows."""
    return [], index(m, ref, Const(0), at)
