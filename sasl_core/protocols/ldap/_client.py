"""A client's half of a SASL bind: one exchange, or a choice among several.

RFC 4511, section 4.2; RFC 4513, section 5.2. A simple bind is PLAIN in other words.
"""

from __future__ import annotations

from ..._policy import DEFAULT
from ..._value import Secretive
from ...profiles import LDAP
from .. import _attempts as neutral
from .._capabilities import mechanism_names
from .._exchange import Exchange
from . import _messages as messages
from ._reasons import reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._client import Client
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._exchange import Running


class Words(Secretive):
    """How a client binds; `mechanism` and `credentials` are those of the last request,
    for whoever writes it otherwise.
    """

    __slots__ = ("credentials", "mechanism", "message_id")

    def __init__(self) -> None:
        self.message_id = 0  # of the last request
        self.mechanism = ""
        self.credentials: bytes | None = None

    def next(self) -> int:
        """Return the number of another request."""
        self.message_id += 1
        return self.message_id

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Begin an exchange: no credentials (None) are not empty ones."""
        self.mechanism = name
        return self._bind(initial)

    def response(self, text: bytes) -> bytes:
        """Answer a challenge."""
        return self._bind(text)

    def abort(self) -> bytes:
        """Cancel the exchange: no server takes a mechanism without a name (RFC 4511,
        section 4.2.1).
        """
        self.mechanism = ""
        return self._bind(None)

    def _bind(self, credentials: bytes | None) -> bytes:
        self.credentials = credentials
        return messages.bind_request(self.next(), self.mechanism, credentials)


class SimpleWords(Words):
    """How a client binds as an entry, by what PLAIN would carry."""

    __slots__ = ("_dn",)

    def __init__(self, dn: str, words: Words) -> None:
        super().__init__()
        self.message_id = words.message_id
        self._dn = dn

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Write PLAIN's password."""
        _, _, password = (initial or b"").rpartition(b"\0")
        return messages.simple_request(self.next(), self._dn, password)


class _Replies:
    """What a client does with the answers to its bind requests."""

    __slots__ = ()

    def reply(
        self: Running[Words], code: int, credentials: bytes | None, text: str = ""
    ) -> bytes | None:
        """Take a BindResponse: its result code, its serverSaslCreds (None: absent) and
        diagnostic message; return the next request to send, None when bound.

        Where our own side fails, the next request is a bind without a mechanism, which
        cancels the exchange, and the answer to that raises the error, whatever it is.
        Raise AuthenticationError where the server refuses, ServerNotAuthenticated where
        it accepts too early.
        """
        if code == messages.IN_PROGRESS:
            return self.challenged(credentials or b"")
        if code == messages.SUCCESS:
            self.accepted(credentials)
            return None
        return self.refused(reason_of(code, text), f"{code} {text}".rstrip())


class Authentication(_Replies, Exchange[Words]):
    """The client's half of one exchange, from the bind request on.

    For whoever reads the answers: send `command`, hand each BindResponse to `reply` and
    send what that returns, until it returns None. `words` has each request in parts.
    """

    __slots__ = ()

    def __init__(self, client: Client) -> None:
        super().__init__(client, Words())


class Attempts(_Replies, neutral.Attempts[Words]):
    """Bind by the strongest mechanism that the policy and the server accept.

    `offered` are the values of supportedSASLMechanisms. The credentials' authzid is a
    user's name, which gets a "u:" before it, or begins with "u:" or "dn:" (RFC 4513,
    section 5.2.1.8). With `dn`, the name of the user's entry, a simple bind is tried
    where no mechanism will do. The rest as `smtp.Attempts`. Raise NoMechanism where
    none is acceptable.
    """

    __slots__ = ()

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = LDAP,
        dn: str = "",
        words: Words | None = None,
    ) -> None:
        words = words or Words()
        credentials = _with_prefix(credentials)
        # A simple bind has no place for an authzid.
        simple = bool(dn and not credentials.authzid)
        super().__init__(
            mechanism_names(offered),
            credentials,
            channel=channel,
            policy=policy,
            profile=profile,
            words=words,
            fallback=SimpleWords(dn, words) if simple else None,
        )


def _with_prefix(credentials: Credentials) -> Credentials:
    authzid = credentials.authzid
    if not authzid or authzid.startswith(("u:", "dn:")):
        return credentials
    own = authzid == credentials.username
    return credentials.replace(authzid="" if own else f"u:{authzid}")
