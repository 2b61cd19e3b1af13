"""ClientSession: an IMAP client from the greeting to the tagged OK, without the socket.

RFC 9051 and 3501; RFC 4959 for the initial response.
"""

from __future__ import annotations

from ..._errors import NoMechanism, ProtocolError
from ..._policy import DEFAULT
from ...profiles import IMAP
from .._client_session import ClientBase, refusal
from .._reply_buffer import ReplyBuffer
from ._client import Attempts, Words, capabilities
from ._words import reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._channel import Channel
    from ..._errors import AuthenticationError
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS


class ResponseBuffer(ReplyBuffer[tuple[list[bytes], bytes]]):
    """As the neutral one; a response is the untagged lines before, without `* `, and the
    line that ends them: a continuation, a tagged one, the greeting, BYE.

    `greeted`: the greeting was read elsewhere.
    """

    __slots__ = ("_bye", "_greeted", "_untagged")

    def __init__(self, limit: int = 65536, *, greeted: bool = False) -> None:
        super().__init__(limit)
        self._untagged: list[bytes] = []
        self._bye = b""
        self._greeted = greeted

    @property
    def pending(self) -> bool:
        """Whether anything has come that cannot have: untagged lines come at any time
        (RFC 9051, section 7), and what follows a BYE counts for nothing.
        """
        return not self._bye and not b"* ".startswith(self._lines.peek(2))

    def unread(self) -> bytes:
        """Return all that was not given out, once."""
        return self._lines.unread()

    def next(self) -> tuple[list[bytes], bytes] | None:
        """Return the next response, None if there is no whole one."""
        response = super().next()
        return self._respond(self._bye) if response is None and self._bye else response

    def _add(self, line: bytes) -> tuple[list[bytes], bytes] | None:
        if not self._greeted or line[:2] != b"* ":
            return self._respond(line)
        if line[2:6].upper() in (b"BYE", b"BYE "):
            self._bye = line
        else:
            self._untagged.append(line[2:])
        return None

    def _respond(self, line: bytes) -> tuple[list[bytes], bytes]:
        # A refusal says more than the BYE before it; anything else says nothing more.
        if self._bye and line.split(b" ")[1:2] not in ([b"NO"], [b"BAD"]):
            line = self._bye
        response = self._untagged, line
        self._untagged, self._greeted = [], True
        return response


class ClientSession(ClientBase[Attempts]):
    """Log in to a server: greeting, CAPABILITY, STARTTLS, CAPABILITY again, AUTHENTICATE.

    As `ClientBase`. `capabilities` are the server's last words: where it says nothing
    after the login, they are empty, for those before it count no more. A profile whose
    `initial_response` is False never sends one. A greeting of PREAUTH is refused: it
    tells nobody's name.
    """

    __slots__ = ("_responses", "_words", "capabilities")

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        profile: Profile = IMAP,
    ) -> None:
        self._responses = ResponseBuffer()
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=self._responses,
        )
        self.capabilities: tuple[str, ...] = ()
        self._words = Words("C")

    def unread(self) -> bytes:
        """Return what came behind the end of the login, untagged responses, once: for
        whoever reads on.
        """
        return self._responses.unread()

    def _greeting(self, untagged: list[bytes], line: bytes) -> bytes:
        match line[:2], line[2:].split(b" ")[0].upper():
            case b"* ", b"OK":
                self.capabilities = capabilities([line[2:]])
            case b"* ", b"PREAUTH":
                raise NoMechanism({"PREAUTH": "somebody is logged in already"})
            case b"* ", b"BYE":
                raise _refusal("the connection", line[2:])
            case _:
                raise ProtocolError("not a greeting (RFC 9051, section 7.1)")
        return self._go() if self.capabilities else self._restart()

    def _restart(self) -> bytes:
        self.capabilities = ()
        self._turn = self._features
        return self._words.tagged(b"CAPABILITY") + b"\r\n"

    def _features(self, untagged: list[bytes], line: bytes) -> bytes:
        if not self._done(line):
            raise _refusal("CAPABILITY", line.partition(b" ")[2])
        self.capabilities = capabilities([*untagged, line.partition(b" ")[2]])
        return self._go()

    def _go(self) -> bytes:
        return self._start_tls_or_authenticate("STARTTLS" in self.capabilities)

    def _start_tls(self) -> bytes:
        return self._words.tagged(b"STARTTLS") + b"\r\n"

    def _ready(self, untagged: list[bytes], line: bytes) -> bytes:
        if not self._done(line):
            return self._without_tls("the server refused it")
        if self._responses.unread():
            raise ProtocolError("the server spoke between STARTTLS and TLS")
        return self._with_tls()

    def _authenticate(self) -> bytes:
        return self._begin(
            Attempts(
                self.capabilities,
                self.credentials,
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
            )
        )

    def _answer(self, untagged: list[bytes], line: bytes) -> bytes:
        if line[:2] == b"* ":
            raise self._running().error or _refusal("the connection", line[2:])
        output = self._go_on(self._running().reply(line))
        if self.authenticated:
            self.capabilities = capabilities([*untagged, line.partition(b" ")[2]])
        return output

    def _done(self, line: bytes) -> bool:
        """Whether the command was done; raise where that is not what the line says."""
        tag, _, said = line.partition(b" ")
        condition = said.partition(b" ")[0].upper()
        if tag == b"*":
            raise _refusal("the connection", said)
        if tag != self._words.tag or condition not in (b"OK", b"NO", b"BAD"):
            raise ProtocolError("not a response to this command")
        return condition == b"OK"


def _refusal(what: str, response: bytes) -> AuthenticationError:
    """Return the error to raise for a NO, BAD or BYE that is not AUTHENTICATE's."""
    said = response.decode("utf-8", "replace")
    reason = reason_of("BYE", said.partition(" ")[2])
    return refusal(f"refused {what}", said, reason)
