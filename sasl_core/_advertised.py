"""Advertised: what a server has told of its mechanisms, so that nobody in between can
take the strong ones away (XEP-0474, SASL SCRAM Downgrade Protection).
"""

from __future__ import annotations

from ._strict import encoded
from ._value import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_set = object.__setattr__


class Advertised(Frozen):
    """What a server advertised, as it told it, or as it came: the two are compared.

    `mechanisms`: the names of the list that the client chooses from; `bindings`: the
    types of channel binding where these are told too, as XMPP does by XEP-0440 (None:
    they are not). With it a server that runs SCRAM says their hash, and a client checks
    the one that a server says. Raise ValueError for words that hold a separator.
    """

    __slots__ = __match_args__ = ("mechanisms", "bindings")

    mechanisms: tuple[str, ...]
    bindings: tuple[str, ...] | None

    def __init__(
        self, mechanisms: Iterable[str], bindings: Iterable[str] | None = None
    ) -> None:
        if isinstance(mechanisms, str) or isinstance(bindings, str):
            raise TypeError("names come as a list or tuple, not as one str")
        _set(self, "mechanisms", tuple(mechanisms))
        _set(self, "bindings", None if bindings is None else tuple(bindings))
        for word in (*self.mechanisms, *(self.bindings or ())):
            # What is compared must come from one list only.
            if "\x1e" in word or "\x1f" in word:
                raise ValueError("a name holds a separator of XEP-0474")

    @property
    def octets(self) -> bytes:
        """Return what is hashed (XEP-0474 0.5.0, section 6.1): sorted by their octets.

        Before 0.4.0 it was separated by characters that names may hold: not spoken here.
        """
        text = _joined(self.mechanisms)
        return (
            text if self.bindings is None else text + b"\x1f" + _joined(self.bindings)
        )


def _joined(names: tuple[str, ...]) -> bytes:
    return b"\x1e".join(sorted(map(encoded, names)))
