"""The functions and methods by which a program comes to sparse tensors; the rest is loaded by their first call."""

from __future__ import annotations

import functools

from ..methods import exporter, method

__all__: list[str] = []
_export = exporter(__all__)


@functools.cache
def _table():
    from .loading import TABLE

    return TABLE


def _maker(name, doc):
    def function(*args, **kwargs):
        _table()
        from . import construction

        return getattr(construction, name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return _export(function)


sparse_coo_tensor = _maker("sparse_coo_tensor", """A COO tensor: ``sparse_coo_tensor(indices, values, size=None, *,
dtype=None,
    device=None, requires_grad=False, check_invariants=None, is_coalesced=None)``, or of a size alone, without entries.

    ``indices`` has shape (sparse_dim, nnz), ``values`` (nnz, *dense); entries at one place add up.

    Raises:
        RuntimeError: shapes that do not fit each other, or, if checked, indices that do not fit the size.
    """)
for _layout, _first, _second in (("csr", "crow", "col"), ("csc", "ccol", "row"), ("bsr", "crow", "col"), ("bsc", "ccol",
                                                                                                          "row")):
    globals()[f"sparse_{_layout}_tensor"] = _maker(f"sparse_{_layout}_tensor", f"""A {_layout.upper()} tensor:
    ``sparse_{_layout}_tensor({_first}_indices, {_second}_indices, values, size=None, *, dtype=None, device=None,
    requires_grad=False, check_invariants=None)``.

    Raises:
        RuntimeError: parts that do not fit each other.
    """)
sparse_compressed_tensor = _maker("sparse_compressed_tensor", """A tensor in the compressed layout that ``layout`` names:
    ``sparse_compressed_tensor(compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None, device=None,
    requires_grad=False, check_invariants=None)``.

    Raises:
        RuntimeError: parts that do not fit each other, or a layout that is not compressed.
    """)


def _function(name, doc):
    def function(*args, **kwargs):
        return _table()[name](*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


_METHODS = {
    "to_sparse": "A sparse copy: COO, or the layout that is named, with the elements that are not zero.",
    "to_sparse_coo": "A copy in the COO layout.",
    "to_sparse_csr": "A copy in the CSR layout.",
    "to_sparse_csc": "A copy in the CSC layout.",
    "to_sparse_bsr": "A copy in the BSR layout, in blocks of a given size.",
    "to_sparse_bsc": "A copy in the BSC layout, in blocks of a given size.",
    "sparse_mask": "The elements at the entries of a sparse tensor, in its pattern.",
    "coalesce": "A COO tensor with sorted, distinct indices.",
    "is_coalesced": "Whether a COO tensor is coalesced.",
    "_coalesced_": "Says whether a COO tensor is coalesced.",
    "indices": "The indices of a coalesced COO tensor, (sparse_dim, nnz).",
    "values": "The values of a sparse tensor.",
    "crow_indices": "Where each row begins among the entries of a CSR or BSR tensor.",
    "col_indices": "The columns of the entries of a CSR or BSR tensor.",
    "ccol_indices": "Where each column begins among the entries of a CSC or BSC tensor.",
    "row_indices": "The rows of the entries of a CSC or BSC tensor.",
    "sparse_resize_": "Gives a COO tensor another size, entries kept.",
    "sparse_resize_and_clear_": "Gives a COO tensor another size and no entries.",
    "resize_as_sparse_": "Gives a COO tensor the size of another one.",
    "smm": "Sparse times dense as a COO tensor.",
    "sspaddmm": "``beta * input + alpha * (mat1 @ mat2)`` of sparse and dense matrices, as a COO tensor.",
    "_to_sparse": "As ``to_sparse``.",
    **{f"_to_sparse_{_n}": f"As ``to_sparse_{_n}``." for _n in ("csr", "csc", "bsr", "bsc")},
}
for _name, _doc in _METHODS.items():
    method(_function(_name, _doc))


@method
def to_dense(self, dtype=None, *, masked_grad=None):
    """The tensor itself, which is dense, or in another dtype."""
    return self if dtype is None else self.to(dtype)


@method
def sparse_dim(self):
    """The number of sparse dimensions: none."""
    return 0


@method
def dense_dim(self):
    """The number of dense dimensions: all."""
    return self.dim()


def _of_sparse_alone(name):
    def function(self, *args):
        from .tensor import could_not_run, dispatch_key

        raise NotImplementedError(could_not_run(name, dispatch_key(self)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "A part of a sparse tensor; a dense one has none."
    method(function)


for _name in ("_nnz", "_indices", "_values", "_sparse_mask_projection"):
    _of_sparse_alone(_name)

method(property(lambda self: False, doc="Whether it is a COO tensor."), name="is_sparse")
method(property(lambda self: False, doc="Whether it is a CSR tensor."), name="is_sparse_csr")

_FUNCTIONS = {
    "resize_as_sparse_": _METHODS["resize_as_sparse_"], "smm": _METHODS["smm"], "sspaddmm": _METHODS["sspaddmm"],
    "hspmm": "Sparse times dense as a COO tensor with one sparse dimension.", "hsmm": "As ``hspmm``.",
    "spmm": "The product of a sparse matrix.", "dsmm": "As ``spmm``.",
    "saddmm": "``beta * input + alpha * (mat1 @ mat2)`` with a sparse matrix.",
    **{f"{_n}_copy": f"A copy of what ``{_n}()`` gives." for _n in ("indices", "values", "crow_indices", "col_indices",
                                                                      "ccol_indices", "row_indices")},
}
for _name, _doc in _FUNCTIONS.items():
    globals()[_name] = _export(_function(_name, _doc))
