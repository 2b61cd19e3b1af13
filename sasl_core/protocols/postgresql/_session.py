"""ClientSession: a client's whole login to PostgreSQL, without the socket."""

from __future__ import annotations

from ..._errors import (
    CredentialsError,
    NoMechanism,
    ProtocolError,
    ServerNotAuthenticated,
    StateError,
)
from ..._policy import DEFAULT
from ..._strict import encoded
from ...profiles import POSTGRESQL
from .._client_session import ClientBase, refusal
from .._reply_buffer import strictly
from . import _messages as messages
from ._client import Attempts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS

_LIMIT = 65536


class ReplyBuffer(messages.MessageBuffer):
    """Octets in, the server's replies out, as kind, code and body: "R" and the code of
    an Authentication message, "E" for an ErrorResponse, "S" for the octet that answers
    an SSLRequest.

    AuthenticationSASLFinal comes with AuthenticationOk, as its body (None without it).
    Behind that, what comes is not for the login: `unread`. Notices are passed over. Raise
    ProtocolError for anything else.
    """

    __slots__ = ("_done", "_final", "expects_octet")

    def __init__(self) -> None:
        super().__init__(_LIMIT, typed=True)
        self.expects_octet = False
        self._final: bytes | None = None
        self._done = False

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out, and is for the login."""
        return not self._done and (super().pending or self._final is not None)

    def unread(self) -> bytes:
        """Return what came behind AuthenticationOk, once."""
        return super().unread() if self._done else b""

    def next(  # type: ignore[override]  # a reply, not a frame
        self,
    ) -> tuple[str, int, bytes | None] | None:
        """Return the next reply, None if there is no whole one."""
        if self.expects_octet:
            octet = self.take(1)
            if not octet:
                return None
            self.expects_octet = False
            return "S", 0, octet
        while (frame := super().next()) is not None:
            kind, body = strictly(messages.read, frame)
            if kind == "N":
                continue
            if kind == "E":
                self._final = None
                return kind, 0, body
            if kind != "R":
                raise ProtocolError("no message of a server before the login")
            code, data = strictly(messages.read_authentication, body)
            if code == messages.OK:
                if data:
                    raise ProtocolError("AuthenticationOk carries nothing")
                self._done = True
                return kind, code, self._final
            if self._final is not None:
                raise ProtocolError("AuthenticationSASLFinal is the last but Ok")
            if code != messages.FINAL:
                return kind, code, data
            self._final = data
        return None


class ClientSession(ClientBase[Attempts]):
    """Log in to a server: SSLRequest, StartupMessage, the exchange, AuthenticationOk.

    As `ClientBase`; the client speaks first: send what `connected` returns. The user is
    that of the credentials; `database` and `parameters` go into the StartupMessage. What
    the server says next, from ParameterStatus to ReadyForQuery, is the caller's: it
    begins with `unread()`. A server that lets one in without asking is refused: it has not
    shown that it knows the password.
    """

    __slots__ = ("_frames", "_startup")
    _line_end = b""

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        profile: Profile = POSTGRESQL,
        database: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self._frames = ReplyBuffer()
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=self._frames,
        )
        wanted = {"user": credentials.username}
        if database:
            wanted["database"] = database
        self._startup = {**wanted, **(parameters or {})}

    def connected(self) -> bytes:
        """Return what to send first.

        Raise StateError the second time, CredentialsError for a user name or parameter
        that cannot be sent.
        """
        if self._turn != self._greeting:
            raise StateError("the session has begun already")
        self._turn = None
        return self._start_tls_or_authenticate(True)

    def unread(self) -> bytes:
        """Return what came behind AuthenticationOk, once: for whoever reads on."""
        return self._frames.unread()

    def _greeting(self, kind: str, code: int, body: bytes | None) -> bytes:
        raise ProtocolError("the client speaks first")

    def _start_tls(self) -> bytes:
        self._frames.expects_octet = True
        return messages.startup(messages.SSL)

    def _ready(self, kind: str, code: int, body: bytes | None) -> bytes:
        if body == b"S":
            return self._with_tls()
        if body == b"N":
            return self._without_tls("the server has none")
        # What an E begins is not shown: anybody could have written it.
        raise ProtocolError("the answer to SSLRequest is S or N")

    def _restart(self) -> bytes:
        return self._authenticate()

    def _authenticate(self) -> bytes:
        problem = ""
        try:
            values = {name: encoded(text) for name, text in self._startup.items()}
        except ValueError as error:
            problem = str(error)
        if problem or not values["user"] or b"\0" in b"".join(values.values()):
            raise CredentialsError(
                problem or "the user name is empty, or something holds a NUL"
            )
        self._turn = self._asked
        return messages.startup(messages.VERSION, values)

    def _asked(self, kind: str, code: int, body: bytes | None) -> bytes:
        """Take the server's demand."""
        if kind == "E":
            state, text = strictly(messages.read_error, body or b"")
            raise refusal(
                "refused the connection", f"{state} {text}", messages.reason_of(state)
            )
        if code == messages.OK:
            raise ServerNotAuthenticated("the server lets in whoever comes")
        offered = None
        if code == messages.SASL:
            offered = strictly(messages.read_mechanism_list, body or b"")
        elif code != messages.CLEARTEXT:
            name = messages.FOREIGN.get(code, "(unknown)")
            raise NoMechanism({name: "the server's own way, which is no SASL"})
        return self._begin(
            Attempts(
                offered,
                self.credentials,
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
            )
        )

    def _answer(self, kind: str, code: int, body: bytes | None) -> bytes:
        return self._go_on(strictly(self._running().reply, kind, code, body))
