"""More of what a server asks: the requests of mechanisms for which an application keeps
something other than passwords, keys and bearer tokens.
"""

from __future__ import annotations

from ._events import Request
from ._hashed_token import HashedToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._records import ScramKeys


class FindHashedTokens(Request):
    """Which tokens of HT has this user? `answer` takes a tuple of HashedToken, or None for
    no such user. Those that have expired are none.

    `values` is what the client sent along, not proven yet; `device` is what it calls
    itself, where the protocol has a word for that (XMPP's FAST): no other's tokens count.
    Each token that is given costs one HMAC; who has none costs as much as who has one.
    """

    __match_args__ = ("username", "values")
    __slots__ = (*__match_args__, "device")

    def __init__(self, username: str, values: tuple[tuple[str, str], ...] = ()) -> None:
        self.username = username
        self.values = values
        self.device = ""

    def _fits(self, answer: Any) -> bool:
        return answer is None or (
            type(answer) is tuple and all(type(one) is HashedToken for one in answer)
        )


class UseHashedToken(Request):
    """May this token, which the client has proved, be used now? `answer` takes a bool.

    Here a token that is good for one login is taken away, in one atomic step: of two
    logins with it one gets a yes. Here, too, it is noted that it is to be replaced.
    """

    __slots__ = __match_args__ = ("username", "token")
    _denial = False

    def __init__(self, username: str, token: HashedToken) -> None:
        self.username = username
        self.token = token


class VerifySignature(Request):
    """Is this a signature of this user's key? `answer` takes a bool; for an unknown user,
    after as much work: with some other key.

    ECDSA on the curve P-256, in DER, over `challenge` itself in the place of a hash. One
    over its SHA-256 is as good: Atheme takes both, for clients whose library always
    hashes.
    """

    __slots__ = __match_args__ = ("username", "challenge", "signature")
    _denial = False

    def __init__(self, username: str, challenge: bytes, signature: bytes) -> None:
        self.username = username
        self.challenge = challenge
        self.signature = signature


class Confirm(Request):
    """May this user log in, who has proved elsewhere who he is? `answer` takes a bool.

    Of EXTERNAL, and of a security context, an application else hears by the Success only.
    Asked where `Policy(confirm=True)` says so, and where a `backends.Application` has
    answered AcceptSecurityContext.
    """

    __slots__ = __match_args__ = ("username",)
    _denial = False

    def __init__(self, username: str) -> None:
        self.username = username


class FindPublicKey(Request):
    """What is this user's public key of X25519 (RFC 7748)? `answer` takes its 32 octets,
    or None for no such user or no key: that takes as long, and looks the same.
    """

    __slots__ = __match_args__ = ("username",)

    def __init__(self, username: str) -> None:
        self.username = username

    def _fits(self, answer: Any) -> bool:
        return answer is None or (type(answer) is bytes and len(answer) == 32)


class SaveScramKeys(Request):
    """Are these keys stored now, beside those that the user has? `answer` takes a bool.

    An upgrade (XEP-0480) has made them; its client is who `username` says, as the login
    before it has proved.
    """

    __slots__ = __match_args__ = ("username", "keys")
    _denial = False

    def __init__(self, username: str, keys: ScramKeys) -> None:
        self.username = username
        self.keys = keys
