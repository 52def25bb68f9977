"""Functions of PyTorch that only one vendor's library computes: here they say so, and what to call instead."""

from __future__ import annotations

from .dispatch import require_tensor

# name -> what does the same on every backend
INSTEAD = {
    "batch_norm_backward_elemt": "autograd through torch.nn.functional.batch_norm",
    "batch_norm_backward_reduce": "autograd through torch.nn.functional.batch_norm",
    "batch_norm_elemt": "torch.nn.functional.batch_norm",
    "batch_norm_gather_stats": "torch.nn.functional.batch_norm",
    "batch_norm_gather_stats_with_counts": "torch.nn.functional.batch_norm",
    "batch_norm_stats": "torch.var_mean",
    "cudnn_affine_grid_generator": "torch.nn.functional.affine_grid",
    "cudnn_batch_norm": "torch.nn.functional.batch_norm",
    "cudnn_convolution": "torch.convolution",
    "cudnn_convolution_add_relu": "torch.convolution, an addition and torch.relu",
    "cudnn_convolution_relu": "torch.convolution and torch.relu",
    "cudnn_convolution_transpose": "torch.convolution with transposed=True",
    "cudnn_grid_sampler": "torch.nn.functional.grid_sample",
    "fbgemm_linear_fp16_weight": "torch.nn.functional.linear",
    "fbgemm_linear_fp16_weight_fp32_activation": "torch.nn.functional.linear",
    "fbgemm_linear_int8_weight": "torch.nn.functional.linear",
    "fbgemm_linear_int8_weight_fp32_activation": "torch.nn.functional.linear",
    "fbgemm_linear_quantize_weight": "torch.nn.functional.linear with the weight as it is",
    "fbgemm_pack_gemm_matrix_fp16": "torch.nn.functional.linear with the weight as it is",
    "fbgemm_pack_quantized_matrix": "torch.nn.functional.linear with the weight as it is",
    "miopen_batch_norm": "torch.nn.functional.batch_norm",
    "miopen_convolution": "torch.convolution",
    "miopen_convolution_add_relu": "torch.convolution, an addition and torch.relu",
    "miopen_convolution_relu": "torch.convolution and torch.relu",
    "miopen_convolution_transpose": "torch.convolution with transposed=True",
    "miopen_ctc_loss": "torch.nn.functional.ctc_loss",
    "miopen_depthwise_convolution": "torch.convolution with as many groups as channels",
    "miopen_rnn": "torch.lstm, torch.gru, torch.rnn_tanh or torch.rnn_relu",
    "mkldnn_adaptive_avg_pool2d": "torch.nn.functional.adaptive_avg_pool2d",
    "mkldnn_convolution": "torch.convolution",
    "mkldnn_linear_backward_weights": "autograd through torch.nn.functional.linear",
    "mkldnn_max_pool2d": "torch.nn.functional.max_pool2d",
    "mkldnn_max_pool3d": "torch.nn.functional.max_pool3d",
    "mkldnn_rnn_layer": "torch.lstm, torch.gru, torch.rnn_tanh or torch.rnn_relu",
    "native_norm": "torch.linalg.vector_norm",
}
__all__ = sorted([*INSTEAD, "cudnn_is_acceptable"])


def _refusal(name, instead):
    def function(*args, **kwargs):
        where = next((a.device.type.upper() for a in (*args, *kwargs.values()) if hasattr(a, "_k")), "CPU")
        raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from the '{where}' backend. It is a "
                                  "kernel of one "
                                  f"vendor's library or layout, which no array library here brings; use {instead} instead")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = ("Not here: it belongs to one vendor's library.\n\nRaises:\n    NotImplementedError: always; use "
                        f"{instead} "
                        "instead.")
    return function


for _name, _instead in INSTEAD.items():
    globals()[_name] = _refusal(_name, _instead)


def cudnn_is_acceptable(tensor):
    """Whether cuDNN could compute with the tensor: False, cuDNN is never called from here."""
    require_tensor(tensor, "cudnn_is_acceptable", "self")
    return False
