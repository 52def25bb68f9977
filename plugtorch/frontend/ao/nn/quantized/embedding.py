"""Tables of vectors with quantised weights, which are dequantised row by row."""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.nn import qat
from plugtorch.frontend.ao.quantization.qconfig import float_qparams_weight_only_qconfig
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import sparse as float_sparse
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.quantized.schemes import per_channel_affine_float_qparams, quint4x2, quint8
from plugtorch.frontend.quantized.tensor import integers_of
from plugtorch.spec import dtypes

from .utils import quantize_weight, repr_without

__all__ = ["Embedding", "EmbeddingBag", "EmbeddingPackedParams"]


def _blank(rows, columns, dtype):
    return fn.quantize_per_channel(fn.zeros(rows, columns), fn.ones(rows), fn.zeros(rows), 0, dtype)


class EmbeddingPackedParams(Module):
    """The weight of an :class:`Embedding`.

    Args:
        num_embeddings, embedding_dim: its shape.
        dtype: quint8 or quint4x2.

    Raises:
        NotImplementedError: another dtype.
    """

    _version = 1

    def __init__(self, num_embeddings, embedding_dim, dtype=quint8):
        super().__init__()
        self.dtype = dtype
        if dtype not in (quint8, quint4x2):
            raise NotImplementedError("Unsupported dtype on quantized embedding! Supports quint8 and quint4x2. Got dtype: "
                                      f"{dtype}")
        self.set_weight(_blank(num_embeddings, embedding_dim, dtype))

    def set_weight(self, weight):
        """Set the weight, quantised with a scale per row."""
        self._packed_weight = weight

    def _weight(self):
        return self._packed_weight

    def _values(self):
        """The rows as float32. Those of four bits have their scales and offsets in half precision, as PyTorch packs them."""
        if self.dtype is not quint4x2:
            return self._packed_weight.dequantize()
        scale, zero_point = (t.unsqueeze(1) for t in (self._packed_weight.q_per_channel_scales(),
                                                      self._packed_weight.q_per_channel_zero_points()))
        scale, offset = (t.to(dtypes.float16).to(dtypes.float32) for t in (scale, -scale * zero_point))
        return integers_of(self._packed_weight).to(dtypes.float32) * scale + offset

    def forward(self, x):
        return x

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "dtype"] = self.dtype
        destination[prefix + "_packed_weight"] = self._packed_weight

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.dtype = state_dict.pop(prefix + "dtype")
        self.set_weight(state_dict.pop(prefix + "_packed_weight"))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def __repr__(self):
        return repr(self._packed_weight)


class Embedding(Module):
    """Rows of a quantised table, as float32.

    Args:
        num_embeddings, embedding_dim: the table's shape.
        padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse: kept for their places.
        _weight: a quantised tensor, or None for a blank one.
        dtype: quint8 or quint4x2.
    """

    _version = 1

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,
                 scale_grad_by_freq=False, sparse=False, _weight=None, dtype=quint8):
        super().__init__()
        self.num_embeddings, self.embedding_dim, self.dtype = num_embeddings, embedding_dim, dtype
        self._packed_params = EmbeddingPackedParams(num_embeddings, embedding_dim, dtype)
        if _weight is not None:
            if list(_weight.shape) != [num_embeddings, embedding_dim]:
                raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim: expected "
                                     f"{[num_embeddings, embedding_dim]}, got {list(_weight.shape)}")
            self.set_weight(_weight)

    def _get_name(self):
        return f"Quantized{type(self).__name__}"

    def __repr__(self):
        return repr_without(self, EmbeddingPackedParams)

    def extra_repr(self):
        return (f"num_embeddings={self.num_embeddings}, embedding_dim={self.embedding_dim}, "
                f"dtype={self._packed_params.dtype}, qscheme={self.weight().qscheme()}")

    def set_weight(self, w):
        """Set the weight, quantised with a scale per row."""
        self._packed_params.set_weight(w)

    def weight(self):
        """The quantised weight."""
        return self._packed_params._weight()

    def forward(self, indices):
        return F.embedding(indices, self._packed_params._values())

    @classmethod
    def _observed(cls, mod, trained, plain):
        """The quantised weight of a plain module, or of one in training."""
        name = plain.__name__
        if hasattr(mod, "weight_fake_quant"):
            if type(mod) is not trained:
                raise AssertionError(f"nnq.{cls.__name__}.from_float with fake quant only works for {trained.__name__}")
            observer = mod.weight_fake_quant
        else:
            if type(mod) is not plain:
                raise AssertionError(f"nnq.{cls.__name__}.from_float only works for {name}")
            if not hasattr(mod, "qconfig"):
                raise AssertionError(f"{name} input float module must have qconfig defined")
            given = mod.qconfig is not None and mod.qconfig.weight is not None
            observer = (mod.qconfig if given else float_qparams_weight_only_qconfig).weight()
        if getattr(observer, "qscheme", None) is not per_channel_affine_float_qparams:
            raise AssertionError(f"{name} quantization is only supported with float_qparams_weight_only_qconfig.")
        if observer.dtype not in (quint8, quint4x2):
            raise AssertionError(f"The only supported dtype for nnq.{name} is torch.quint8 and torch.quint4x2, got "
                                 f"{observer.dtype}")
        observer(mod.weight)
        return quantize_weight(mod.weight.float(), observer)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised table of a plain one with a configuration, or of one in training.

        Raises:
            AssertionError: another class, no configuration, or one that is not for tables.
        """
        weight = cls._observed(mod, qat.Embedding, float_sparse.Embedding)
        made = Embedding(mod.num_embeddings, mod.embedding_dim, dtype=weight.dtype)
        made.set_weight(weight)
        return made


class EmbeddingBag(Embedding):
    """Sums of rows of a quantised table, as float32.

    Args:
        num_embeddings, embedding_dim: the table's shape.
        max_norm, norm_type, scale_grad_by_freq, sparse: kept for their places.
        mode: kept; rows are summed, as PyTorch's kernels do.
        _weight: a quantised tensor, or None for a blank one.
        include_last_offset: whether the last offset is the number of indices.
        dtype: quint8 or quint4x2.
    """

    def __init__(self, num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, mode="sum",
                 sparse=False, _weight=None, include_last_offset=False, dtype=quint8):
        super().__init__(num_embeddings, embedding_dim, _weight=_weight, dtype=dtype)
        self.mode, self.include_last_offset = mode, include_last_offset
        self.pruned_weights = False

    def forward(self, indices, offsets=None, per_sample_weights=None, compressed_indices_mapping=None):
        if compressed_indices_mapping is not None:
            raise NotImplementedError("not offered: compressed_indices_mapping: there are no kernels of pruned tables")
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.float()
        return F.embedding_bag(indices, self._packed_params._values(), offsets, mode="sum",
                               per_sample_weights=per_sample_weights, include_last_offset=self.include_last_offset)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised table of a plain one with a configuration, or of one in training; see :class:`Embedding`."""
        weight = cls._observed(mod, qat.EmbeddingBag, float_sparse.EmbeddingBag)
        made = EmbeddingBag(mod.num_embeddings, mod.embedding_dim, mod.max_norm, mod.norm_type, mod.scale_grad_by_freq,
                            mod.mode, mod.sparse, include_last_offset=mod.include_last_offset, dtype=weight.dtype)
        made.set_weight(weight)
        return made
