"""The names of :mod:`.nn_functions`, which is imported when one of them is first used, and those that Tensor has, too."""

from __future__ import annotations

from .methods import method

NAMES = (
    "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "_pack_padded_sequence",
    "_pad_packed_sequence", "_softmax_backward_data", "adaptive_avg_pool1d", "adaptive_max_pool1d",
    "affine_grid_generator", "avg_pool1d", "batch_norm", "batch_norm_update_stats", "bilinear",
    "binary_cross_entropy_with_logits", "celu", "celu_", "channel_shuffle", "constant_pad_nd", "conv1d", "conv2d",
    "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution",
    "cosine_embedding_loss", "cosine_similarity", "ctc_loss", "embedding", "embedding_bag", "embedding_renorm_",
    "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "group_norm", "gru", "gru_cell", "hardshrink",
    "hinge_embedding_loss", "instance_norm", "kl_div", "layer_norm", "lstm", "lstm_cell", "margin_ranking_loss",
    "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "native_batch_norm",
    "native_channel_shuffle", "native_dropout", "native_group_norm", "native_layer_norm", "pairwise_distance",
    "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "rms_norm", "rnn_relu", "rnn_relu_cell",
    "rnn_tanh", "rnn_tanh_cell", "rrelu", "rrelu_", "selu", "selu_", "threshold", "threshold_", "triplet_margin_loss",
)


@method
def prelu(self, weight):
    """The input where positive, else a learned slope, one for all or one per channel, times it."""
    from .nn_functions import prelu

    return prelu(self, weight)


@method
def hardshrink(self, lambd=0.5):
    """0 within ``lambd`` of zero, else the input."""
    from .nn_functions import hardshrink

    return hardshrink(self, lambd)
