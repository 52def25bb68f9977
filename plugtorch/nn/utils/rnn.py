"""Public path of padded and packed sequences."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.rnn import *  # noqa: F403
from plugtorch.frontend.nn.utils.rnn import PackedSequence_, bind  # noqa: F401
from plugtorch.frontend.nn.utils.rnn import __all__ as __all__
from plugtorch.frontend.tensor import Tensor  # noqa: F401
from plugtorch.utils._typing_utils import copy_method_params  # noqa: F401
