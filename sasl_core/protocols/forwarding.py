"""Forwarding: another server authenticates, message by message.

A server's session that was told to `forward` (smtp, imap, pop3, ...) runs mechanisms
that know nothing but to ask: each message raises a Forward, whose answer comes from the
other server, be it by Dovecot's protocol or another.
"""

from __future__ import annotations

from functools import lru_cache

from .._events import Failure, Request, Success
from .._reasons import Reason
from .._states import Asking, ServerRecord
from .._value import Value
from .._values import Identity
from ..mechanisms import Mechanism, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .._server import Server
    from .._states import ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

__all__ = ["Continue", "Forward", "Refused", "Verified", "forwarded"]


class Continue(Value):
    """The other server goes on with this raw challenge."""

    __slots__ = __match_args__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Verified(Value):
    """The other server has verified the credentials: the client is `identity`.

    Not to be made of anything less, such as a user who was looked up. `data`: what comes
    with the success, raw; None for none. `bound`: it has bound the exchange to the channel.
    """

    __slots__ = __match_args__ = ("identity", "data", "bound")

    def __init__(
        self, identity: Identity, data: bytes | None = None, bound: bool = False
    ) -> None:
        if not identity.authcid:
            raise ValueError("a verified identity has a name")
        self.identity = identity
        self.data = data
        self.bound = bound


class Refused(Value):
    """The other server has refused; `reason` and `detail` as in `Failure`."""

    __slots__ = __match_args__ = ("reason", "detail")

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail


class Forward(Request):
    """What does the other server say to this message? `answer` takes a Continue, a
    Verified, or a Refused.

    `message` is raw; None begins an exchange without an initial response. `begins`: it
    is the first of its exchange. `exchange` tells one from the other, as `decided` does.
    """

    __slots__ = __match_args__ = ("message", "begins")
    _secret = frozenset({"message"})
    _denial = Refused(Reason.BAD_CREDENTIALS, "there is nobody to ask")

    def __init__(self, message: bytes | None, begins: bool) -> None:
        self.message = message
        self.begins = begins

    @property
    def exchange(self) -> Server:
        """The exchange that asks."""
        return self._exchange

    def _fits(self, answer: Any) -> bool:
        return type(answer) in (Continue, Verified, Refused)


class _Forwarding(ServerRecord, Asking):
    """Whoever is waited for, the client or the other server: nothing is remembered."""

    __slots__ = ("begins",)

    def __init__(self, begins: bool) -> None:
        self.begins = begins

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        return Forward(response, self.begins), _GOES_ON

    def take(self, answer: Any, terms: Terms) -> ServerMove:
        if isinstance(answer, Continue):
            return answer.data, _GOES_ON
        if isinstance(answer, Verified):
            success = Success(answer.identity, answer.data, bound=answer.bound)
            return success, None
        return Failure(answer.reason, answer.detail), None


_BEGINS, _GOES_ON = _Forwarding(True), _Forwarding(False)
_FLAGS = frozenset({"plaintext", "channel-binding", "mutual-auth", "anonymous"})


def forwarded(name: str, flags: Iterable[str] = ()) -> Mechanism:
    """Return a mechanism that forwards; raise ValueError for what is no name.

    `flags` as in Dovecot's MECH line: they tell of a mechanism that is not known here
    whether it shows the password ("plaintext") or is "anonymous".
    """
    return _made(name, _FLAGS.intersection(flags))


@lru_cache(256)  # a policy remembers what it thinks of each
def _made(name: str, said: frozenset[str]) -> Mechanism:
    known = find(name)
    return Mechanism(
        name,
        _no_client,
        _opening,
        strength=known.strength if known else 0,
        asks=(Forward,),
        shows=known.shows if known else "password" if "plaintext" in said else "",
        client_first=known is None or known.client_first,
        initial_response=known is None or known.initial_response,
        plus=known.plus if known else "channel-binding" in said,
        binding=known.binding if known else "",
        encrypted=known is not None and known.encrypted,
        mutual=known.mutual if known else "mutual-auth" in said,
        anonymous=known.anonymous if known else "anonymous" in said,
        external=known is not None and known.external,
    )


def _no_client(terms: Terms, who: Credentials, nonce: bytes | None) -> ClientOpening:
    raise ValueError("only a server forwards")


def _opening(terms: Terms, nonce: bytes | None) -> ServerOpening:
    # Without an initial response, the first challenge too is the other server's.
    return Forward(None, True), _BEGINS
