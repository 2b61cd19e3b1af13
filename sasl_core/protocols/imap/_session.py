"""ClientSession: an IMAP client from the greeting to the tagged OK, without the socket.

RFC 9051 and 3501; RFC 4959 for the initial response.
"""

from __future__ import annotations

from ..._errors import AuthenticationError, NoMechanism, ProtocolError
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import printable
from ..._value import Secretive
from ...profiles import IMAP
from .._client_session import ClientBase
from .._lines import LineBuffer
from ._client import Attempts, Words
from ._words import response_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS


class ResponseBuffer(Secretive):
    """Collect octets and give out whole responses: the untagged lines before, and the
    line that ends them: a continuation, a tagged one, the greeting, or BYE.

    Raise ProtocolError for one of more than `limit` octets.
    """

    __slots__ = ("_greeted", "_left", "_limit", "_lines", "_untagged")

    def __init__(self, limit: int = 65536) -> None:
        self._lines = LineBuffer(limit, bare_lf=True)
        self._limit = self._left = limit
        self._untagged: list[bytes] = []
        self._greeted = False

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out."""
        return self._lines.pending or bool(self._untagged)

    def feed(self, data: bytes) -> None:
        """Take what came from the connection."""
        self._lines.feed(data)

    def next(self) -> tuple[list[bytes], bytes] | None:
        """Return the next response, None if there is no whole one."""
        while (line := self._lines.next()) is not None:
            self._left -= len(line)
            if self._left < 0:
                raise ProtocolError(f"a response of more than {self._limit} octets")
            line = line.rstrip(b"\r\n")
            if (
                self._greeted
                and line[:2] == b"* "
                and line[2:6].upper() not in (b"BYE", b"BYE ")
            ):
                self._untagged.append(line[2:])
                continue
            self._greeted = True
            response = self._untagged, line
            self._untagged, self._left = [], self._limit
            return response
        return None


class ClientSession(ClientBase[Attempts]):
    """Log in to a server: greeting, CAPABILITY, STARTTLS, CAPABILITY again, AUTHENTICATE.

    As `ClientBase`. `capabilities` are the server's last words: where it says nothing
    after the login, they are empty, for those before it count no more. A profile whose
    `initial_response` is False never sends one. A greeting of PREAUTH is refused: it
    tells nobody's name.
    """

    __slots__ = ("_words", "capabilities")

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        profile: Profile = IMAP,
    ) -> None:
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=ResponseBuffer(),
        )
        self.capabilities: tuple[str, ...] = ()
        self._words = Words("C")

    def _greeting(self, untagged: list[bytes], line: bytes) -> bytes:
        star, _, said = line.decode("utf-8", "replace").partition(" ")
        condition, _, _ = said.partition(" ")
        match star, condition.upper():
            case "*", "OK":
                self._learn([line[2:]])
            case "*", "PREAUTH":
                raise NoMechanism({"PREAUTH": "somebody is logged in already"})
            case "*", "BYE":
                raise _refusal("the connection", printable(said))
            case _:
                raise ProtocolError("not a greeting (RFC 9051, section 7.1)")
        return self._go() if self.capabilities else self._restart()

    def _restart(self) -> bytes:
        self.capabilities = ()
        self._turn = self._features
        return self._words.tagged(b"CAPABILITY") + b"\r\n"

    def _features(self, untagged: list[bytes], line: bytes) -> bytes:
        self._done("CAPABILITY", line)
        self._learn([*untagged, line.partition(b" ")[2]])
        return self._go()

    def _go(self) -> bytes:
        return self._start_tls_or_authenticate("STARTTLS" in self.capabilities)

    def _start_tls(self) -> bytes:
        return self._words.tagged(b"STARTTLS") + b"\r\n"

    def _ready(self, untagged: list[bytes], line: bytes) -> bytes:
        try:
            self._done("STARTTLS", line)
        except AuthenticationError:
            return self._without_tls("the server refused it")
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
            said = printable(line[2:].decode("utf-8", "replace"))
            raise self._running().error or _refusal("the connection", said)
        output = self._go_on(self._running().reply(line))
        if self.authenticated:
            self.capabilities = ()
            self._learn([*untagged, line.partition(b" ")[2]])
        return output

    def _done(self, what: str, line: bytes) -> None:
        """Raise unless the command was done."""
        tag, _, said = line.partition(b" ")
        condition = said.partition(b" ")[0].upper()
        if tag == b"*":
            raise _refusal("the connection", printable(said.decode("utf-8", "replace")))
        if tag != self._words.tag or condition not in (b"OK", b"NO", b"BAD"):
            raise ProtocolError("not a response to this command")
        if condition != b"OK":
            raise _refusal(what, printable(said.decode("utf-8", "replace")))

    def _learn(self, said: list[bytes]) -> None:
        """Take the capabilities out of responses: the last word counts."""
        for line in said:
            text = line.decode("ascii", "replace")
            word, _, rest = text.partition(" ")
            if word.upper() == "OK":
                word, rest = response_code(rest)
            if word.upper() == "CAPABILITY":
                self.capabilities = tuple(printable(rest.upper()).split())


def _refusal(what: str, reply: str) -> AuthenticationError:
    return AuthenticationError(
        f"the server refused {what}: {reply}", reason=Reason.UNAVAILABLE, reply=reply
    )
