"""Memory: what is kept from one exchange for the next, in bounded space."""

from __future__ import annotations

from ._value import Secretive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any


__all__ = ["Memory"]


class Memory(Secretive):
    """DIGEST-MD5's nonces, by which one may authenticate again (RFC 2831, section 2.2),
    and the numbers that OTP's servers have asked for.

    For `Policy(memory=...)`: with one of its own each side of DIGEST-MD5 saves a round
    trip, for a server keeps the nonces that it has accepted, and a client what it has
    answered; a client of OTP answers no number far below the last. The oldest of more
    than `size` is forgotten. May be used by many threads.
    """

    __slots__ = ("_items", "size")
    __match_args__ = ("size",)

    def __init__(self, size: int = 10_000) -> None:
        if size < 1:
            raise ValueError("a memory has room for one at least")
        self.size = size
        self._items: dict[Hashable, Any] = {}

    def take(self, key: Hashable) -> Any:
        """Return what was put there, None for nothing, and forget it: of two who ask at
        once, one gets it.
        """
        return self._items.pop(key, None)

    def look(self, key: Hashable) -> Any:
        """Return what was put there, None for nothing, and keep it."""
        return self._items.get(key)

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value."""
        items = self._items
        items[key] = value
        while len(items) > self.size:
            try:
                items.pop(next(iter(items)), None)
            except (RuntimeError, StopIteration):
                continue  # another thread has changed it meanwhile, or emptied it
