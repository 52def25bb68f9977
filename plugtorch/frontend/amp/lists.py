"""Which functions autocast casts, and how, by kind of device: PyTorch 2.13's lists (its documentation, "Automatic Mixed
Precision: op reference", and what its CPU build does).

A function is listed under its name here; those that PyTorch reaches through one another (``F.linear`` through ``addmm``) are
listed where a program calls them.
"""

from __future__ import annotations

LOWER = "lower_precision_fp"  # operands in autocast's dtype
FP32 = "fp32"  # operands in float32
FP32_SET_OPT_DTYPE = "fp32_set_opt_dtype"  # computed and returned in float32, by dtype=
PROMOTE = "promote"  # operands in the widest dtype among them
BANNED = "banned"
AS_IS = "as_is"  # not cast, nor what it calls here

_PRODUCTS = (
    "addbmm", "addmm", "baddbmm", "bmm", "chain_matmul", "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "linear", "matmul", "mm", "multi_dot", "scaled_dot_product_attention", "vecdot",
    "lstm", "rnn_tanh", "rnn_relu",
)
_LOSSES = (
    "cosine_embedding_loss", "cross_entropy", "ctc_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss",
    "margin_ranking_loss", "mse_loss", "multi_margin_loss", "multilabel_margin_loss", "nll_loss", "poisson_nll_loss",
    "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss", "binary_cross_entropy_with_logits",
)
_FFT = (
    "fft", "fft2", "fftn", "hfft", "ifft", "ifft2", "ifftn", "ihfft", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftn",
)
_MATRICES = (
    "cholesky", "cholesky_ex", "cholesky_inverse", "cholesky_solve", "cond", "eig", "eigh", "eigvals", "eigvalsh", "geqrf",
    "householder_product", "inv", "inv_ex", "inverse", "lstsq", "lu_solve", "matrix_rank", "orgqr", "ormqr", "pinv",
    "pinverse",
    "qr", "solve", "svd", "svdvals", "tensorinv", "tensorsolve", "trace", "triangular_solve",
)

CPU = {
    **dict.fromkeys(_PRODUCTS, LOWER),
    **dict.fromkeys((*_LOSSES, *_FFT, *_MATRICES), FP32),
    **dict.fromkeys((
        "avg_pool3d", "binary_cross_entropy", "grid_sample", "polar", "prod", "quantile", "nanquantile", "stft", "cdist",
        "view_as_complex", "max_pool3d", "max_unpool2d", "max_unpool3d", "adaptive_avg_pool3d",
    ), FP32),
    **dict.fromkeys(("stack", "cat", "index_copy"), PROMOTE),
    **dict.fromkeys(("addmv", "dot", "mv", "vdot"), AS_IS),
}

ACCELERATOR = {
    **dict.fromkeys((*_PRODUCTS, "addmv", "addr", "gru", "mv", "prelu"), LOWER),
    **dict.fromkeys(_LOSSES, FP32),
    **dict.fromkeys((
        "acos", "asin", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log2", "log1p", "reciprocal", "rsqrt", "sinh",
        "tan",
        "pow", "softplus", "layer_norm", "group_norm", "norm", "nuclear_norm", "frobenius_norm", "cosine_similarity", "dist",
        "pdist", "cdist", "renorm", "logsumexp", "interpolate", "grid_sample",
    ), FP32),
    **dict.fromkeys((
        "prod", "softmax", "log_softmax", "cumprod", "cumsum", "sum", "vector_norm", "matrix_norm",
    ), FP32_SET_OPT_DTYPE),
    **dict.fromkeys((
        "addcdiv", "addcmul", "atan2", "bilinear", "cross", "dot", "index_put", "stack", "cat", "tensordot", "scatter_add",
    ), PROMOTE),
    "binary_cross_entropy": BANNED,
}

EVERY = {*CPU, *ACCELERATOR}


def kind_for(name: str, device_type: str) -> str | None:
    """How the function ``name`` is cast on a kind of device, or None."""
    return (CPU if device_type == "cpu" else ACCELERATOR).get(name)
