"""TorchScript's types as values: they compare, and print as annotations do."""

from __future__ import annotations

__all__: list[str] = []

_SUBTYPES = {"IntType": "NumberType", "FloatType": "NumberType", "ComplexType": "NumberType"}


class Type:
    """The base class of types. Two types are equal if they are of one class and of equal parts."""

    _text = ""

    def _parts(self) -> tuple:
        return ()

    def kind(self) -> str:
        """The name of the class."""
        return type(self).__name__

    @property
    def annotation_str(self) -> str:
        """The type as Python annotates it."""
        return str(self)

    def containedTypes(self) -> list:  # noqa: N802
        """The types it is made of."""
        return [p for p in self._parts() if isinstance(p, Type)]

    def isSubtypeOf(self, other: Type) -> bool:  # noqa: N802
        """Whether every value of it is one of the other type."""
        if self == other or other.kind() == "AnyType":
            return True
        if isinstance(other, UnionType):
            mine = self._parts() if isinstance(self, UnionType) else (self,)
            return all(any(m.isSubtypeOf(o) for o in other._parts()) for m in mine)
        if isinstance(other, OptionalType):
            inside = self._parts()[0] if isinstance(self, OptionalType) else self
            return inside.kind() == "NoneType" or inside.isSubtypeOf(other._parts()[0])
        if isinstance(self, TupleType) and isinstance(other, TupleType):
            mine, theirs = self._parts(), other._parts()
            return len(mine) == len(theirs) and all(m.isSubtypeOf(t) for m, t in zip(mine, theirs, strict=True))
        return _SUBTYPES.get(self.kind()) == other.kind()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and type(self) is type(other) and self._parts() == other._parts()

    def __hash__(self):
        return hash((type(self), self._parts()))

    def __str__(self):
        return self._text

    def __repr__(self):
        return str(self)


def _plain(name: str, text: str, note: str):
    """A class of one type without parts."""
    cls = type(name, (Type,), {"_text": text, "__doc__": note, "__module__": "plugtorch"})
    only = cls()
    cls.get = staticmethod(lambda: only)
    globals()[name] = cls
    __all__.append(name)


for _name, _text, _note in (
        ("AnyType", "Any", "Any value."), ("NoneType", "NoneType", "None."), ("BoolType", "bool", "Truth values."),
        ("IntType", "int", "Integers."), ("FloatType", "float", "Floats."), ("ComplexType", "complex", "Complex numbers."),
        ("NumberType", "number", "Numbers of any kind."), ("StringType", "str", "Text."),
        ("TensorType", "Tensor", "Tensors."),
        ("DeviceObjType", "Device", "Devices."), ("StreamObjType", "Stream", "Streams."),
        ("PyObjectType", "PyObject", "Any object of Python."), ("SymIntType", "int", "Integers left open."),
        ("SymBoolType", "bool", "Truth values left open.")):
    _plain(_name, _text, _note)


class _Of(Type):
    """A type of elements of another."""

    _word = ""

    def __init__(self, element: Type):
        if not isinstance(element, Type):
            raise TypeError(f"{type(self).__name__} is made of a Type, but got {type(element).__name__}")
        self._element = element

    def _parts(self):
        return (self._element,)

    def getElementType(self) -> Type:  # noqa: N802
        """The type of the elements."""
        return self._element

    def __str__(self):
        return f"{self._word}[{self._element}]"


class ListType(_Of):
    """Lists of elements of one type."""

    _word = "List"

    @staticmethod
    def ofInts() -> ListType:  # noqa: N802
        """Lists of integers."""
        return ListType(globals()["IntType"].get())

    @staticmethod
    def ofFloats() -> ListType:  # noqa: N802
        """Lists of floats."""
        return ListType(globals()["FloatType"].get())

    @staticmethod
    def ofBools() -> ListType:  # noqa: N802
        """Lists of truth values."""
        return ListType(globals()["BoolType"].get())

    @staticmethod
    def ofStrings() -> ListType:  # noqa: N802
        """Lists of text."""
        return ListType(globals()["StringType"].get())

    @staticmethod
    def ofTensors() -> ListType:  # noqa: N802
        """Lists of tensors."""
        return ListType(globals()["TensorType"].get())


class OptionalType(_Of):
    """A type, or None."""

    _word = "Optional"

    @staticmethod
    def ofTensor() -> OptionalType:  # noqa: N802
        """A tensor or None."""
        return OptionalType(globals()["TensorType"].get())


class FutureType(_Of):
    """Futures of a type."""

    _word = "Future"


class RRefType(_Of):
    """References to values of a type in other processes."""

    _word = "RRef"


class AwaitType(_Of):
    """Values of a type that are computed when they are asked for."""

    _word = "Await"


class DictType(Type):
    """Dicts of one type of keys and one of values."""

    def __init__(self, key: Type, value: Type):
        self._key, self._value = key, value

    def _parts(self):
        return self._key, self._value

    def getKeyType(self) -> Type:  # noqa: N802
        """The type of the keys."""
        return self._key

    def getValueType(self) -> Type:  # noqa: N802
        """The type of the values."""
        return self._value

    def __str__(self):
        return f"Dict[{self._key}, {self._value}]"


class TupleType(Type):
    """Tuples, an element of each of some types."""

    def __init__(self, elements: list[Type]):
        self._elements = tuple(elements)

    def _parts(self):
        return self._elements

    def elements(self) -> list[Type]:
        """The types of the elements."""
        return list(self._elements)

    def __str__(self):
        return f"Tuple[{', '.join(map(str, self._elements)) or '()'}]"


class UnionType(Type):
    """Values of one of some types."""

    def __init__(self, elements: list[Type]):
        self._elements = tuple(elements)

    def _parts(self):
        return self._elements

    def __eq__(self, other):
        return isinstance(other, UnionType) and set(self._elements) == set(other._elements)

    def __hash__(self):
        return hash(frozenset(self._elements))

    def __str__(self):
        return f"Union[{', '.join(map(str, self._elements))}]"


class _Named(Type):
    """A type that has a name."""

    def __init__(self, name: str):
        self._name = name

    def _parts(self):
        return (self._name,)

    def name(self) -> str:
        """The last part of the name."""
        return self._name.rpartition(".")[2]

    def qualified_name(self) -> str:
        """The whole name."""
        return self._name

    def __str__(self):
        return self._name


class ClassType(_Named):
    """Objects of a class."""


class InterfaceType(_Named):
    """Objects of an interface."""


class EnumType(Type):
    """Members of an enumeration."""

    def __init__(self, qualified_class_name: str, value_type: Type, enum_names_values: list):
        self._name, self._value_type, self._members = qualified_class_name, value_type, tuple(enum_names_values)

    def _parts(self):
        return self._name, self._value_type, self._members

    def __str__(self):
        return f"Enum<{self._name}>"


class InferredType:
    """A type that was found, or why it was not.

    Args:
        type_or_reason: a Type, or text.
    """

    def __init__(self, type_or_reason):
        self._type = type_or_reason if isinstance(type_or_reason, Type) else None
        self._reason = "" if self._type is not None else str(type_or_reason)

    def type(self) -> Type:
        """The type.

        Raises:
            RuntimeError: there is none.
        """
        if self._type is None:
            raise RuntimeError("Tried to get the type from an InferredType but the type is null.")
        return self._type

    def success(self) -> bool:
        """Whether there is a type."""
        return self._type is not None

    def reason(self) -> str:
        """Why there is none."""
        return self._reason


def unify_type_list(types: list[Type]) -> Type:
    """The one type that all of a list are of.

    Raises:
        RuntimeError: they differ, or there are none.
    """
    if not types or any(t != types[0] for t in types):
        raise RuntimeError("could not unify types: " + ", ".join(map(str, types)))
    return types[0]


__all__ += ["AwaitType", "ClassType", "DictType", "EnumType", "FutureType", "InferredType", "InterfaceType", "ListType",
            "OptionalType", "RRefType", "TupleType", "Type", "UnionType", "unify_type_list"]
