"""Transforms of functions: gradients, Jacobians, mapping over an axis, and calls of modules as functions."""
