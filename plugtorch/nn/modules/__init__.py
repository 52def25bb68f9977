"""All layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugtorch.nn.modules.activation import *  # noqa: F403
from plugtorch.nn.modules.adaptive import *  # noqa: F403
from plugtorch.nn.modules.batchnorm import *  # noqa: F403
from plugtorch.nn.modules.channelshuffle import *  # noqa: F403
from plugtorch.nn.modules.container import *  # noqa: F403
from plugtorch.nn.modules.conv import *  # noqa: F403
from plugtorch.nn.modules.distance import *  # noqa: F403
from plugtorch.nn.modules.dropout import *  # noqa: F403
from plugtorch.nn.modules.flatten import *  # noqa: F403
from plugtorch.nn.modules.fold import *  # noqa: F403
from plugtorch.nn.modules.instancenorm import *  # noqa: F403
from plugtorch.nn.modules.linear import *  # noqa: F403
from plugtorch.nn.modules.linear_cross_entropy_options import *  # noqa: F403
from plugtorch.nn.modules.loss import *  # noqa: F403
from plugtorch.nn.modules.module import Module  # noqa: F401
from plugtorch.nn.modules.normalization import *  # noqa: F403
from plugtorch.nn.modules.padding import *  # noqa: F403
from plugtorch.nn.modules.pixelshuffle import *  # noqa: F403
from plugtorch.nn.modules.pooling import *  # noqa: F403
from plugtorch.nn.modules.rnn import *  # noqa: F403
from plugtorch.nn.modules.sparse import *  # noqa: F403
from plugtorch.nn.modules.transformer import *  # noqa: F403
from plugtorch.nn.modules.upsampling import *  # noqa: F403

if not TYPE_CHECKING:  # type checkers take every name that the imports bring
    __all__ = sorted(name for name, value in globals().items() if isinstance(value, type))
