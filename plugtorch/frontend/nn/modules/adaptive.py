"""Softmax over very many classes in clusters (Grave et al., "Efficient softmax approximation for GPUs",
2016)."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules.container import ModuleList, Sequential
from plugtorch.frontend.nn.modules.linear import Linear
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.tensor import Tensor

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax in which rare classes stand behind clusters with smaller projections.

    Args:
        in_features: size of the input.
        n_classes: number of classes, the most frequent first.
        cutoffs: indices where a new cluster begins, increasing.
        div_value: each cluster's projection is smaller by this factor than the one before.
        head_bias: whether the head has a bias.

    Raises:
        ValueError: for cutoffs that are not increasing within ``[1, n_classes - 1]``.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(set(cutoffs))
            or cutoffs[0] <= 0
            or cutoffs[-1] > n_classes - 1
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                "where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            inner = int(in_features // (div_value ** (i + 1)))
            outer = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, inner, False, device, dtype),
                    Linear(inner, outer, False, device, dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """Log-probabilities of the targets, ``(N,)`` or a scalar, and their mean negative.

        Args:
            input_: ``(N, in_features)`` or ``(in_features,)``.
            target_: ``(N,)`` or a scalar, class indices.

        Raises:
            RuntimeError: if the shapes do not go together or a target lies outside the classes.
        """
        expected = {1: 2, 0: 1}
        if target_.dim() not in expected:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if target_.dim() == 1 and input_.shape[0] != target_.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if input_.dim() != expected[target_.dim()]:
            kind = "1D target tensor expects 2D" if target_.dim() == 1 else "0D target tensor expects 1D"
            raise RuntimeError(f"{kind} input tensors, but found inputs with size {input_.size()}")
        batched = target_.dim() > 0
        input = input_ if batched else input_.unsqueeze(0)
        target = target_ if batched else target_.unsqueeze(0)
        if bool(((target < 0) | (target >= self.n_classes)).any()):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )

        head = F.log_softmax(self.head(input), dim=1)
        # The head's entry for each target: its class, or its cluster behind the classes of the head.
        entry = target
        for i in range(self.n_clusters):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            entry = fn.where((target >= low) & (target < high), self.shortlist_size + i, entry)
        output = head.gather(1, entry.unsqueeze(1)).squeeze(1)
        for i in range(self.n_clusters):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            cluster = F.log_softmax(self.tail[i](input.index_select(0, rows)), dim=1)
            inside = cluster.gather(1, (target.index_select(0, rows) - low).unsqueeze(1)).squeeze(1)
            output = output.index_add(0, rows, inside)
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _get_full_log_prob(self, input: Tensor, head_output: Tensor) -> Tensor:
        head = F.log_softmax(head_output, dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i in range(self.n_clusters):
            cluster = F.log_softmax(self.tail[i](input), dim=1)
            parts.append(cluster + head[:, self.shortlist_size + i].unsqueeze(1))
        return fn.cat(parts, dim=1)

    def log_prob(self, input: Tensor) -> Tensor:
        """Log-probabilities of all classes, ``(N, n_classes)``."""
        return self._get_full_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row, ``(N,)``."""
        head_output = self.head(input)
        best = fn.argmax(head_output, dim=1)
        if not bool((best >= self.shortlist_size).any()):
            return best
        # Where a cluster wins in the head, a class of the head may still be ahead of all in the cluster.
        return fn.argmax(self._get_full_log_prob(input, head_output), dim=1)
