"""What ``torch`` itself has of ``torch.nn.functional``, in its own argument orders: reductions and modes are numbers
here."""

from __future__ import annotations

from plugtorch.autograd.mode import no_grad
from plugtorch.autograd.names import named
from plugtorch.spec.dtypes import bool_

from . import random_dropout as dropouts
from .creation import full_like
from .dispatch import check_out, require_tensor, rounded_once, store, to_dtype
from .methods import exporter, inplace_twin
from .nn.functional import (
    activation,
    ctc,
    distance,
    loss,
    normalization,
    pooling,
    rearrange,
    recurrent,
    sampling,
)
from .nn.functional import convolution as _convolutions
from .nn.functional import padding as _padding
from .nn.functional.dropout import rrelu as _rrelu
from .nn.functional.embedding import bags_with_notes, shrink
from .nn.functional.embedding import embedding as _rows

__all__: list[str] = []
_export = exporter(__all__)

# The same functions as in torch.nn.functional.
for _module, _names in (
        (_convolutions, ("bilinear", "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d",
                       "conv_transpose3d")),
        (distance, ("cosine_similarity", "pairwise_distance")),
        (rearrange, ("channel_shuffle", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle")),
        (pooling, ("adaptive_avg_pool1d", "avg_pool1d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d",
                   "max_pool3d"))):
    for _name in _names:
        globals()[_name] = getattr(_module, _name)
    __all__ += _names
for _name in ("gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell"):
    globals()[_name] = getattr(recurrent, "_" + _name)
    __all__.append(_name)


# Activations.

@_export
def prelu(input, weight):
    """The input where positive, else a learned slope, one for all or one per channel, times it."""
    return activation.prelu(require_tensor(input, "prelu"), require_tensor(weight, "prelu", "weight", 2))


@_export
def hardshrink(input, lambd=0.5, *, out=None):
    """0 within ``lambd`` of zero, else the input."""
    return store(out, activation.hardshrink(require_tensor(input, "hardshrink"), lambd))


@_export
def celu(input, alpha=1.0):
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`` (Barron, arXiv:1704.07483)."""
    return activation.celu(input, alpha)


@_export
def selu(input):
    """Self-normalising elu (Klambauer et al., arXiv:1706.02515)."""
    return activation.selu(input)


@_export
def threshold(input, threshold, value, *, out=None):
    """The input above the threshold, else ``value``."""
    return store(out, activation.threshold(input, threshold, value))


@_export
def rrelu(input, lower=0.125, upper=1 / 3, training=False, generator=None):
    """A leaky ReLU whose slope is drawn from [lower, upper) for each element in training, else their mean."""
    return _rrelu(input, lower, upper, training)


def _only_here(function):
    """The in-place twin, which for these is no method of Tensor."""
    from .tensor import Tensor

    twin = inplace_twin(function)
    delattr(Tensor, twin.__name__)
    return _export(twin)


celu_, selu_, threshold_ = _only_here(celu), _only_here(selu), _only_here(threshold)


@_export
def rrelu_(input, lower=0.125, upper=1 / 3, training=False, generator=None):
    """In-place version of :func:`rrelu`."""
    return _rrelu(input, lower, upper, training, inplace=True)


# Normalisation.

@_export
def batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled):
    """See :func:`plugtorch.nn.functional.batch_norm`; ``cudnn_enabled`` makes no difference."""
    return normalization.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@_export
def instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled):
    """See :func:`plugtorch.nn.functional.instance_norm`; ``cudnn_enabled`` makes no difference."""
    return normalization.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


@_export
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05, cudnn_enable=True):
    """See :func:`plugtorch.nn.functional.layer_norm`; ``cudnn_enable`` makes no difference."""
    return normalization.layer_norm(input, normalized_shape, weight, bias, eps)


@_export
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-05, cudnn_enabled=True):
    """See :func:`plugtorch.nn.functional.group_norm`; ``cudnn_enabled`` makes no difference."""
    return normalization.group_norm(input, num_groups, weight, bias, eps)


@_export
def rms_norm(input, normalized_shape, weight=None, eps=None):
    """See :func:`plugtorch.nn.functional.rms_norm`."""
    return normalization.rms_norm(input, normalized_shape, weight, eps)


@_export
def native_layer_norm(input, normalized_shape, weight, bias, eps):
    """:func:`layer_norm` with the means and the reciprocal standard deviations, of size 1 in the normalised dimensions."""
    return normalization.layer_norm_with_moments(input, normalized_shape, weight, bias, eps)


@_export
def native_group_norm(input, weight, bias, N, C, HxW, group, eps):  # noqa: N803
    """:func:`group_norm` of an input of N, C and H times W, with means and reciprocal standard deviations (N, group)."""
    return normalization.group_norm_with_moments(input, group, weight, bias, eps)


@_export
def native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, *, out=None):
    """:func:`batch_norm` with the batch's means and reciprocal standard deviations (C,); in evaluation those are empty."""
    for target in out or ():  # before running statistics are written
        check_out(target, input.dtype, input._req)
    return store(out, normalization.batch_norm_with_moments(input, running_mean, running_var, weight, bias, training,
                                                            momentum, eps))


@_export
def _native_batch_norm_legit(input, weight, bias, *rest, **options):
    """:func:`native_batch_norm`, the running statistics left out if there are none."""
    names = ("running_mean", "running_var", "training", "momentum", "eps")
    given = dict(zip(names if len(rest) + len(options) >= 5 else names[2:], rest, strict=False)) | options
    given = {"running_mean": None, "running_var": None, **given}
    return native_batch_norm(input, weight, bias, **given)


@_export
def _native_batch_norm_legit_no_training(input, weight, bias, running_mean, running_var, momentum, eps):
    """:func:`native_batch_norm` in evaluation."""
    return native_batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)


@_export
def batch_norm_update_stats(input, running_mean, running_var, momentum):
    """Means and variances (without Bessel's correction) of the channels of (N, C, *); updates the running ones in place."""
    axes = [d for d in range(input.dim()) if d != 1]
    with no_grad():
        mean, var = input.mean(axes), input.var(axes, correction=0)
        count = input.numel() // max(input.size(1), 1)
        normalization.update_running(running_mean, mean, momentum)
        normalization.update_running(running_var, var * (count / max(count - 1, 1)), momentum)
    return mean, var


# Dropout.

@_export
def native_dropout(input, p, train):
    """:func:`dropout` with the mask of what was kept, a bool tensor."""
    if train is False or input.numel() == 0:
        return input.clone(), full_like(input, True, dtype=bool_)
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p:g}")
    kept = dropouts.dropout(full_like(input, 1.0).detach(), p, True) if p else full_like(input, 1.0).detach()
    mask = kept.ne(0)
    return input * mask * (0.0 if p == 1 else 1 / (1 - p)), mask


# Embedding.

@_export
@named("EmbeddingBackward0")
def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """Rows of ``weight`` (V, D) for integer indices; a ``padding_idx`` from 0 on gets no gradient."""
    if weight.dim() != 2:
        raise RuntimeError("'weight' must be 2-D")
    padding = padding_idx if padding_idx >= 0 else None
    return _rows(indices, weight, padding, None, 2.0, scale_grad_by_freq, sparse)


@_export
def embedding_bag(weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None,
                  include_last_offset=False, padding_idx=None):
    """Sums (mode 0), means (1) or maxima (2) of embedding rows per bag of 1-d indices.

    Returns:
        The result, the bag of each index, the number of indices per bag that count, and for maxima the indices they came
        from, (bags, D); else the sizes again.
    """
    how = {0: "sum", 1: "mean", 2: "max"}[int(mode)]
    return bags_with_notes(indices, weight, offsets, scale_grad_by_freq, how, sparse, per_sample_weights,
                                  include_last_offset, padding_idx)


@_export
def embedding_renorm_(input, indices, max_norm, norm_type):
    """Shrinks the rows at ``indices``, in place, to a norm of at most ``max_norm``."""
    shrink(require_tensor(input, "embedding_renorm_"), indices, max_norm, norm_type)
    return input


# Losses: reduction 0 is none, 1 mean, 2 sum.

_REDUCTIONS = ("none", "mean", "sum")


def _reduction(number):
    if number not in (0, 1, 2):
        raise ValueError(f"{number} is not a valid value for reduction: 0 is none, 1 mean, 2 sum")
    return _REDUCTIONS[number]


@_export
def binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=1):
    """See :func:`plugtorch.nn.functional.binary_cross_entropy_with_logits`."""
    return loss.binary_cross_entropy_with_logits(input, target, weight, pos_weight=pos_weight,
                                                 reduction=_reduction(reduction))


@_export
def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=1):
    """See :func:`plugtorch.nn.functional.cosine_embedding_loss`."""
    return loss.cosine_embedding_loss(input1, input2, target, margin, reduction=_reduction(reduction))


@_export
def hinge_embedding_loss(input, target, margin=1.0, reduction=1):
    """See :func:`plugtorch.nn.functional.hinge_embedding_loss`."""
    return loss.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


@_export
def kl_div(input, target, reduction=1, *, log_target=False):
    """See :func:`plugtorch.nn.functional.kl_div`."""
    return loss.kl_div(input, target, reduction=_reduction(reduction), log_target=log_target)


@_export
def margin_ranking_loss(input1, input2, target, margin=0.0, reduction=1):
    """See :func:`plugtorch.nn.functional.margin_ranking_loss`."""
    return loss.margin_ranking_loss(input1, input2, target, margin, reduction=_reduction(reduction))


@_export
def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """See :func:`plugtorch.nn.functional.poisson_nll_loss`."""
    return loss.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_reduction(reduction))


@_export
def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-06, swap=False, reduction=1):
    """See :func:`plugtorch.nn.functional.triplet_margin_loss`."""
    return loss.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=_reduction(reduction))


@_export
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=1, zero_infinity=False):
    """See :func:`plugtorch.nn.functional.ctc_loss`."""
    return ctc.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _reduction(reduction), zero_infinity)


@_export
@rounded_once
def _softmax_backward_data(grad_output, output, dim, input_dtype):
    """The gradient of a softmax's input, from that of its result and the result."""
    inner = grad_output * output
    return to_dtype(inner - output * inner.sum(dim, keepdim=True), input_dtype)


# Convolution, pooling, sampling, padding.

@_export
def convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """A convolution, or a transposed one, of as many dimensions as the weight has beyond two."""
    n = weight.dim() - 2
    if transposed:
        adjoint = getattr(_convolutions, f"conv_transpose{n}d")
        return adjoint(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return getattr(_convolutions, f"conv{n}d")(input, weight, bias, stride, padding, dilation, groups)


@_export
def adaptive_max_pool1d(input, output_size):
    """Largest values in as many bins as ``output_size`` says, and their positions."""
    return pooling.adaptive_max_pool1d(input, output_size, return_indices=True)


@_export
def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """See :func:`plugtorch.nn.functional.grid_sample`; modes 0 bilinear, 1 nearest, 2 bicubic, and 0 zeros, 1 border,
    2 reflection."""
    return sampling.grid_sample(input, grid, sampling.MODES[interpolation_mode], sampling.PADDINGS[padding_mode],
                                bool(align_corners))


@_export
def grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners):
    """:func:`grid_sampler` of images."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


@_export
def grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners):
    """:func:`grid_sampler` of volumes."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


@_export
def affine_grid_generator(theta, size, align_corners):
    """See :func:`plugtorch.nn.functional.affine_grid`."""
    return sampling.affine_grid(theta, size, bool(align_corners))


@_export
def constant_pad_nd(input, pad, value=0):
    """See :func:`plugtorch.nn.functional.pad`."""
    return _padding.pad(input, pad, "constant", value)


@_export
def _pack_padded_sequence(input, lengths, batch_first):
    """Packed data and batch sizes: see :func:`plugtorch.nn.utils.rnn.pack_padded_sequence`."""
    from .nn.utils.rnn import packed

    return packed(input, lengths, batch_first)


@_export
def _pad_packed_sequence(data, batch_sizes, batch_first, padding_value, total_length):
    """Padded sequences and their lengths: see :func:`plugtorch.nn.utils.rnn.pad_packed_sequence`."""
    from .nn.utils.rnn import padded

    y, lengths = padded(data, batch_sizes, padding_value, max(total_length, batch_sizes.size(0)))
    return (y.transpose(0, 1) if batch_first else y), lengths
