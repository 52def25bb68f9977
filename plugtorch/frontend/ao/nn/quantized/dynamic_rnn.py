"""Recurrent layers with quantised weights whose inputs and states are quantised as they come."""

from __future__ import annotations

import warnings

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.quantization.qconfig import default_dynamic_qconfig
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import rnn as float_rnn
from plugtorch.frontend.nn.modules.container import ModuleList
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.utils.rnn import PackedSequence
from plugtorch.frontend.quantized.schemes import qint8
from plugtorch.spec import dtypes

from .linear import half_weight
from .utils import dynamic, quantize, quantize_weight, repr_without

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "PackedParameter", "RNNBase", "RNNCell", "RNNCellBase", "pack_weight_bias"]


def pack_weight_bias(qweight, bias, dtype):
    """A weight and a bias as they are kept: the weight quantised, or rounded to float16."""
    return (qweight if dtype is qint8 else half_weight(qweight)), None if bias is None else bias.detach()


def _linear(x, packed):
    weight, bias = packed
    if weight.is_quantized:
        return F.linear(dynamic(x), weight.dequantize(), bias)
    return F.linear(x.detach().float(), weight, bias)


def _lstm_step(gates, hidden_gates, state):
    i, f, g, o = (gates + hidden_gates).chunk(4, 1)
    c = fn.sigmoid(f) * state[1] + fn.sigmoid(i) * fn.tanh(g)
    return fn.sigmoid(o) * fn.tanh(c), c


def _gru_step(gates, hidden_gates, state):
    (ir, iz, i_n), (hr, hz, hn) = gates.chunk(3, 1), hidden_gates.chunk(3, 1)
    n = fn.tanh(i_n + fn.sigmoid(ir + hr) * hn)
    return (n + fn.sigmoid(iz + hz) * (state[0] - n),)


def _observed_weights(module, names):
    """The dtype of a module's weights, and the function that quantises one as its configuration says."""
    if not hasattr(module, "qconfig"):
        raise AssertionError("Input float module must have qconfig defined")
    given = module.qconfig is not None and module.qconfig.weight is not None
    made = (module.qconfig if given else default_dynamic_qconfig).weight
    dtype = made().dtype
    if dtype not in (qint8, dtypes.float16):
        raise RuntimeError(f"Unsupported dtype for dynamic RNN quantization: {dtype}")
    if not module.bias:
        raise AssertionError("Quantized RNN without bias is not supported: mod.bias must be True")

    def quantised(weight):
        weight = weight.detach().float()
        if dtype is not qint8:
            return weight
        observer = made()
        observer(weight)
        return quantize_weight(weight, observer)

    return dtype, {name: quantised(getattr(module, name)) if "weight" in name else getattr(module, name) for name in names}


def _random_weight(rows, columns, dtype):
    weight = fn.randn(rows, columns)
    return quantize(weight, 0.1, 0, qint8) if dtype is qint8 else weight


class PackedParameter(Module):
    """The weights of a layer in one direction: a tuple of the two quantised weights and the two biases.

    Args:
        param: the tuple.
    """

    def __init__(self, param):
        super().__init__()
        self.param = param

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "param"] = self.param

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.param = state_dict[prefix + "param"]
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)


class RNNBase(Module):
    """Weights, state and the run of :class:`LSTM` and :class:`GRU`. A sequence's inputs have one scale, the states of each
    step have theirs; weights have one each.

    Args:
        mode: ``"LSTM"`` or ``"GRU"``.
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional: those of :class:`torch.nn.LSTM`.
        dtype: of the weights, qint8 or float16.

    Raises:
        ValueError: a probability or a mode that is none.
    """

    _FLOAT_MODULE = float_rnn.RNNBase
    _version = 2
    _GATES = {"LSTM": 4, "GRU": 3}

    def __init__(self, mode, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
                 bidirectional=False, dtype=qint8):
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.dtype, self.version, self.training = bidirectional, dtype, 2, False
        if not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1 or isinstance(dropout, bool):
            raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being "
                             "zeroed")
        if dropout > 0 and num_layers == 1:
            warnings.warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                          f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}", stacklevel=2)
        if mode not in self._GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        rows = self._GATES[mode] * hidden_size
        made = {}
        for layer, suffix in self._directions():
            columns = input_size if layer == 0 else hidden_size * (2 if bidirectional else 1)
            for kind, size in (("ih", columns), ("hh", hidden_size)):
                made[f"weight_{kind}_l{layer}{suffix}"] = _random_weight(rows, size, dtype)
            for kind in ("ih", "hh"):
                made[f"bias_{kind}_l{layer}{suffix}"] = fn.randn(rows)
        self.set_weight_bias(made)

    def _directions(self):
        return [(layer, suffix) for layer in range(self.num_layers)
                for suffix in (("", "_reverse") if self.bidirectional else ("",))]


    def set_weight_bias(self, weight_bias_dict):
        """Set all weights and biases, by the names they have in :class:`torch.nn.LSTM`; weights quantised."""
        packed = []
        for layer, suffix in self._directions():
            ends = [f"{kind}_l{layer}{suffix}" for kind in ("ih", "hh")]
            pairs = [pack_weight_bias(weight_bias_dict[f"weight_{end}"], weight_bias_dict[f"bias_{end}"], self.dtype)
                     for end in ends]
            packed.append(PackedParameter((*(w for w, _ in pairs), *(b for _, b in pairs))))
        self._all_weight_values = ModuleList(packed)

    def _weight_bias(self):
        """``{"weight": {name: tensor}, "bias": {name: tensor}}``."""
        found: dict[str, dict] = {"weight": {}, "bias": {}}
        for (layer, suffix), packed in zip(self._directions(), self._all_weight_values, strict=True):
            for (what, kind), value in zip((("weight", "ih"), ("weight", "hh"), ("bias", "ih"), ("bias", "hh")),
                                           packed.param, strict=True):
                found[what][f"{what}_{kind}_l{layer}{suffix}"] = value
        return found

    def get_weight(self):
        """The weights by name."""
        return self._weight_bias()["weight"]

    def get_bias(self):
        """The biases by name."""
        return self._weight_bias()["bias"]

    def _get_name(self):
        return f"DynamicQuantized{type(self).__name__.replace('RNNBase', 'RNN')}"

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}"
        for name, plain in (("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0),
                            ("bidirectional", False)):
            if getattr(self, name) != plain:
                text += f", {name}={getattr(self, name)}"
        return text

    def __repr__(self):
        return repr_without(self, ModuleList)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.version = local_metadata.get("version", None)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def _check(self, input, states, batch, packed):
        dims = 2 if packed else 3
        if input.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{input.size(-1)}")
        expected = (self.num_layers * (2 if self.bidirectional else 1), batch, self.hidden_size)
        for n, state in enumerate(states):
            if tuple(state.size()) != expected:
                which = f"hidden[{n}]" if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {which} size {expected}, got {list(state.size())}")

    def forward(self, input, hx=None):
        """Runs the sequence; see :class:`torch.nn.LSTM`. Takes a PackedSequence, too."""
        packed = isinstance(input, PackedSequence)
        data, sizes, order, back = input if packed else (input, None, None, None)
        batch = int(sizes[0]) if packed else data.size(0 if self.batch_first else 1)
        count = 2 if self.mode == "LSTM" else 1
        if hx is None:
            directions = len(self._all_weight_values)
            states = (fn.zeros(directions, batch, self.hidden_size, dtype=data.dtype, device=data.device),) * count
        else:
            states = tuple(hx) if count == 2 else (hx,)
            if order is not None:
                states = tuple(s.index_select(1, order) for s in states)
        self._check(data, states, batch, packed)
        if packed:
            lengths = [int(n) for n in sizes]
        else:
            data = data.transpose(0, 1) if self.batch_first else data
            lengths = [data.size(1)] * data.size(0)
            data = data.flatten(0, 1)
        data, states = self._run(data, lengths, states)
        if packed:
            output = PackedSequence(data, sizes, order, back)
            if back is not None:
                states = tuple(s.index_select(1, back) for s in states)
        else:
            output = data.reshape(len(lengths), batch, -1)
            output = output.transpose(0, 1) if self.batch_first else output
        return output, (states if count == 2 else states[0])

    def _run(self, data, lengths, states):
        """All layers on the rows of all steps, one step after another; each step has the first ``lengths[t]`` sequences."""
        per_layer = 2 if self.bidirectional else 1
        last = []
        for layer in range(self.num_layers):
            outputs = []
            for n in range(layer * per_layer, (layer + 1) * per_layer):
                output, state = self._run_direction(data, lengths, tuple(s[n] for s in states),
                                                    self._all_weight_values[n].param, n % per_layer == 1)
                outputs.append(output)
                last.append(state)
            data = outputs[0] if per_layer == 1 else fn.cat(outputs, 1)
            if self.dropout and layer < self.num_layers - 1:
                data = F.dropout(data, self.dropout, self.training)
        return data, tuple(fn.stack(s) for s in zip(*last, strict=True))

    def _run_direction(self, data, lengths, state, param, backwards):
        w_ih, w_hh, b_ih, b_hh = param
        step = _lstm_step if self.mode == "LSTM" else _gru_step
        steps = list(_linear(data, (w_ih, b_ih)).split(lengths))
        outputs = [None] * len(steps)
        for t in (reversed(range(len(steps))) if backwards else range(len(steps))):
            n = lengths[t]
            new = step(steps[t], _linear(state[0][:n], (w_hh, b_hh)), tuple(s[:n] for s in state))
            # Sequences that are over, or have not begun from the other end, keep their state.
            state = tuple(fn.cat([a, s[n:]]) if n < s.size(0) else a for a, s in zip(new, state, strict=True))
            outputs[t] = new[0]
        return fn.cat(outputs), state

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A layer of a plain LSTM or GRU with a configuration.

        Raises:
            AssertionError: another class, no configuration, or no bias.
            RuntimeError: a weight of another dtype.
        """
        if type(mod) not in (float_rnn.LSTM, float_rnn.GRU):
            raise AssertionError("nn.quantized.dynamic.RNNBase.from_float only works for nn.LSTM and nn.GRU")
        dtype, found = _observed_weights(mod, [n for n, _ in mod.named_parameters()])
        if getattr(mod, "proj_size", 0):
            raise NotImplementedError("not offered: dynamic quantisation of an LSTM with proj_size, which PyTorch has no "
                                      "kernel for: leave that layer out of qconfig_spec")
        made = (LSTM if mod.mode == "LSTM" else GRU)(mod.input_size, mod.hidden_size, mod.num_layers, mod.bias,
                                                     mod.batch_first, mod.dropout, mod.bidirectional, dtype)
        made.set_weight_bias(found)
        return made


class LSTM(RNNBase):
    """A long short-term memory with quantised weights, on floats; see :class:`RNNBase`. The arguments are those of
    :class:`torch.nn.LSTM`, and ``dtype``."""

    _FLOAT_MODULE = float_rnn.LSTM

    def __init__(self, *args, **kwargs):
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units with quantised weights, on floats; see :class:`RNNBase`. The arguments are those of
    :class:`torch.nn.GRU`, and ``dtype``."""

    _FLOAT_MODULE = float_rnn.GRU

    def __init__(self, *args, **kwargs):
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """Weights and state of the cells: one step on ``(N, input_size)``.

    Args:
        input_size, hidden_size, bias: those of :class:`torch.nn.LSTMCell`.
        num_chunks: how many gates.
        dtype: of the weights, qint8 or float16.
    """

    def __init__(self, input_size, hidden_size, bias=True, num_chunks=4, dtype=qint8):
        super().__init__()
        self.input_size, self.hidden_size, self.bias, self.weight_dtype = input_size, hidden_size, bias, dtype
        rows = num_chunks * hidden_size
        biases = [fn.randn(rows) if bias else None for _ in range(2)]
        self._packed_weight_ih = pack_weight_bias(_random_weight(rows, input_size, dtype), biases[0], dtype)
        self._packed_weight_hh = pack_weight_bias(_random_weight(rows, hidden_size, dtype), biases[1], dtype)

    def _get_name(self):
        return f"DynamicQuantized{type(self).__name__.replace('RNNCellBase', 'RNNBase')}"

    def extra_repr(self):
        text = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias is True else f", bias={self.bias}")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text + (f", nonlinearity={nonlinearity}" if nonlinearity != "tanh" else "")

    def set_weight_bias(self, weight_bias_dict):
        """Set all: ``{"weight": {"weight_ih": ..., "weight_hh": ...}, "bias": {"bias_ih": ..., "bias_hh": ...}}``."""
        for kind in ("ih", "hh"):
            setattr(self, f"_packed_weight_{kind}", pack_weight_bias(
                weight_bias_dict["weight"][f"weight_{kind}"], weight_bias_dict["bias"][f"bias_{kind}"], self.weight_dtype))

    def get_weight(self):
        """The weights by name."""
        return {"weight_ih": self._packed_weight_ih[0], "weight_hh": self._packed_weight_hh[0]}

    def get_bias(self):
        """The biases by name."""
        return {"bias_ih": self._packed_weight_ih[1], "bias_hh": self._packed_weight_hh[1]}

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name in ("_packed_weight_ih", "_packed_weight_hh"):
            destination[prefix + name] = getattr(self, name)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        for name in ("_packed_weight_ih", "_packed_weight_hh"):
            setattr(self, name, state_dict.pop(prefix + name))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def _gates(self, input, states):
        if input.size(1) != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.size(1)}, expected {self.input_size}")
        for n, state in enumerate(states):
            label = f"[{n}]" if len(states) > 1 else ""
            if input.size(0) != state.size(0):
                raise RuntimeError(f"Input batch size {input.size(0)} doesn't match hidden{label} batch size "
                                   f"{state.size(0)}")
            if state.size(1) != self.hidden_size:
                raise RuntimeError(f"hidden{label} has inconsistent hidden_size: got {state.size(1)}, expected "
                                   f"{self.hidden_size}")
        return _linear(input, self._packed_weight_ih), _linear(states[0], self._packed_weight_hh)

    def _zeros(self, input):
        return fn.zeros(input.size(0), self.hidden_size, dtype=input.dtype, device=input.device)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A cell of a plain one with a configuration; raises as :meth:`RNNBase.from_float`."""
        kinds = {float_rnn.LSTMCell: LSTMCell, float_rnn.GRUCell: GRUCell, float_rnn.RNNCell: RNNCell}
        if type(mod) not in kinds:
            raise AssertionError("nn.quantized.dynamic.RNNCellBase.from_float only works for nn.LSTMCell, nn.GRUCell and "
                                 "nn.RNNCell")
        dtype, found = _observed_weights(mod, ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
        options = {"nonlinearity": mod.nonlinearity} if type(mod) is float_rnn.RNNCell else {}
        made = kinds[type(mod)](mod.input_size, mod.hidden_size, mod.bias, **options, dtype=dtype)
        made.set_weight_bias({"weight": found, "bias": found})
        return made


class RNNCell(RNNCellBase):
    """One step of a simple recurrent layer, with quantised weights, on floats.

    Args:
        input_size, hidden_size, bias, nonlinearity: those of :class:`torch.nn.RNNCell`.
        dtype: of the weights.
    """

    def __init__(self, input_size, hidden_size, bias=True, nonlinearity="tanh", dtype=qint8):
        super().__init__(input_size, hidden_size, bias, 1, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input, hx=None):
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        a, b = self._gates(input, (self._zeros(input) if hx is None else hx,))
        return (fn.tanh if self.nonlinearity == "tanh" else F.relu)(a + b)


class LSTMCell(RNNCellBase):
    """One step of a long short-term memory, with quantised weights, on floats.

    Args:
        input_size, hidden_size, bias: those of :class:`torch.nn.LSTMCell`.
        dtype: of the weights.
    """

    def __init__(self, input_size, hidden_size, bias=True, dtype=qint8):
        super().__init__(input_size, hidden_size, bias, 4, dtype)

    def forward(self, input, hx=None):
        states = (self._zeros(input),) * 2 if hx is None else tuple(hx)
        return _lstm_step(*self._gates(input, states), states)


class GRUCell(RNNCellBase):
    """One step of gated recurrent units, with quantised weights, on floats.

    Args:
        input_size, hidden_size, bias: those of :class:`torch.nn.GRUCell`.
        dtype: of the weights.
    """

    def __init__(self, input_size, hidden_size, bias=True, dtype=qint8):
        super().__init__(input_size, hidden_size, bias, 3, dtype)

    def forward(self, input, hx=None):
        states = (self._zeros(input) if hx is None else hx,)
        return _gru_step(*self._gates(input, states), states)[0]
