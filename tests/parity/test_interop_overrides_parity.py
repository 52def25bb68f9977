"""``__torch_function__``: subclasses, other classes and modes answer the same calls in both."""

from __future__ import annotations

import pytest
import torch as reference
import torch.overrides

import plugtorch
import plugtorch.nn.functional
import plugtorch.overrides

LIBRARIES = (reference, plugtorch)


def kept(case, subclass_of):
    """The type's name, or the value where it is a plain one, that a case gives on a bare subclass."""
    outcomes = []
    for library in LIBRARIES:
        class Sub(subclass_of(library)):
            pass

        s = library.tensor([1.0, 2.0]).as_subclass(Sub)
        result = eval(case, {"torch": library, "s": s, "F": library.nn.functional})  # noqa: S307  (the table below)
        outcomes.append(result if isinstance(result, (str, int, list)) else type(result).__name__)
    return outcomes


PRESERVED = (
    "s + 1", "1 + s", "s + torch.ones(2)", "torch.ones(2) + s", "torch.add(s, 1)", "s.sum()", "s[0]", "s[1:]", "s.tolist()",
    "torch.stack([s, s])", "torch.max(s, 0)", "s.max(0).values", "s.shape", "F.relu(s)", "s.mul_(2)", "s.numpy()",
    "s.detach()", "s.clone()", "s.unbind()[0]", "torch.split(s, 1)[0]", "s == s", "-s", "s.T", "s.view(2, 1)",
    "s.requires_grad_().sum().grad_fn.name()", "s @ s", "2 * s", "2 ** s", "torch.cat([s, torch.ones(1)])", "s.data",
    "s.new_zeros(2)", "torch.zeros_like(s)", "s.float()", "s.to(torch.float64)", "s.is_floating_point()", "s.size()",
    "s.dim()", "len(s)", "torch.ones(2).add(1)", "repr(s)", "str(s.double())", "s.half().dtype.itemsize",
)


@pytest.mark.parametrize("case", PRESERVED)
def test_results_keep_the_subclass(case, backend):
    want, got = kept(case, lambda library: library.Tensor)
    assert got == want


@pytest.mark.parametrize("case", ("s + 1", "s.sum()", "s[0]"))
def test_parameters_give_plain_tensors(case, backend):
    want, got = kept(case, lambda library: library.nn.Parameter)
    assert got == want


def _same(scenario):
    want, got = (scenario(library) for library in LIBRARIES)
    assert got == want
    return want


def test_a_class_sees_the_calls_it_is_part_of(backend):
    def scenario(torch):
        calls = []

        class Log(torch.Tensor):
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                calls.append((func.__name__, [t.__name__ for t in types]))
                return super().__torch_function__(func, types, args, kwargs or {})

        x = torch.tensor([1.0, 2.0]).as_subclass(Log)
        calls.clear()
        functional = torch.nn.functional
        for call in (lambda: torch.add(x, 1), lambda: x.add(1), lambda: functional.relu(x), lambda: torch.stack([x]),
                     lambda: x.sum(), lambda: torch.sum(x, 0), lambda: functional.linear(torch.ones(1, 2), x[None])):
            assert type(call()) is Log
        return calls

    assert len(_same(scenario)) == 8


def test_other_classes_answer(backend):
    def scenario(torch):
        class Duck:
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                if func in (torch.add, torch.mean, torch.nn.functional.softmax):
                    return func.__name__, types
                return NotImplemented

        d, ask = Duck(), torch.overrides
        answers = [torch.add(d, 1), torch.add(1, d), torch.mean(d), torch.nn.functional.softmax(d, 0)]
        with pytest.raises(TypeError, match="returned NotImplemented"):
            torch.sin(d)
        return [(name, [t.__name__ for t in types]) for name, types in answers], [
            ask.is_tensor_like(d), ask.is_tensor_like(3), ask.has_torch_function((d,)), ask.has_torch_function((1,)),
            ask.has_torch_function_unary(torch.ones(1)), ask.has_torch_function_variadic(1, d)]

    _same(scenario)


def test_a_derived_class_answers_before_its_base(backend):
    def scenario(torch):
        class A(torch.Tensor):
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                return cls.__name__

        class B(A):
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                return "derived"

        a, b = torch.ones(1).as_subclass(A), torch.ones(1).as_subclass(B)
        with torch._C.DisableTorchFunctionSubclass():
            plain = type(torch.add(a, 1)).__name__
        return [torch.add(a, b), torch.add(b, a), a + b, b + a, torch.add(a, 1), plain]

    assert _same(scenario) == ["derived", "derived", "derived", "derived", "A", "Tensor"]


def test_modes(backend):
    def scenario(torch):
        seen = []

        class Watch(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, func, types, args=(), kwargs=None):
                seen.append(func.__name__)
                return func(*args, **(kwargs or {}))

        class Answer(torch.overrides.TorchFunctionMode):
            def __torch_function__(self, func, types, args=(), kwargs=None):
                return "answer" if func in (torch.mul, torch.Tensor.mul) else func(*args, **(kwargs or {}))

        with Watch():
            x = torch.ones(2)
            torch.add(x, 1)
            x.mul(2)
            torch.nn.functional.relu(x)
        torch.add(torch.ones(1), 1)
        with Answer():
            answers = [torch.mul(x, 2), x.mul(2), type(x.add(2)).__name__]
            with Watch():
                answers.append(torch.mul(x, 2))
        return answers, seen

    answers, seen = _same(scenario)
    assert answers == ["answer", "answer", "Tensor", "answer"]
    assert seen == ["ones", "add", "mul", "relu", "mul"]


def test_attributes_of_a_class_made_by_hand(backend):
    def scenario(torch):
        class Named(torch.Tensor):
            @staticmethod
            def __new__(cls, x, label):
                self = torch.Tensor._make_subclass(cls, x, True)
                self.label = label
                return self

        x = Named(torch.ones(2), "a")
        return [x.label, type(x * 2).__name__, hasattr(x * 2, "label"), x.requires_grad, x.is_leaf]

    _same(scenario)


def test_functions_of_ones_own(backend):
    def scenario(torch):
        @torch.overrides.wrap_torch_function(lambda x: (x,))
        def double(x):
            return 2 * x

        class Duck:
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                return func is double

        return double(3), double(Duck())

    assert _same(scenario) == (6, True)


def test_plain_tensors_pay_nothing(backend):
    class Sub(plugtorch.Tensor):
        pass

    assert Sub.add is not plugtorch.Tensor.add
    assert not hasattr(plugtorch.Tensor.add, "_answers")
    assert not hasattr(plugtorch.Tensor.__add__, "_answers")
