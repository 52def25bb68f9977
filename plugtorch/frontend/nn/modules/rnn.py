"""Recurrent layers and their single-step cells."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn import init
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.tensor import Tensor

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _is_packed(input: Any) -> bool:
    """Whether ``input`` is a PackedSequence, told by its four fields."""
    return isinstance(input, tuple) and hasattr(input, "batch_sizes") and hasattr(input, "unsorted_indices")


class RNNBase(Module):
    """Weights, checks and printing of RNN, LSTM and GRU.

    Args:
        mode: ``"RNN_TANH"``, ``"RNN_RELU"``, ``"LSTM"`` or ``"GRU"``.
        input_size: features of the input.
        hidden_size: H, features of the hidden state.
        num_layers: layers stacked on one another.
        bias: whether there are biases.
        batch_first: input and output are ``(N, L, *)`` instead of ``(L, N, *)``; states are not affected.
        dropout: probability of dropout on the output of every layer but the last.
        bidirectional: whether a second pass goes from the end to the start.
        proj_size: if positive, the size that an LSTM's hidden state is projected to.

    The weights are ``weight_ih_l{k}`` of ``(gates H, input)``, ``weight_hh_l{k}`` of ``(gates H, H)`` and
    biases of ``(gates H,)``, with ``_reverse`` for the second direction, all drawn from
    ``U(-1/sqrt(H), 1/sqrt(H))``.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_arguments(dropout)
        directions = 2 if bidirectional else 1
        rows = _GATES[mode] * hidden_size
        state_size = proj_size if proj_size > 0 else hidden_size
        names: list[list[str]] = []
        for layer in range(num_layers):
            layer_input = input_size if layer == 0 else state_size * directions
            for direction in range(directions):
                shapes = {
                    "weight_ih": (rows, layer_input),
                    "weight_hh": (rows, state_size),
                    **({"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}),
                    **({"weight_hr": (proj_size, hidden_size)} if proj_size > 0 else {}),
                }
                suffix = f"_l{layer}" + ("_reverse" if direction == 1 else "")
                for name, shape in shapes.items():
                    parameter = Parameter(fn.empty(shape, device=device, dtype=dtype))
                    self.register_parameter(name + suffix, parameter)
                names.append([name + suffix for name in shapes])
        self._all_weights = names
        self.reset_parameters()

    def _check_arguments(self, dropout: Any) -> None:
        if not isinstance(dropout, numbers.Number) or not 0 <= dropout <= 1 or isinstance(dropout, bool):
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element "
                "being zeroed"
            )
        if dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
                f"expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={self.num_layers}",
                stacklevel=4,
            )
        if not isinstance(self.hidden_size, int):
            raise TypeError(f"hidden_size should be of type int, got: {type(self.hidden_size).__name__}")
        if self.hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + self.mode)

    @property
    def _flat_weights(self) -> list[Parameter]:
        """The weights in the order the kernels take them: layer by layer, forward then reverse."""
        params = self._parameters
        try:
            return [params[name] for names in self._all_weights for name in names]
        except KeyError:
            # A parametrised weight is an attribute that is computed when read.
            return [getattr(self, name) for names in self._all_weights for name in names]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights, one list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def __getstate__(self) -> dict[str, Any]:
        """With PyTorch's own lists of the weights, so that it can take the module."""
        weights = self._flat_weights
        lists = {"_flat_weights_names": [name for names in self._all_weights for name in names], "_flat_weights": weights,
                 "_flat_weight_refs": [None] * len(weights)}
        return {**super().__getstate__(), **lists}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({k: v for k, v in state.items() if not k.startswith("_flat_weight")})

    def flatten_parameters(self) -> None:
        """Nothing to do: the kernels take the weights as they are."""

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise if dtype, dimensions or features of the input do not fit."""
        weight = self._flat_weights[0]
        if input.dtype != weight.dtype and not _autocast_enabled():
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        expected = 2 if batch_sizes is not None else 3
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. "
                f"Expected {self.input_size}, got {input.size(-1)}"
            )

    def _batch_size(self, input: Tensor, batch_sizes: Tensor | None) -> int:
        if batch_sizes is not None:
            return int(batch_sizes[0])
        return input.size(0 if self.batch_first else 1)

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """Shape of the hidden state: directions times layers, batch, state size."""
        size = self.proj_size if self.proj_size > 0 else self.hidden_size
        return self._state_shape(self._batch_size(input, batch_sizes), size)

    def _state_shape(self, batch: int, size: int) -> tuple[int, int, int]:
        return self.num_layers * (2 if self.bidirectional else 1), batch, size

    def check_hidden_size(
        self, hx: Tensor, expected: tuple[int, int, int], msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Raise if a state does not have the expected shape."""
        if tuple(hx.size()) != tuple(expected):
            raise RuntimeError(msg.format(tuple(expected), list(hx.size())))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise if input or state do not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The state with its batch in the order of ``permutation``."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, default in (
            ("proj_size", 0),
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0),
            ("bidirectional", False),
        ):
            value = getattr(self, name)
            if value != default:
                text += f", {name}={value}"
        return text

    # --- forward

    def _check_dim(self, input: Tensor) -> None:
        if input.dim() not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead")

    def _zero_state(self, input: Tensor, batch: int) -> Any:
        size = self.proj_size if self.proj_size > 0 else self.hidden_size
        return fn.zeros(self._state_shape(batch, size), dtype=input.dtype, device=input.device)

    def _check_state_dim(self, hx: Any, batched: bool) -> None:
        if hx.dim() != (3 if batched else 2):
            kind, n = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
            raise RuntimeError(f"For {kind} input, hx should also be {n}-D but got {hx.dim()}-D tensor")

    def _map_state(self, hx: Any, function: Any) -> Any:
        return function(hx)

    def _run(self, input: Tensor, batch_sizes: Tensor | None, hx: Any) -> tuple[Tensor, Any]:
        """One call of the sequence kernel."""
        kernel = {
            "GRU": F._gru,
            "RNN_TANH": F._rnn_tanh,
            "RNN_RELU": F._rnn_relu,
        }[self.mode]
        return self._call_kernel(kernel, input, batch_sizes, hx)

    def _call_kernel(self, kernel: Any, input: Tensor, batch_sizes: Tensor | None, hx: Any) -> Any:
        shared = (
            self._flat_weights,
            self.bias,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
        )
        if batch_sizes is None:
            return kernel(input, hx, *shared, self.batch_first)
        return kernel(input, batch_sizes, hx, *shared)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Run the sequence.

        Args:
            input: ``(L, N, input_size)``, ``(N, L, input_size)`` if batch_first, ``(L, input_size)`` for
                one sequence, or a PackedSequence.
            hx: start state ``(directions layers, N, H)``, without N for one sequence; zeros if None.

        Returns:
            The last layer's states, directions concatenated, ``(L, N, directions H)`` in the layout of the
            input, and the final state of every layer.
        """
        if _is_packed(input):
            return self._forward_packed(input, hx)
        self._check_dim(input)
        batched = input.dim() == 3
        if not batched:
            input = input.unsqueeze(0 if self.batch_first else 1)
        if hx is None:
            hx = self._zero_state(input, self._batch_size(input, None))
        else:
            self._check_state_dim(hx, batched)
            if not batched:
                hx = self._map_state(hx, lambda state: state.unsqueeze(1))
        self.check_forward_args(input, hx, None)
        output, state = self._run(input, None, hx)
        if not batched:
            output = output.squeeze(0 if self.batch_first else 1)
            state = self._map_state(state, lambda s: s.squeeze(1))
        return output, state

    def _forward_packed(self, packed: Any, hx: Any) -> tuple[Any, Any]:
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        if hx is None:
            hx = self._zero_state(data, int(batch_sizes[0]))
        else:
            # States come in the caller's order, packed data in order of decreasing length.
            hx = self.permute_hidden(hx, sorted_indices)
        self.check_forward_args(data, hx, batch_sizes)
        output, state = self._run(data, batch_sizes, hx)
        output = type(packed)(output, batch_sizes, sorted_indices, unsorted_indices)
        return output, self.permute_hidden(state, unsorted_indices)


def _autocast_enabled() -> bool:
    return fn.is_autocast_enabled()


class RNN(RNNBase):
    """``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)``, or relu in place of tanh with
    ``nonlinearity="relu"``; the arguments are those of :class:`RNNBase` from ``input_size`` on, with
    ``nonlinearity`` after ``num_layers`` (Elman, "Finding structure in time", 1990)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if kwargs:
            raise TypeError(f"RNN.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'")
        modes = {"tanh": "RNN_TANH", "relu": "RNN_RELU"}
        if nonlinearity not in modes:
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(
            modes[nonlinearity],
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity

    def _check_dim(self, input: Tensor) -> None:
        if input.dim() not in (2, 3):
            raise ValueError(f"RNN: Expected input to be 2D or 3D, got {input.dim()}D tensor instead")


class GRU(RNNBase):
    """Gated recurrent units (Cho et al., "Learning phrase representations using RNN encoder-decoder",
    2014), with the reset gate after the product: ``r, z = sigmoid(...)``,
    ``n = tanh(W_in x + b_in + r (W_hn h + b_hn))``, ``h' = (1 - z) n + z h``; gates in the order r, z, n."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if kwargs:
            raise TypeError(f"GRU.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'")
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997; projections: Sak et al., 2014):
    ``i, f, o = sigmoid(...)``, ``g = tanh(...)``, ``c' = f c + i g``, ``h' = o tanh(c')``; gates in the
    order i, f, g, o. The state is the pair ``(h, c)``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """Shape of the cell state: directions times layers, batch, hidden size."""
        return self._state_shape(self._batch_size(input, batch_sizes), self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Raise if input or states do not fit."""
        self.check_input(input, batch_sizes)
        expected = self.get_expected_hidden_size(input, batch_sizes)
        self.check_hidden_size(hidden[0], expected, "Expected hidden[0] size {}, got {}")
        expected = self.get_expected_cell_size(input, batch_sizes)
        self.check_hidden_size(hidden[1], expected, "Expected hidden[1] size {}, got {}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Both states with their batch in the order of ``permutation``."""
        if permutation is None:
            return hx
        return hx[0].index_select(1, permutation), hx[1].index_select(1, permutation)

    def _zero_state(self, input: Tensor, batch: int) -> Any:
        cell = fn.zeros(self._state_shape(batch, self.hidden_size), dtype=input.dtype, device=input.device)
        return super()._zero_state(input, batch), cell

    def _check_state_dim(self, hx: Any, batched: bool) -> None:
        n = 3 if batched else 2
        if hx[0].dim() != n or hx[1].dim() != n:
            kind = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, hx and cx should also be {n}-D but got "
                f"({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
            )

    def _map_state(self, hx: Any, function: Any) -> Any:
        return function(hx[0]), function(hx[1])

    def _run(self, input: Tensor, batch_sizes: Tensor | None, hx: Any) -> tuple[Tensor, Any]:
        output, hidden, cell = self._call_kernel(F._lstm, input, batch_sizes, hx)
        return output, (hidden, cell)


class RNNCellBase(Module):
    """Weights and checks of the cells: one step of one layer, on ``(N, input_size)`` or ``(input_size,)``.

    The weights are drawn from ``U(-1/sqrt(hidden_size), 1/sqrt(hidden_size))``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size

        def made(*shape: int) -> Parameter:
            return Parameter(fn.empty(shape, device=device, dtype=dtype))

        self.weight_ih = made(rows, input_size)
        self.weight_hh = made(rows, hidden_size)
        self.register_parameter("bias_ih", made(rows) if bias else None)
        self.register_parameter("bias_hh", made(rows) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text + (f", nonlinearity={nonlinearity}" if nonlinearity != "tanh" else "")

    def _weights(self) -> tuple:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _check(self, tensor: Tensor, what: str) -> None:
        if tensor.dim() not in (1, 2):
            raise ValueError(
                f"{self._get_name()}: Expected {what} to be 1D or 2D, got {tensor.dim()}D instead"
            )

    def _step(self, kernel: Any, input: Tensor, hx: Tensor | None) -> Tensor:
        self._check(input, "input")
        if hx is not None:
            self._check(hx, "hidden")
        batched = input.dim() == 2
        if not batched:
            input = input.unsqueeze(0)
        if hx is None:
            hx = fn.zeros((input.size(0), self.hidden_size), dtype=input.dtype, device=input.device)
        elif not batched:
            hx = hx.unsqueeze(0)
        result = kernel(input, hx, *self._weights())
        return result if batched else result.squeeze(0)


class RNNCell(RNNCellBase):
    """One step of :class:`RNN`: ``forward(input, hx=None)`` returns the next ``(N, hidden_size)``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity == "tanh":
            return self._step(F._rnn_tanh_cell, input, hx)
        if self.nonlinearity == "relu":
            return self._step(F._rnn_relu_cell, input, hx)
        raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`: ``forward(input, hx=None)`` returns the next ``(N, hidden_size)``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(F._gru_cell, input, hx)


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`: ``forward(input, (h, c)=None)`` returns the next pair, each
    ``(N, hidden_size)``."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        self._check(input, "input")
        if hx is not None:
            if not isinstance(hx, tuple | list):
                raise TypeError(
                    "lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, "
                    f"not {type(hx).__name__}"
                )
            for i, state in enumerate(hx):
                self._check(state, f"hx[{i}]")
        batched = input.dim() == 2
        if not batched:
            input = input.unsqueeze(0)
        if hx is None:
            zeros = fn.zeros((input.size(0), self.hidden_size), dtype=input.dtype, device=input.device)
            hx = (zeros, zeros)
        elif not batched:
            hx = (hx[0].unsqueeze(0), hx[1].unsqueeze(0))
        hidden, cell = F._lstm_cell(input, hx, *self._weights())
        return (hidden, cell) if batched else (hidden.squeeze(0), cell.squeeze(0))
