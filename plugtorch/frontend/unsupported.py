"""The dtypes that PyTorch's kernels refuse, and how they say so; the array libraries would compute many of them."""

from __future__ import annotations

from plugtorch.spec.dtypes import BOOL, COMPLEX, FLOAT, INT

_EXACT = (BOOL, INT)

# op -> (categories of the dtype it computes in, PyTorch's kernel)
_KERNELS = {
    "abs": ((BOOL,), "abs_cpu"),
    **{name: ((BOOL,), name + "_vml_cpu") for name in ("floor", "ceil", "trunc")},
    "pow": ((BOOL,), "pow"),
    "shift_left": ((BOOL,), "lshift_cpu"),
    "shift_right": ((BOOL,), "rshift_cpu"),
    "atan2": ((COMPLEX,), "atan2_cpu"),
    "copysign": ((COMPLEX,), "copysign_cpu"),
    "hypot": ((*_EXACT, COMPLEX), "hypot_cpu"),
    "logaddexp": (_EXACT, "logaddexp_cpu"),
    "logaddexp2": ((*_EXACT, COMPLEX), "logaddexp2_cpu"),
    "nextafter": ((*_EXACT, COMPLEX), "nextafter_cpu"),
    "gcd": ((BOOL, FLOAT, COMPLEX), "gcd_cpu"),
    "lcm": ((BOOL, FLOAT, COMPLEX), "lcm_cpu"),
    "igamma": ((*_EXACT, COMPLEX), "igamma_cpu"),
    "igammac": ((*_EXACT, COMPLEX), "igammac_cpu"),
    "lerp": (_EXACT, "lerp_kernel_scalar"),
    "addcmul": ((BOOL,), "addcmul_cpu_out"),
    "dot": ((BOOL,), "dot"),
    "cross": ((BOOL,), "cross"),
    "trace": ((BOOL,), "trace"),
    "round": ((BOOL, COMPLEX), "round_vml_cpu"),
    "frac": ((INT,), "frac_cpu"),
    "erf": ((COMPLEX,), "erf_vml_cpu"),
    "amax": ((COMPLEX,), "max_values_cpu"),
    "amin": ((COMPLEX,), "min_values_cpu"),
    "median": ((BOOL, COMPLEX), "median_out"),
    "softmax": ((*_EXACT, COMPLEX), "softmax_lastdim_kernel_impl"),
    "log_softmax": ((*_EXACT, COMPLEX), "log_softmax_lastdim_kernel_impl"),
    "cumsum": ((BOOL,), "cumsum_out_cpu"),
    "cumprod": ((BOOL,), "cumprod_out_cpu"),
    "cummax": ((COMPLEX,), "cummax_cpu"),
    "cummin": ((COMPLEX,), "cummin_cpu"),
    "xlogy": ((COMPLEX,), "xlogy_cpu"),
    "xlog1py": ((COMPLEX,), "xlog1py_cpu"),
}


# op -> (categories, error type, what PyTorch says), where not a kernel speaks but the op
_OTHERS = {
    "neg": ((BOOL,), RuntimeError, "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
            "invert a mask, use the `~` or `logical_not()` operator instead."),
    "sign": ((COMPLEX,), NotImplementedError, "Unlike NumPy, torch.sign is not intended to support complex numbers. Please "
             "use torch.sgn instead."),
    "signbit": ((COMPLEX,), NotImplementedError, "signbit is not implemented for complex tensors."),
    **{name: ((COMPLEX,), RuntimeError, name + " does not support complex inputs.") for name in ("isposinf", "isneginf")},
    **{name: ((COMPLEX,), RuntimeError, name + " is not supported for complex tensors.") for name in ("deg2rad", "rad2deg")},
    "heaviside": ((COMPLEX,), RuntimeError, "heaviside is not yet implemented for complex tensors."),
    "frexp": ((*_EXACT, COMPLEX), RuntimeError, "torch.frexp() only supports floating-point dtypes"),
    "clamp": ((COMPLEX,), NotImplementedError, "clamp is not supported for complex types"),
    **{name: ((COMPLEX,), NotImplementedError, name + " is not supported for complex inputs")
       for name in ("floor", "ceil", "trunc")},
    **{name: ((COMPLEX,), RuntimeError, name + " not implemented for complex tensors.")
       for name in ("maximum", "minimum", "fmax", "fmin")},
}
# op -> category -> (error type, message, in which {} is the older name of the dtype)
_REFUSALS: dict[str, dict[int, tuple[type[Exception], str]]] = {}
for _name, (_categories, _kernel) in _KERNELS.items():
    _message = f"\"{_kernel}\" not implemented for '{{}}'"
    _REFUSALS[_name] = dict.fromkeys(_categories, (NotImplementedError, _message))
for _name, (_categories, _error, _message) in _OTHERS.items():
    _REFUSALS.setdefault(_name, {}).update(dict.fromkeys(_categories, (_error, _message)))


def refuse(name: str, dtype) -> None:
    """Raises PyTorch's error if its op ``name`` does not compute in ``dtype``.

    Raises:
        NotImplementedError: it does not; of a few ops RuntimeError.
    """
    found = _REFUSALS.get(name)
    if found is not None and dtype.category in found:
        error, message = found[dtype.category]
        raise error(message.format(dtype.legacy))


def refused_categories(name: str) -> frozenset[int]:
    """The categories of dtypes in which PyTorch's op ``name`` does not compute."""
    return frozenset(_REFUSALS.get(name, ()))


_C_NAMES = {"bool": "bool", "uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t",
            "uint16": "uint16_t", "uint32": "uint32_t", "uint64": "uint64_t", "float16": "c10::Half",
            "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double"}


def check_number_fits(value, dtype) -> None:
    """Raises if a number cannot be stored in a dtype: a complex one in a real dtype, an integer out of range.

    Raises:
        RuntimeError: it cannot.
    """
    fits = True
    if isinstance(value, complex):
        fits = dtype.category in (BOOL, COMPLEX) or value.imag == 0
    elif isinstance(value, int) and dtype.category == INT:
        bits = 8 * dtype.itemsize
        # PyTorch lets negative numbers wrap in unsigned dtypes.
        fits = -(1 << (bits - 1 if dtype.is_signed else bits)) < value + dtype.is_signed and \
            value < 1 << (bits - 1 if dtype.is_signed else bits)
    if not fits:
        raise RuntimeError(f"value cannot be converted to type {_C_NAMES[dtype.name]} without overflow")


def check_alpha(dtype, alpha) -> None:
    """Raises PyTorch's error if a factor ``alpha`` is of a richer kind than the result.

    Raises:
        RuntimeError: it is.
    """
    if isinstance(alpha, bool):
        if dtype.category != BOOL:
            raise RuntimeError("Boolean alpha only supported for Boolean results.")
    elif dtype.category < FLOAT:
        if isinstance(alpha, (float, complex)):
            raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")
    elif dtype.category < COMPLEX and isinstance(alpha, complex):
        raise RuntimeError("For non-complex input tensors, argument alpha must not be a complex number.")
