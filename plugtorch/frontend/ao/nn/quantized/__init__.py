"""Quantised modules: weights are quantised tensors; a forward pass dequantises, computes in float32 and quantises the
result."""
