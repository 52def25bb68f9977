"""Quantised tensors: integers with scales and zero points, ``value = (integer - zero_point) * scale``."""
