"""Recurrent layers and attention in parts that can be observed and quantised one by one."""

from __future__ import annotations

import warnings

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.quantization.stubs import DeQuantStub, QuantStub
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import activation as float_activation
from plugtorch.frontend.nn.modules import rnn as float_rnn
from plugtorch.frontend.nn.modules.container import ModuleDict, ModuleList
from plugtorch.frontend.nn.modules.linear import Linear
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.quantized.schemes import quint8
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec import dtypes

from .quantized.functional_modules import FloatFunctional

__all__ = ["LSTM", "LSTMCell", "MultiheadAttention"]

_GATES = ("input", "forget", "cell", "output")


def _needs_qconfig(module, given=None):
    if not hasattr(module, "qconfig") and not given:
        raise AssertionError("The float module must have 'qconfig'")


class LSTMCell(Module):
    """One step of a long short-term memory; see :class:`torch.nn.LSTMCell`.

    Args:
        input_dim, hidden_dim: sizes.
        bias: whether the linear maps have biases.
        split_gates: one linear map for each gate in place of one for all, so that each has a scale of its own.
    """

    _FLOAT_MODULE = float_rnn.LSTMCell

    def __init__(self, input_dim, hidden_dim, bias=True, device=None, dtype=None, *, split_gates=False):
        super().__init__()
        self.input_size, self.hidden_size, self.bias, self.split_gates = input_dim, hidden_dim, bias, split_gates
        if split_gates:
            self.igates, self.hgates, self.gates = ModuleDict(), ModuleDict(), ModuleDict()
            for name in _GATES:
                self.igates[name] = Linear(input_dim, hidden_dim, bias, device, dtype)
                self.hgates[name] = Linear(hidden_dim, hidden_dim, bias, device, dtype)
                self.gates[name] = FloatFunctional()
        else:
            self.igates = Linear(input_dim, 4 * hidden_dim, bias, device, dtype)
            self.hgates = Linear(hidden_dim, 4 * hidden_dim, bias, device, dtype)
            self.gates = FloatFunctional()
        self.input_gate, self.forget_gate = float_activation.Sigmoid(), float_activation.Sigmoid()
        self.cell_gate, self.output_gate = float_activation.Tanh(), float_activation.Sigmoid()
        for name in ("fgate_cx", "igate_cgate", "fgate_cx_igate_cgate", "ogate_cy"):
            setattr(self, name, FloatFunctional())
        self.initial_hidden_state_qparams, self.initial_cell_state_qparams = (1.0, 0), (1.0, 0)
        self.hidden_state_dtype = self.cell_state_dtype = quint8

    def forward(self, x, hidden=None):
        if hidden is None or hidden[0] is None or hidden[1] is None:
            hidden = self.initialize_hidden(x.shape[0], x.is_quantized)
        hx, cx = hidden
        if self.split_gates:
            i, f, g, o = (self.gates[name].add(self.igates[name](x), self.hgates[name](hx)) for name in _GATES)
        else:
            i, f, g, o = self.gates.add(self.igates(x), self.hgates(hx)).chunk(4, 1)
        kept = self.fgate_cx.mul(self.forget_gate(f), cx)
        cy = self.fgate_cx_igate_cgate.add(kept, self.igate_cgate.mul(self.input_gate(i), self.cell_gate(g)))
        return self.ogate_cy.mul(self.output_gate(o), cy.tanh()), cy

    def initialize_hidden(self, batch_size, is_quantized=False):
        """States of zeros."""
        states = [fn.zeros(batch_size, self.hidden_size) for _ in range(2)]
        if is_quantized:
            parameters = ((*self.initial_hidden_state_qparams, self.hidden_state_dtype),
                          (*self.initial_cell_state_qparams, self.cell_state_dtype))
            states = [fn.quantize_per_tensor(s, *p) for s, p in zip(states, parameters, strict=True)]
        return tuple(states)

    def _get_name(self):
        return "QuantizableLSTMCell"

    @classmethod
    def from_params(cls, wi, wh, bi=None, bh=None, split_gates=False):
        """A cell with these weights and biases, those of :class:`torch.nn.LSTMCell`.

        Raises:
            AssertionError: one bias without the other.
        """
        if (bi is None) != (bh is None):
            raise AssertionError("bi and bh must both be None or both have values")
        cell = cls(wi.shape[1], wh.shape[1], bi is not None, split_gates=split_gates)
        for weight, bias, gates in ((wi, bi, cell.igates), (wh, bh, cell.hgates)):
            maps = list(gates.values()) if split_gates else [gates]
            for name, whole in (("weight", weight), ("bias", bias)):
                if whole is not None:
                    for linear, part in zip(maps, whole.detach().chunk(len(maps), 0), strict=True):
                        setattr(linear, name, Parameter(part.clone()))
        return cell

    @classmethod
    def from_float(cls, other, use_precomputed_fake_quant=False, split_gates=False):
        """A cell with the parameters of a :class:`torch.nn.LSTMCell` with a configuration."""
        if type(other) is not cls._FLOAT_MODULE:
            raise AssertionError(f"Expected module type {cls._FLOAT_MODULE}, got {type(other)}")
        _needs_qconfig(other)
        made = cls.from_params(other.weight_ih, other.weight_hh, other.bias_ih, other.bias_hh, split_gates)
        for module in (made, made.igates, made.hgates):
            module.qconfig = other.qconfig
        if split_gates:
            for linear in (*made.igates.values(), *made.hgates.values()):
                linear.qconfig = other.qconfig
        return made


class _LSTMSingleLayer(Module):
    """A cell along a sequence ``(L, N, input)``."""

    def __init__(self, input_dim, hidden_dim, bias=True, device=None, dtype=None, *, split_gates=False):
        super().__init__()
        self.cell = LSTMCell(input_dim, hidden_dim, bias, device, dtype, split_gates=split_gates)

    def forward(self, x, hidden=None):
        steps = []
        for n in range(x.shape[0]):
            hidden = self.cell(x[n], hidden)
            steps.append(hidden[0])
        return _stacked(steps), hidden


class _LSTMLayer(Module):
    """One layer, in one direction or both."""

    def __init__(self, input_dim, hidden_dim, bias=True, batch_first=False, bidirectional=False, device=None, dtype=None, *,
                 split_gates=False):
        super().__init__()
        self.batch_first, self.bidirectional = batch_first, bidirectional
        self.layer_fw = _LSTMSingleLayer(input_dim, hidden_dim, bias, device, dtype, split_gates=split_gates)
        if bidirectional:
            self.layer_bw = _LSTMSingleLayer(input_dim, hidden_dim, bias, device, dtype, split_gates=split_gates)

    def forward(self, x, hidden=None):
        if self.batch_first:
            x = x.transpose(0, 1)
        states = [None, None]
        if hidden is not None and hidden[0] is not None:
            states = [(hidden[0][n], hidden[1][n]) for n in (0, 1)] if self.bidirectional else [hidden, None]
        result, state = self.layer_fw(x, states[0])
        if self.bidirectional:
            back, back_state = self.layer_bw(x.flip(0), states[1])
            result = _joined(result, back.flip(0), result.dim() - 1)
            state = tuple(map(_stacked, zip(state, back_state, strict=True)))
        return (result.transpose(0, 1) if self.batch_first else result), state

    @classmethod
    def from_float(cls, other, layer_idx=0, qconfig=None, **kwargs):
        """The layer of a :class:`torch.nn.LSTM` with the number ``layer_idx``."""
        _needs_qconfig(other, qconfig)
        split_gates = kwargs.get("split_gates", False)
        made = cls(*(kwargs.get(name, getattr(other, name)) for name in
                     ("input_size", "hidden_size", "bias", "batch_first", "bidirectional")), split_gates=split_gates)
        made.qconfig = getattr(other, "qconfig", qconfig)
        for layer, suffix in ((made.layer_fw, ""), *([(made.layer_bw, "_reverse")] if other.bidirectional else [])):
            parameters = (getattr(other, f"{kind}_l{layer_idx}{suffix}", None)
                          for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            layer.cell = LSTMCell.from_params(*parameters, split_gates=split_gates)
        return made


class LSTM(Module):
    """A long short-term memory whose operations are modules; the arguments are those of :class:`torch.nn.LSTM`.

    Args:
        dropout: not used; train a plain one.
        split_gates: see :class:`LSTMCell`.

    Attributes:
        layers: one module per layer.
    """

    _FLOAT_MODULE = float_rnn.LSTM

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
                 device=None, dtype=None, *, split_gates=False):
        super().__init__()
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, float(dropout), bidirectional
        self.training = False
        if not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1 or isinstance(dropout, bool):
            raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being "
                             "zeroed")
        if dropout > 0:
            warnings.warn("dropout option for quantizable LSTM is ignored. If you are training, please, use nn.LSTM version "
                          "followed by `prepare` step.", stacklevel=2)
        # PyTorch gives the later layers the size of one direction; from_float() replaces them by those of the right size.
        self.layers = ModuleList(
            _LSTMLayer(input_size if n == 0 else hidden_size, hidden_size, bias, False, bidirectional, device, dtype,
                       split_gates=split_gates) for n in range(num_layers))

    def forward(self, x, hidden=None):
        """Runs the sequence; see :class:`torch.nn.LSTM`."""
        if self.batch_first:
            x = x.transpose(0, 1)
        directions, batch = 2 if self.bidirectional else 1, x.size(1)
        if hidden is None:
            shape = (directions, batch, self.hidden_size) if directions == 2 else (batch, self.hidden_size)
            zeros = fn.zeros(shape, dtype=dtypes.float32, device=x.device)
            if x.is_quantized:
                zeros = fn.quantize_per_tensor(zeros, 1.0, 0, x.dtype)
            states = [(zeros, zeros)] * self.num_layers
        elif isinstance(hidden[0], Tensor):
            h, c = (s.reshape(self.num_layers, directions, batch, self.hidden_size) for s in hidden)
            states = [(h[n].squeeze(0), c[n].squeeze(0)) for n in range(self.num_layers)]
        else:
            states = hidden
        found = []
        for layer, state in zip(self.layers, states, strict=True):
            x, state = layer(x, state)
            found.append(state)
        last = tuple(_stacked(s).reshape(-1, batch, self.hidden_size) for s in zip(*found, strict=True))
        return (x.transpose(0, 1) if self.batch_first else x), last

    def _get_name(self):
        return "QuantizableLSTM"

    @classmethod
    def from_float(cls, other, qconfig=None, split_gates=False):
        """A prepared module with the parameters of a :class:`torch.nn.LSTM` with a configuration."""
        from plugtorch.frontend.ao.quantization import quantize

        if not isinstance(other, cls._FLOAT_MODULE):
            raise AssertionError(f"Expected module type {cls._FLOAT_MODULE}, got {type(other)}")
        if not hasattr(other, "qconfig") and not qconfig:
            raise AssertionError("other must have qconfig or qconfig must be provided")
        made = cls(other.input_size, other.hidden_size, other.num_layers, other.bias, other.batch_first, other.dropout,
                   other.bidirectional, split_gates=split_gates)
        made.qconfig = getattr(other, "qconfig", qconfig)
        for n in range(other.num_layers):
            made.layers[n] = _LSTMLayer.from_float(other, n, qconfig, batch_first=False, split_gates=split_gates)
        if other.training:
            return quantize.prepare_qat(made.train(), inplace=True)
        return quantize.prepare(made.eval(), inplace=True)

    @classmethod
    def from_observed(cls, other):
        """Refused: this class is made of a plain one.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("It looks like you are trying to convert a non-quantizable LSTM module. Please, see the "
                                  "examples on quantizable LSTMs.")


class MultiheadAttention(float_activation.MultiheadAttention):
    """Attention whose projections are modules; the arguments are those of :class:`torch.nn.MultiheadAttention`. Scores and
    their products with the values are computed in floats."""

    _FLOAT_MODULE = float_activation.MultiheadAttention

    def __init__(self, embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False, kdim=None,
                 vdim=None, batch_first=False, device=None, dtype=None):
        super().__init__(embed_dim, num_heads, dropout, bias, add_bias_kv, add_zero_attn, kdim, vdim, batch_first, device,
                         dtype)
        for name, size in (("linear_Q", self.embed_dim), ("linear_K", self.kdim), ("linear_V", self.vdim),
                           ("out_proj", self.embed_dim)):
            setattr(self, name, Linear(size, self.embed_dim, bias, device, dtype))
        self.q_scaling_product = FloatFunctional()
        self.quant_attn_output, self.quant_attn_output_weights = QuantStub(), QuantStub()
        self.dequant_q, self.dequant_k, self.dequant_v = DeQuantStub(), DeQuantStub(), DeQuantStub()

    def _get_name(self):
        return "QuantizableMultiheadAttention"

    @classmethod
    def from_float(cls, other):
        """A prepared module with the parameters of a :class:`torch.nn.MultiheadAttention` with a configuration."""
        from plugtorch.frontend.ao.quantization.quantize import prepare

        if type(other) is not cls._FLOAT_MODULE:
            raise AssertionError(f"Expected type {cls._FLOAT_MODULE}, got {type(other)}")
        _needs_qconfig(other)
        made = cls(other.embed_dim, other.num_heads, other.dropout, other.in_proj_bias is not None, other.bias_k is not None,
                   other.add_zero_attn, other.kdim, other.vdim, other.batch_first)
        made.bias_k, made.bias_v, made.qconfig = other.bias_k, other.bias_v, other.qconfig
        made.out_proj.weight, made.out_proj.bias = other.out_proj.weight, other.out_proj.bias
        weights = other.in_proj_weight.chunk(3, 0) if other._qkv_same_embed_dim else \
            (other.q_proj_weight, other.k_proj_weight, other.v_proj_weight)
        biases = (None,) * 3 if other.in_proj_bias is None else other.in_proj_bias.chunk(3, 0)
        for linear, weight, bias in zip((made.linear_Q, made.linear_K, made.linear_V), weights, biases, strict=True):
            linear.weight = Parameter(weight.detach().clone(), weight.requires_grad)
            linear.bias = None if bias is None else Parameter(bias.detach().clone(), bias.requires_grad)
        return prepare(made.eval(), inplace=True)

    def dequantize(self):
        """A plain module with the dequantised parameters of a converted one."""
        weights = {name: getattr(self, name)._weight_bias() for name in ("linear_Q", "linear_K", "linear_V", "out_proj")}
        fp = float_activation.MultiheadAttention(
            self.embed_dim, self.num_heads, self.dropout, weights["linear_Q"][1] is not None, self.bias_k is not None,
            self.add_zero_attn, self.kdim, self.vdim, self.batch_first)
        for name in ("bias_k", "bias_v"):
            if getattr(self, name) is not None:
                setattr(fp, name, Parameter(getattr(self, name).dequantize()))
        fp.out_proj.weight = Parameter(weights["out_proj"][0].dequantize())
        if weights["out_proj"][1] is not None:
            fp.out_proj.bias = Parameter(weights["out_proj"][1])
        q, k, v = (weights[name][0].dequantize() for name in ("linear_Q", "linear_K", "linear_V"))
        if fp._qkv_same_embed_dim:
            fp.in_proj_weight = Parameter(fn.cat([q, k, v]))
        else:
            fp.q_proj_weight, fp.k_proj_weight, fp.v_proj_weight = Parameter(q), Parameter(k), Parameter(v)
        if fp.in_proj_bias is not None:
            fp.in_proj_bias = Parameter(fn.cat([weights[name][1] for name in ("linear_Q", "linear_K", "linear_V")]))
        return fp

    @classmethod
    def from_observed(cls, other):
        """Refused: this class is made of a plain one.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("It looks like you are trying to prepare an MHA module. Please, see the examples on "
                                  "quantizable MHAs.")

    def forward(self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
                average_attn_weights=True, is_causal=False):
        """Attends; see :class:`torch.nn.MultiheadAttention`. Sequences come in batches.

        Raises:
            AssertionError: ``is_causal``, or sizes that do not fit.
            RuntimeError: a mask of another size.
        """
        if is_causal:
            raise AssertionError("Only allow causal mask or attn_mask" if attn_mask is not None else
                                 "causal mask not supported by AO MHA module")
        if self.batch_first:
            query, key, value = (t.transpose(0, 1) for t in (query, key, value))
        length, batch, size = query.size()
        if self.embed_dim != size:
            raise AssertionError(f"embed_dim mismatch: {self.embed_dim} != {size}")
        if key.size()[:2] != value.size()[:2]:
            raise AssertionError(f"key and value size mismatch: key.size()={key.size()}, value.size()={value.size()}")
        heads, width = batch * self.num_heads, self.head_dim
        attn_mask = _checked_mask(attn_mask, (heads, length, key.size(0)))
        q, k, v = self.linear_Q(query), self.linear_K(key), self.linear_V(value)
        q = self.q_scaling_product.mul_scalar(q, float(width) ** -0.5)
        if self.bias_k is not None and self.bias_v is not None:
            k, v = (_joined(t, b.expand(1, batch, -1), 0) for t, b in ((k, self.bias_k), (v, self.bias_v)))
            attn_mask, key_padding_mask = _one_more_key(attn_mask), _one_more_key(key_padding_mask)
        q, k, v = (t.contiguous().reshape(-1, heads, width).transpose(0, 1) for t in (q, k, v))
        if key_padding_mask is not None and tuple(key_padding_mask.size()) != (batch, k.size(1)):
            raise AssertionError(f"key_padding_mask must be of size {(batch, k.size(1))}, got {key_padding_mask.size()}")
        if self.add_zero_attn:
            k, v = (_joined(t, fn.zeros(heads, 1, width, device=t.device), 1) for t in (k, v))
            attn_mask, key_padding_mask = _one_more_key(attn_mask), _one_more_key(key_padding_mask)
        # Masks hold values that no scale reaches, and softmax has the precision of floats.
        q, k, v = self.dequant_q(q), self.dequant_k(k), self.dequant_v(v)
        scores = fn.bmm(q, k.transpose(1, 2))
        if attn_mask is not None:
            scores = scores.masked_fill(attn_mask, float("-inf")) if attn_mask.dtype is dtypes.bool else scores + attn_mask
        if key_padding_mask is not None:
            hidden = key_padding_mask.bool().repeat_interleave(self.num_heads, 0).unsqueeze(1)
            scores = scores.masked_fill(hidden, float("-inf"))
        weights = F.dropout(F.softmax(scores, -1), self.dropout, self.training)
        output = fn.bmm(weights, v).transpose(0, 1).reshape(length, batch, self.embed_dim)
        if self.batch_first:
            output = output.transpose(0, 1)
        output = self.out_proj(self.quant_attn_output(output))
        weights = self.quant_attn_output_weights(weights)
        if not need_weights:
            return output, None
        weights = weights.reshape(batch, self.num_heads, length, k.size(1))
        return output, (weights.mean(1) if average_attn_weights else weights)


def _checked_mask(mask, shape):
    """The mask with three dimensions, bool or floating."""
    if mask is None:
        return None
    if mask.dtype is dtypes.uint8:
        warnings.warn("Byte tensor for `attn_mask` in `nn.MultiheadAttention` is deprecated. Use bool tensor instead.",
                      stacklevel=3)
        mask = mask.bool()
    if not mask.is_floating_point() and mask.dtype is not dtypes.bool:
        raise AssertionError(f"Only float and bool types are supported for attn_mask, not {mask.dtype}")
    if mask.dim() not in (2, 3):
        raise RuntimeError(f"attn_mask's dimension {mask.dim()} is not supported")
    if tuple(mask.size()) != shape[3 - mask.dim():]:
        raise RuntimeError(f"The size of the {mask.dim()}D attn_mask is not correct.")
    return mask.unsqueeze(0) if mask.dim() == 2 else mask


def _one_more_key(mask):
    return None if mask is None else F.pad(mask, (0, 1))


def _stacked(tensors):
    """Tensors along a new first dimension; quantised ones with the first one's scale."""
    return _joined(tensors[0].unsqueeze(0), [t.unsqueeze(0) for t in tensors[1:]], 0)


def _joined(t, more, dim):
    """A tensor and another, or several, along a dimension; quantised with the first one's scale, if that is quantised."""
    more = more if isinstance(more, list) else [more]
    if not t.is_quantized:
        return fn.cat([t, *more], dim)
    floats = [m.dequantize() if m.is_quantized else m for m in (t, *more)]
    return fn.quantize_per_tensor(fn.cat(floats, dim), t.q_scale(), t.q_zero_point(), t.dtype)
