"""Recurrent layers of which every operation is quantised."""

from __future__ import annotations

from plugtorch.frontend.ao.nn import quantizable

__all__ = ["LSTM"]


class LSTM(quantizable.LSTM):
    """A long short-term memory of quantised operations; made by ``convert`` of a prepared one."""

    _FLOAT_MODULE = quantizable.LSTM

    def _get_name(self):
        return "QuantizedLSTM"

    @classmethod
    def from_float(cls, *args, **kwargs):
        """Refused: the module has to be observed first.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("It looks like you are trying to convert a non-observed LSTM module. Please, see the "
                                  "examples on quantizable LSTMs.")

    @classmethod
    def from_observed(cls, other):
        """A quantised module of a :class:`torch.nn.quantizable.LSTM` that has seen data."""
        from plugtorch.frontend.ao.quantization.quantize import convert

        if not isinstance(other, cls._FLOAT_MODULE):
            raise AssertionError(f"Expected an instance of {cls._FLOAT_MODULE}, got {type(other)}")
        converted = convert(other)
        converted.__class__ = cls
        return converted
