"""Sparse tensors: indices and values that are ordinary tensors, of any backend.

The package is loaded when the first sparse tensor is asked for (``entry.py``), so that programs without one pay nothing.
Gradients are carried by the values: what a function does to a sparse tensor is written as a composition of public functions
on its values, and so is differentiable in every mode and to every order.
"""
