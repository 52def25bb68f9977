"""A line search for the strong Wolfe conditions (Nocedal and Wright, "Numerical optimization", 2006, algorithms 3.5 and
3.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from plugtorch.frontend.tensor import Tensor

# Sufficient decrease and curvature.
_ARMIJO, _CURVATURE = 1e-4, 0.9


class _Point(NamedTuple):
    """A step length that was tried: its loss, gradient and slope along the direction."""

    step: Any
    loss: float
    grad: Tensor
    slope: Any


class Found(NamedTuple):
    """What a search found.

    Attributes:
        step: the step length.
        loss, grad: the loss and the flat gradient there.
        evaluations: how often the loss was computed.
    """

    step: Any
    loss: float
    grad: Tensor
    evaluations: int


def cubic_minimum(a: _Point, b: _Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """The minimum of the cubic with the losses and slopes of two points (Nocedal and Wright, 3.59), within ``bounds`` or
    else between the two; the middle of that interval where the cubic has no minimum."""
    (lower, upper) = bounds if bounds is not None else (min(a.step, b.step), max(a.step, b.step))
    if not a.step <= b.step:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
    discriminant = d1**2 - a.slope * b.slope
    if not discriminant >= 0:
        return (lower + upper) / 2.0
    d2 = discriminant.sqrt()
    lowest = b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(lowest, lower), upper)


def strong_wolfe(
    evaluate: Callable[[Any], tuple[float, Tensor]],
    direction: Tensor,
    step: Any,
    loss: float,
    grad: Tensor,
    slope: Tensor,
    *,
    tolerance_change: float = 1e-9,
    max_evaluations: int = 25,
) -> Found:
    """A step along ``direction`` that lowers the loss enough and flattens the slope enough.

    Args:
        evaluate: loss and flat gradient at a step length.
        direction: 1-d, of descent.
        step: length to begin with.
        loss, grad, slope: at length 0; ``slope`` is negative.
        tolerance_change: an interval of steps that changes no parameter by more ends the search.
        max_evaluations: bound for the steps after the first.
    """
    start = _Point(0, loss, grad.clone(), slope)

    def tried(at):
        f, g = evaluate(at)
        return _Point(at, f, g, g.dot(direction))

    def too_high(point):
        return point.loss > loss + _ARMIJO * point.step * slope

    def flat(point):
        return abs(point.slope) <= -_CURVATURE * slope

    # Go farther until the points behind and ahead enclose a good step.
    before, point, count = start, tried(step), 0
    pair = None
    while count < max_evaluations:
        if too_high(point) or (count > 1 and point.loss >= before.loss):
            pair = [before, point]
        elif flat(point):
            return Found(point.step, point.loss, point.grad, count + 1)
        elif point.slope >= 0:
            pair = [before, point]
        if pair is not None:
            break
        bounds = (point.step + 0.01 * (point.step - before.step), point.step * 10)
        before, point = point, tried(cubic_minimum(before, point, bounds))
        count += 1
    if pair is None:
        pair = [start, point]

    # Narrow the pair around it; pair[low] has the lower loss.
    low = 0 if pair[0].loss <= pair[1].loss else 1
    reach = direction.abs().max()
    near_the_edge = False
    while count < max_evaluations:
        first, last = sorted((pair[0].step, pair[1].step))
        if (last - first) * reach < tolerance_change:
            break
        at = cubic_minimum(pair[0], pair[1])
        margin = 0.1 * (last - first)
        if min(last - at, at - first) < margin:
            # Twice in a row near an end, or on it: a tenth of the interval away from it.
            if near_the_edge or at >= last or at <= first:
                at = last - margin if abs(at - last) < abs(at - first) else first + margin
                near_the_edge = False
            else:
                near_the_edge = True
        else:
            near_the_edge = False
        point = tried(at)
        count += 1
        if too_high(point) or point.loss >= pair[low].loss:
            pair[1 - low] = point
            low = 0 if pair[0].loss <= pair[1].loss else 1
            continue
        done = flat(point)
        if not done and point.slope * (pair[1 - low].step - pair[low].step) >= 0:
            pair[1 - low] = pair[low]
        pair[low] = point
        if done:
            break
    best = pair[low]
    return Found(best.step, best.loss, best.grad, count + 1)
