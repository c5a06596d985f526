"""RNN, LSTM and GRU: layers and cells."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..ops import recurrent
from ..ops.factories import empty, zeros
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter


class RNNBase(Module):
    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers "
                f"greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        if hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        gates = {"LSTM": 4, "GRU": 3}.get(mode, 1) * hidden_size
        real = proj_size or hidden_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            width = input_size if layer == 0 else real * (2 if bidirectional else 1)
            for suffix in ("", "_reverse") if bidirectional else ("",):
                shapes: list[tuple[str, tuple[int, ...]]] = [
                    (f"weight_ih_l{layer}{suffix}", (gates, width)),
                    (f"weight_hh_l{layer}{suffix}", (gates, real)),
                ]
                if bias:
                    shapes += [(f"bias_ih_l{layer}{suffix}", (gates,)), (f"bias_hh_l{layer}{suffix}", (gates,))]
                if proj_size:
                    shapes.append((f"weight_hr_l{layer}{suffix}", (proj_size, hidden_size)))
                for name, shape in shapes:
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append([name for name, _ in shapes])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing to do where weights lie as they are."""

    @property
    def all_weights(self) -> list[list[Tensor]]:
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def _weights(self) -> list[list[Any]]:
        made = []
        for weights in self.all_weights:
            biases = list(weights[2:4]) if self.bias else [None, None]
            projection = [weights[-1]] if self.proj_size else []
            made.append([weights[0], weights[1], *biases, *projection])
        return made

    def _check_input(self, input: Tensor) -> None:
        if input.dim() not in (2, 3):
            name = type(self).__name__
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.size(-1)}"
            )

    def _first_state(self, input: Tensor, batch: int) -> Any:
        count = self.num_layers * (2 if self.bidirectional else 1)
        hidden = zeros((count, batch, self.proj_size or self.hidden_size), dtype=input._dtype)
        if self.mode != "LSTM":
            return hidden
        return hidden, zeros((count, batch, self.hidden_size), dtype=input._dtype)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        self._check_input(input)
        lone = input.dim() == 2
        if lone:
            input = input.unsqueeze(1)
            hx = _each_state(hx, lambda state: state.unsqueeze(1))
        elif self.batch_first:
            input = input.transpose(0, 1)
        if hx is None:
            hx = self._first_state(input, input.size(1))
        self._check_state(hx, input.size(1))
        output, last = recurrent.recurrent(
            self.mode, input, hx, self._weights(), self.num_layers, self.dropout, self.training, self.bidirectional
        )
        if lone:
            return output.squeeze(1), _each_state(last, lambda state: state.squeeze(1))
        return (output.transpose(0, 1) if self.batch_first else output), last

    def _check_state(self, hx: Any, batch: int) -> None:
        count = self.num_layers * (2 if self.bidirectional else 1)
        states = hx if self.mode == "LSTM" else (hx,)
        sizes = (self.proj_size or self.hidden_size, self.hidden_size)
        for at, (state, size) in enumerate(zip(states, sizes, strict=False)):
            wanted = (count, batch, size)
            if state._array.shape != wanted:
                which = f"hidden[{at}]" if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {which} size {wanted}, got {list(state._array.shape)}")

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (
            ("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0),
            ("bidirectional", False),
        ):  # fmt: skip
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)}"
        return text


def _each_state(state: Any, function: Any) -> Any:
    if state is None:
        return None
    return tuple(function(each) for each in state) if isinstance(state, tuple) else function(state)


class RNN(RNNBase):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self_nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if len(args) > 3:
            self_nonlinearity, args = args[3], (*args[:3], *args[4:])
        if self_nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{self_nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__("RNN_TANH" if self_nonlinearity == "tanh" else "RNN_RELU", *args, **kwargs)
        self.nonlinearity = self_nonlinearity


class LSTM(RNNBase):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("proj_size"):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        gates = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((gates, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((gates, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            if bias:
                setattr(self, name, Parameter(empty(gates, device=device, dtype=dtype)))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return text + (f", nonlinearity={nonlinearity}" if nonlinearity != "tanh" else "")

    def _batched(self, input: Tensor, hx: Any) -> tuple[Tensor, Any, bool]:
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        lone = input.dim() == 1
        if lone:
            input, hx = input.unsqueeze(0), _each_state(hx, lambda state: state.unsqueeze(0))
        if input.size(1) != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.size(1)} expected {self.input_size}")
        return input, hx, lone

    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh


class RNNCell(RNNCellBase):
    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Any = None) -> Tensor:
        input, hx, lone = self._batched(input, hx)
        if hx is None:
            hx = zeros((input.size(0), self.hidden_size), dtype=input._dtype)
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        cell = recurrent.rnn_tanh_cell if self.nonlinearity == "tanh" else recurrent.rnn_relu_cell
        made = cell(input, hx, *self._weights())
        return made.squeeze(0) if lone else made


class LSTMCell(RNNCellBase):
    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        input, hx, lone = self._batched(input, hx)
        if hx is None:
            empty_state = zeros((input.size(0), self.hidden_size), dtype=input._dtype)
            hx = (empty_state, empty_state)
        hidden, cell = recurrent.lstm_cell(input, hx, *self._weights())
        return (hidden.squeeze(0), cell.squeeze(0)) if lone else (hidden, cell)


class GRUCell(RNNCellBase):
    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Any = None) -> Tensor:
        input, hx, lone = self._batched(input, hx)
        if hx is None:
            hx = zeros((input.size(0), self.hidden_size), dtype=input._dtype)
        made = recurrent.gru_cell(input, hx, *self._weights())
        return made.squeeze(0) if lone else made
