"""What a server returns: a challenge to send, an outcome, or a question.

Event = Challenge | Success | Failure | Request. A Request is answered once, through
itself, and gives the next event.
"""

from __future__ import annotations

from ._errors import StateError
from ._reasons import Reason
from ._records import ScramKeys, Secret
from ._strict import Malformed, is_https
from ._value import Secretive, Value
from ._values import Asserted, PasscodePrompt, TokenError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from ._channel import Channel
    from ._server import Server
    from ._states import Asking
    from ._values import Identity
    from .layers import Layer
    from .otp import OtpState


class Challenge(Value):
    """Send `data` to the client, in the profile's form (base64 by default)."""

    __slots__ = __match_args__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Success(Value):
    """The client is who `identity` says.

    `data` goes with the protocol's success reply, only where its profile can carry it
    (else None); `mechanism` is the name; `bound` says that the channel was bound;
    `layer` is the security layer to put on the connection, or None.
    """

    __slots__ = __match_args__ = ("identity", "data", "mechanism", "bound", "layer")

    def __init__(
        self,
        identity: Identity,
        data: bytes | None = None,
        mechanism: str = "",
        bound: bool = False,
        layer: Layer | None = None,
    ) -> None:
        self.identity = identity
        self.data = data
        self.mechanism = mechanism
        self.bound = bound
        self.layer = layer


class Failure(Value):
    """The exchange failed: `reason` is what the peer may know, `detail` is for the
    server's own log and never holds a secret or the peer's octets.
    """

    __slots__ = __match_args__ = ("reason", "detail")

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail


class Request(Secretive):
    """A question that only the application can settle; see the subclasses.

    `answer` with the promised type, `deny` where the answer is no or the question is
    unknown, `unavailable` where it cannot be told now, `refuse` to end the exchange for
    a reason of one's own. Each returns the next event; a second call is a StateError.
    """

    __slots__ = ("_record", "_server")
    _denial: Any = None  # what deny() answers
    # Whether an application is taken to answer it only where it says so.
    rare: ClassVar[bool] = False

    _server: Server
    _record: Asking

    def answer(self, answer: Any) -> Event:
        """Answer. One of the wrong type is a StateError and a closed exchange: a
        coroutine, a Mock or a 1 must never count as a yes.
        """
        try:
            server = self._server
        except AttributeError:
            server = self._exchange  # raises: it was made by hand
        waiting = server._pop()
        if waiting is not self:
            raise server._misused(waiting)
        if not self._fits(answer):
            raise StateError(self._misfit(answer))
        try:
            outcome, following = self._record.take(answer, server)
        except Malformed as error:
            return Failure(Reason.MALFORMED, str(error))
        return server._move(outcome, following)

    def deny(self) -> Event:
        """Answer no; also right for a question that the application does not know."""
        return self.answer(self._denial)

    def unavailable(self, detail: str = "") -> Event:
        """Say that it cannot be told now: a temporary failure, not a wrong password."""
        return self.refuse(Reason.UNAVAILABLE, detail)

    def refuse(self, reason: Reason, detail: str = "") -> Event:
        """End the exchange: a disabled account, an expired password, a transition."""
        if not isinstance(reason, Reason):
            raise TypeError(f"a reason is a Reason, not {type(reason).__name__}")
        server = self._exchange
        waiting = server._pop()
        if waiting is not self:
            raise server._misused(waiting)
        return Failure(reason, detail)

    @property
    def answered(self) -> bool:
        """Whether it was settled, in one way or another."""
        return self not in self._exchange._turn

    @property
    def mechanism(self) -> str:
        """Return the name of the mechanism that asks."""
        return self._exchange.name

    @property
    def channel(self) -> Channel:
        """Return the facts about the connection: `remote` is the client's address."""
        return self._exchange.channel

    @property
    def _exchange(self) -> Server:
        try:
            return self._server
        except AttributeError:
            pass
        raise StateError("a request made by hand belongs to no exchange")

    def _fits(self, answer: Any) -> bool:
        return type(answer) is bool

    def _misfit(self, answer: Any) -> str:
        """Say why an answer does not fit."""
        return f"{type(answer).__name__} is no answer to {type(self).__name__}"


class CheckPassword(Request):
    """Is this the password of this user? `answer` takes a bool.

    The password is as the client sent it, after SASLprep, and never empty; `realm` is
    the mechanism's, None where it has none.
    """

    __slots__ = __match_args__ = ("username", "password", "realm")
    _secret = frozenset({"password"})
    _denial = False

    def __init__(self, username: str, password: str, realm: str | None = None) -> None:
        self.username = username
        self.password = password
        self.realm = realm


class FindPassword(Request):
    """What is the password of this user? `answer` takes a str, or what
    `sasl_core.records` has precomputed for the mechanism; None for no such user.
    """

    __slots__ = __match_args__ = ("username", "realm")

    def __init__(self, username: str, realm: str | None = None) -> None:
        self.username = username
        self.realm = realm

    def _fits(self, answer: Any) -> bool:
        return (
            answer is None
            or type(answer) is str
            or (isinstance(answer, Secret) and self.mechanism in answer.mechanisms)
        )


class FindScramKeys(Request):
    """What are the stored keys of this user? `answer` takes a ScramKeys of `hash_name`,
    or None for no such user: the exchange then goes on as if there were one, and fails
    where a wrong password does.
    """

    __slots__ = __match_args__ = ("username", "hash_name")

    def __init__(self, username: str, hash_name: str) -> None:
        self.username = username
        self.hash_name = hash_name

    def _fits(self, answer: Any) -> bool:
        return answer is None or (
            type(answer) is ScramKeys and answer.hash_name == self.hash_name
        )

    def _misfit(self, answer: Any) -> str:
        if type(answer) is ScramKeys:
            return f"keys of {answer.hash_name} are no answer for {self.hash_name}"
        return super()._misfit(answer)


class FindOtp(Request):
    """What is stored of this user's one-time passwords? `answer` takes an
    `sasl_core.otp.OtpState`, or None for no such user: the exchange then goes on as if
    there were one, and fails where a wrong one-time password does.

    Who wants only one login of a user at a time (RFC 2289, section 9) takes the lock
    here, and gives it back when the exchange is over.
    """

    __slots__ = __match_args__ = ("username",)

    def __init__(self, username: str) -> None:
        self.username = username

    def _fits(self, answer: Any) -> bool:
        if answer is None:
            return True
        from .otp import OtpState

        return type(answer) is OtpState


class ConsumeOtp(Request):
    """Is `old` still what is stored, and is it now `new`? `answer` takes a bool.

    To compare and to replace must be one atomic step, and on disk before the answer: of
    two logins with the same one-time password it lets one in.
    """

    __slots__ = __match_args__ = ("username", "old", "new")
    _denial = False

    def __init__(self, username: str, old: OtpState, new: OtpState) -> None:
        self.username = username
        self.old = old
        self.new = new


class CheckPasscode(Request):
    """Is this what the user's token shows? `answer` takes a bool, or a `PasscodePrompt`
    where the authentication server wants one more passcode, or a new PIN.

    `asked` is what the last prompt was about, "" for the first question; `pin` the new
    PIN, if that was it. An answer of yes takes that over.
    """

    __slots__ = __match_args__ = ("username", "passcode", "pin", "asked")
    _secret = frozenset({"passcode", "pin"})
    _denial = False

    def __init__(
        self, username: str, passcode: str, pin: str | None = None, asked: str = ""
    ) -> None:
        self.username = username
        self.passcode = passcode
        self.pin = pin
        self.asked = asked

    def _fits(self, answer: Any) -> bool:
        return type(answer) is bool or type(answer) is PasscodePrompt


class BeginRedirect(Request):
    """Where does the client's browser have to go? `answer` takes the URL, with https; None
    for a provider that is not trusted.

    `provider` is the identity provider of SAML20, and of OPENID20 the user's OpenID: what
    the client typed, not proven. The URL carries what will tell this exchange from
    others: a request to the provider that names where to come back to.
    """

    __slots__ = __match_args__ = ("provider",)

    def __init__(self, provider: str) -> None:
        self.provider = provider

    def _fits(self, answer: Any) -> bool:
        return answer is None or (type(answer) is str and is_https(answer))


class FinishRedirect(Request):
    """Who came back from there? Asked when the client says that its browser was sent;
    wait for it. `answer` takes an `Asserted`, None where nobody came or the provider said
    no.

    `provider` and `url` are those of `BeginRedirect`. What the provider asserts must have
    been verified: signature, audience, time, and that it answers to this very `url`.
    """

    __slots__ = __match_args__ = ("provider", "url")
    _secret = frozenset({"url"})

    def __init__(self, provider: str, url: str) -> None:
        self.provider = provider
        self.url = url

    def _fits(self, answer: Any) -> bool:
        return answer is None or type(answer) is Asserted


class CheckToken(Request):
    """Whose is this bearer token? `answer` takes the proven identity, a non-empty str,
    or a TokenError.

    `username` is who the client wants to be ("" if it did not say), `host` and `port`
    what it says that it connected to: a host that is not this server's means that the
    token was meant for somebody else. An empty `token` asks for the TokenError that
    tells where to get one (RFC 7628, section 4.3); no answer to it succeeds.
    """

    __slots__ = __match_args__ = ("token", "username", "host", "port")
    _secret = frozenset({"token"})
    _denial = TokenError()

    def __init__(
        self, token: str, username: str, host: str | None, port: int | None
    ) -> None:
        self.token = token
        self.username = username
        self.host = host
        self.port = port

    def _fits(self, answer: Any) -> bool:
        return type(answer) is TokenError or (type(answer) is str and answer != "")


class AcceptSecurityContext(Request):
    """Who accepts a security context of the GSS-API here? `answer` takes a fresh acceptor
    of `gssapi`'s interface (see `sasl_core.adapters.gssapi`); None for nobody.

    `bindings` is the application data of the channel bindings that it must be made with
    (GS2), None for none. Its own answer is the decision: who has a ticket is in. Not
    every host has a keytab: a server offers what asks it only where `answers`, or the
    policy's `allow`, names it.
    """

    __slots__ = __match_args__ = ("bindings",)
    rare = True
    _secret = frozenset({"bindings"})

    def __init__(self, bindings: bytes | None) -> None:
        self.bindings = bindings

    def _fits(self, answer: Any) -> bool:
        # What the type has: a Mock has whatever it is asked for.
        kind = type(answer)
        methods = ("step", "wrap", "unwrap", "get_wrap_size_limit")
        return answer is None or all(
            callable(getattr(kind, name, None)) for name in methods
        )


class Authorize(Request):
    """May this user, who has proved to be `authcid`, act as `authzid`? `answer` takes a
    bool. Asked only if the two differ after preparation.
    """

    __slots__ = __match_args__ = ("authcid", "authzid")
    _denial = False

    def __init__(self, authcid: str, authzid: str) -> None:
        self.authcid = authcid
        self.authzid = authzid


Event = Challenge | Success | Failure | Request
