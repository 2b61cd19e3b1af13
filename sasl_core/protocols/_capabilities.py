"""What a server says it can do: the names of mechanisms, whoever lists them."""

from __future__ import annotations

from .._strict import folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_NAMES = 100
_LONGEST_NAME = 64


def mechanism_names(words: Iterable[str]) -> tuple[str, ...]:
    """Return the names in capitals, in the server's order, each once.

    What cannot be a name is left out, and so is all that comes after the hundredth.
    """
    names: dict[str, None] = {}
    for word in words:
        if 0 < len(word) <= _LONGEST_NAME and word.isascii() and word.isprintable():
            names[folded(word)] = None
            if len(names) == _MOST_NAMES:
                break
    return tuple(names)
