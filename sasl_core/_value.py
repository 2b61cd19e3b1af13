"""Value and Frozen: named fields with equality and a repr that never shows a secret.

The standard `dataclasses` module would do, but costs more to import than all the rest
of this package.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn, Self


class Value:
    """Compare and show the fields named in `__match_args__`; hide those in `_secret`."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()
    _secret: ClassVar[frozenset[str]] = frozenset()

    def _is_told(self, name: str, value: object) -> bool:
        """Whether `repr` has this field."""
        return True

    def _fields(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        # A field can be missing in a traceback of __init__, or empty.
        fields = ((name, getattr(self, name, None)) for name in self.__match_args__)
        shown = (
            f"{name}={'<hidden>' if name in self._secret else repr(value)}"
            for name, value in fields
            if value is not None and value != "" and self._is_told(name, value)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class Frozen(Value):
    """A value that cannot be changed, and is its own copy."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def replace(self, **changes: Any) -> Self:
        """Return the same value with other fields, by name."""
        fields = dict(zip(self.__match_args__, self._fields(), strict=True))
        return type(self)(**fields | changes)

    def __copy__(self) -> Frozen:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Frozen:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        names = self.__match_args__
        return _rebuild, (type(self), dict(zip(names, self._fields(), strict=True)))


def _rebuild(kind: type[Frozen], fields: dict[str, Any]) -> Frozen:
    return kind(**fields)


class Secretive(Value):
    """An object that carries secrets: it can be deep-copied, but never pickled, and is
    equal to itself only.
    """

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict[int, Any]) -> Secretive:
        from copy import deepcopy

        twin = memo[id(self)] = type(self).__new__(type(self))
        for kind in type(self).__mro__:
            for name in getattr(kind, "__slots__", ()):
                if hasattr(self, name):
                    setattr(twin, name, deepcopy(getattr(self, name), memo))
        return twin

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        refuse_pickle(self)


def refuse_pickle(value: object) -> NoReturn:
    """Raise the TypeError of an object whose pickle would carry keys out of the process."""
    raise TypeError(f"a {type(value).__name__} cannot be pickled: it carries secrets")
