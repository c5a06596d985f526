"""Recurrent cells and layers, as torch composes them of other operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..tensor import Tensor
from .joining import cat, stack
from .matrix import linear
from .sampling import dropout

Cell = Callable[..., Any]


def lstm_cell(
    input: Tensor, hx: Sequence[Tensor], w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None
) -> tuple[Tensor, Tensor]:
    return _lstm_step(linear(input, w_ih, b_ih), hx, w_hh, b_hh)


def _lstm_step(projected: Tensor, state: Sequence[Tensor], w_hh: Tensor, b_hh: Any) -> tuple[Tensor, Tensor]:
    hidden, cell = state
    gates = linear(hidden, w_hh, b_hh) + projected
    entering, forgotten, candidate, leaving = gates.unsafe_chunk(4, -1)
    cell = forgotten.sigmoid() * cell + entering.sigmoid() * candidate.tanh()
    return leaving.sigmoid() * cell.tanh(), cell


def gru_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    return _gru_step(linear(input, w_ih, b_ih), hx, w_hh, b_hh)


def _gru_step(projected: Tensor, hidden: Tensor, w_hh: Tensor, b_hh: Any) -> Tensor:
    from_input = projected.unsafe_chunk(3, -1)
    from_hidden = linear(hidden, w_hh, b_hh).unsafe_chunk(3, -1)
    reset = (from_hidden[0] + from_input[0]).sigmoid()
    update = (from_hidden[1] + from_input[1]).sigmoid()
    candidate = (from_input[2] + from_hidden[2] * reset).tanh()
    return (hidden - candidate) * update + candidate


def rnn_tanh_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    return (linear(hx, w_hh, b_hh) + linear(input, w_ih, b_ih)).tanh()


def rnn_relu_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    return (linear(hx, w_hh, b_hh) + linear(input, w_ih, b_ih)).relu()


def _simple_step(kind: str) -> Cell:
    def step(projected: Tensor, hidden: Tensor, w_hh: Tensor, b_hh: Any) -> Tensor:
        made = linear(hidden, w_hh, b_hh) + projected
        return made.tanh() if kind == "RNN_TANH" else made.relu()

    return step


STEPS: dict[str, Cell] = {
    "LSTM": _lstm_step, "GRU": _gru_step, "RNN_TANH": _simple_step("RNN_TANH"), "RNN_RELU": _simple_step("RNN_RELU"),
}  # fmt: skip


def layer(kind: str, input: Tensor, state: Any, weights: Sequence[Any], backwards: bool) -> Any:
    """One direction of one layer over the inputs of all time steps: the outputs, and the last state."""
    w_ih, w_hh, b_ih, b_hh = weights[:4]
    step = STEPS[kind]
    projected = linear(input, w_ih, b_ih).unbind(0)
    outputs: list[Tensor] = []
    for each in reversed(projected) if backwards else projected:
        state = step(each, state, w_hh, b_hh)
        hidden = state[0] if kind == "LSTM" else state
        if kind == "LSTM" and len(weights) > 4 and weights[4] is not None:
            hidden = linear(hidden, weights[4])
            state = (hidden, state[1])
        outputs.append(hidden)
    return (outputs[::-1] if backwards else outputs), state


def recurrent(
    kind: str, input: Tensor, state: Any, weights: Sequence[Sequence[Any]], num_layers: int, p: float, training: bool,
    bidirectional: bool,
) -> tuple[Tensor, Any]:  # fmt: skip
    """All layers over an input of (time, batch, features). `weights` holds those of each layer and direction in turn."""
    directions = 2 if bidirectional else 1
    lstm = kind == "LSTM"
    states = list(zip(state[0].unbind(0), state[1].unbind(0), strict=True)) if lstm else list(state.unbind(0))
    last: list[Any] = []
    whole = input
    for number in range(num_layers):
        results = []
        for direction in range(directions):
            at = number * directions + direction
            outputs, final = layer(kind, whole, states[at], weights[at], direction == 1)
            results.append(stack(outputs, 0))
            last.append(final)
        whole = results[0] if directions == 1 else cat(results, -1)
        if number < num_layers - 1 and p:
            whole = dropout(whole, p, training)
    if lstm:
        return whole, (stack([each[0] for each in last], 0), stack([each[1] for each in last], 0))
    return whole, stack(last, 0)
