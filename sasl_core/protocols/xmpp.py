"""XMPP authentication without a socket and without XML, both sides (RFC 6120, section 6).

What goes over the stream is an Element, which its owner writes and reads as XML, in the
namespace `urn:ietf:params:xml:ns:xmpp-sasl`. TLS and the stream's restart, after it and
after success, are the owner's too: a new stream has a new session.
"""

from __future__ import annotations

from .._errors import ProtocolError, StateError
from .._policy import DEFAULT
from .._reasons import Reason
from .._strict import Malformed
from .._value import Secretive
from ..profiles import XMPP
from ._attempts import Attempts
from ._capabilities import mechanism_names
from ._element_server import ElementServer
from ._exchange import LineWords
from ._replies import BaseReply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._advertised import Advertised
    from .._channel import Channel
    from .._events import Request, Success
    from .._policy import Policy
    from .._profile import Profile
    from .._values import Credentials, TokenError
    from ..layers import Layer

__all__ = ["NAMESPACE", "ClientSession", "Element", "ServerSession", "reason_of"]

NAMESPACE = "urn:ietf:params:xml:ns:xmpp-sasl"

_set = object.__setattr__
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;"})
# Section 6.5. What is not here is a no to these credentials: to take it for anything
# milder is how accounts get locked.
_REASONS = {
    "aborted": Reason.ABORTED,
    "account-disabled": Reason.DISABLED,
    "credentials-expired": Reason.PASSWORD_EXPIRED,
    "encryption-required": Reason.ENCRYPTION_NEEDED,
    "incorrect-encoding": Reason.MALFORMED,
    "invalid-authzid": Reason.NOT_AUTHORIZED,
    "invalid-mechanism": Reason.UNSUPPORTED,
    "malformed-request": Reason.MALFORMED,
    "mechanism-too-weak": Reason.TOO_WEAK,
    "temporary-auth-failure": Reason.UNAVAILABLE,
}


def reason_of(condition: str) -> Reason:
    """Return the reason that a condition of `<failure/>` stands for."""
    return _REASONS.get(condition, Reason.BAD_CREDENTIALS)


class Element(BaseReply):
    """An element: `auth`, `challenge`, `response`, `abort`, `success` or `failure`.

    `text` is its character data: base64, "=" for an empty message where "" is for none
    (auth, success), or a failure's `<text/>`. `mechanism` is auth's, `condition`
    failure's. `close`: the stream ends with it, by the stream error `policy-violation`.
    `bytes()` gives its XML.
    """

    __slots__ = __match_args__ = ("name", "text", "mechanism", "condition", "close")
    _secret = frozenset({"text"})

    name: str
    text: str
    mechanism: str
    condition: str

    def __init__(
        self,
        name: str,
        text: str = "",
        *,
        mechanism: str = "",
        condition: str = "",
        close: bool = False,
    ) -> None:
        _set(self, "name", name)
        _set(self, "text", text)
        _set(self, "mechanism", mechanism)
        _set(self, "condition", condition)
        _set(self, "close", close)

    def __bytes__(self) -> bytes:
        content = self.text.translate(_ESCAPED)
        if self.condition:
            said = f"<text>{content}</text>" if content else ""
            content = f"<{self.condition}/>{said}"
        mechanism = self.mechanism.translate(_ESCAPED)
        named = f" mechanism='{mechanism}'" if mechanism else ""
        written = f"<{self.name} xmlns='{NAMESPACE}'{named}>{content}</{self.name}>"
        return written.encode()


class ClientSession(Secretive):
    """Authenticate by the strongest mechanism that the policy and the server accept.

    Send what `begin` returns, hand what comes to `receive` and send what that returns,
    until `authenticated`. `offered`: the names in `<mechanisms/>`; `advertised`: the same
    with the types in `<sasl-channel-binding/>`, to be checked by XEP-0474. Where a refusal
    speaks of the mechanism the next one follows, as in every protocol. None is returned
    instead of an element when `wants_token`: ask the source, with `token_error`, and go
    on with `give_token`. Raise NoMechanism where no mechanism will do.
    """

    __slots__ = ("_attempts", "_over", "authenticated")
    __match_args__ = ("mechanism", "authenticated")

    def __init__(
        self,
        offered: Iterable[str],
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = XMPP,
        advertised: Advertised | None = None,
    ) -> None:
        self._attempts = Attempts(
            mechanism_names(offered),
            credentials,
            channel=channel,
            policy=policy,
            profile=profile,
            words=LineWords("auth", profile),
            advertised=advertised,
        )
        self._over = False
        self.authenticated = False

    @property
    def mechanism(self) -> str:
        """The mechanism that is tried now, or was last."""
        return self._attempts.name

    @property
    def layer(self) -> Layer | None:
        """What the new stream goes through once `authenticated`; None: as it is."""
        return self._attempts.layer if self.authenticated else None

    @property
    def credentials(self) -> Credentials:
        """Who logs in."""
        return self._attempts.credentials

    @property
    def wants_token(self) -> bool:
        """Whether the source of the credentials' token is to be asked now."""
        return not self._over and self._attempts.wants_token

    @property
    def token_error(self) -> TokenError | None:
        """What the server said of the last token: for the source."""
        return self._attempts.token_error

    def begin(self) -> Element | None:
        """Return the first element to send."""
        return self._auth(self._attempts.command())

    def give_token(self, token: str) -> Element | None:
        """Take what the source gave; return what to send."""
        return self._auth(self._attempts.take_token(token))

    def receive(self, element: Element) -> Element | None:
        """Take an element; return what to send, None after success.

        Raise AuthenticationError where the server refuses, ServerNotAuthenticated where
        it accepts without having proved itself: close the stream, and ProtocolError for
        an element that cannot be; StateError after the end.
        """
        if self._over:
            raise StateError("the exchange is over")
        self._over = True
        match element:
            case Element("challenge", text):
                answer = self._attempts.challenged(_octets(text))
                self._over = False
                if self._attempts.error is not None:
                    return Element("abort")
                return Element("response", answer.decode())
            case Element("success", text):
                self._attempts.accepted(_data(text))
                self.authenticated = True
                return None
            case Element("failure", text, _, condition):
                reply = f"{condition}: {text}" if text else condition
                line = self._attempts.refused(reason_of(condition), reply)
                self._over = False
                return self._auth(line)
        raise self._attempts.error or ProtocolError("no element of SASL that was due")

    def _auth(self, line: bytes) -> Element | None:
        if self.wants_token:
            return None
        _, mechanism, *initial = line.decode().split(" ")
        return Element("auth", *initial, mechanism=mechanism)


class ServerSession(ElementServer[Element]):
    """Everything that SASL means on a stream, as `ServerBase`: of Elements, not lines.

    List `mechanisms` in the stream's features; they may be none. Set `advertised` to what
    the features have told, and SCRAM proves it (XEP-0474). There is no STARTTLS
    here. After `max_failures` failed attempts the next closes the stream.
    """

    __slots__ = ()

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        max_failures: int = 3,
        profile: Profile = XMPP,
    ) -> None:
        super().__init__(
            channel,
            policy=policy,
            answers=answers,
            realm=realm,
            starttls=False,
            max_failures=max_failures,
            profile=profile,
        )

    def mechanisms(self) -> tuple[str, ...]:
        """Return the names for `<mechanisms/>`, as they apply now."""
        return () if self.success is not None else self._offer()

    def _element(self, element: Element) -> Element | Request:
        match element:
            case Element("abort"):
                return self._refuse(Reason.ABORTED, "the client aborted")
            case Element("auth", text, name) if self.success is None:
                if self._server is not None:
                    break_off = "a new attempt in the middle of one"
                    return self._refuse(Reason.MALFORMED, break_off)
                initial = _octets(text) or None
                if initial and text != "=" and not self._readable(initial):
                    return _failure("incorrect-encoding")
                return self._authenticate(_octets(name), initial)
            case Element("response", text) if self._server is not None:
                if not self._readable(_octets(text)):
                    self._refuse(Reason.MALFORMED, "not canonical base64 (RFC 4648)")
                    return _failure("incorrect-encoding")
                return self._step(self._server, _octets(text))
        return self._refuse(Reason.MALFORMED, "an element that was not due")

    def _readable(self, text: bytes) -> bool:
        """Whether this is base64: what is not has a condition of its own."""
        if len(text) > self._policy.max_message:
            return True  # nor is it decoded: the exchange tells
        try:
            self._profile.decode(text)
        except Malformed:
            return False
        return True

    def _challenge(self, data: bytes) -> Element:
        return Element("challenge", data.decode())

    def _accepted(self, success: Success) -> Element:
        data = success.data
        return Element("success", "" if data is None else data.decode() or "=")

    def _refusal(self, reason: Reason) -> Element:
        return _failure(self._profile.reply(reason))

    def _too_many(self) -> Element:
        return Element("failure", condition="not-authorized", close=True)


def _failure(condition: str) -> Element:
    return Element("failure", condition=condition)


def _octets(text: str) -> bytes:
    # What is beyond ASCII is no base64, and no name, whatever it becomes.
    return text.encode("ascii", "replace")


def _data(text: str) -> bytes | None:
    """Return the data of a success, None where there is none."""
    if text == "=":
        return b""
    return _octets(text) if text else None
