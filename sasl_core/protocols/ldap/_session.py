"""ClientSession: a client's whole login to a directory, without the socket."""

from __future__ import annotations

from ..._errors import ProtocolError, StateError
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import printable
from ...profiles import LDAP
from .._client_session import ClientBase, refusal
from .._reply_buffer import strictly
from . import _messages as messages
from ._client import Attempts, Words
from ._openldap import for_server
from ._words import MessageBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials
    from .._client_session import StartTLS

_MECHANISMS, _CLASSES = "supportedSASLMechanisms", "objectClass"


class ReplyBuffer(MessageBuffer):
    """Octets in, whole answers out: the entries that a search found, and the message
    that ends it, or any other.

    Raise ProtocolError for an answer of more than `limit` octets, and for what is none.
    """

    __slots__ = ("_found", "_left")

    def __init__(self, limit: int = 262_144) -> None:
        super().__init__(limit)
        self._left = limit
        self._found: list[messages.Message] = []

    @property
    def pending(self) -> bool:
        """Whether anything has come that was not given out."""
        return super().pending or bool(self._found)

    def next(  # type: ignore[override]  # a whole answer, not a frame
        self,
    ) -> tuple[list[messages.Message], messages.Message] | None:
        """Return the next answer, None if there is no whole one."""
        while (frame := super().next()) is not None:
            self._left -= len(frame)
            message = strictly(messages.read, frame)
            if self._left < 0:
                raise ProtocolError(f"an answer of more than {self._limit} octets")
            if message.tag in (messages.ENTRY, messages.REFERENCE):
                self._found.append(message)
                continue
            answer = self._found, message
            self._found, self._left = [], self._limit
            return answer
        return None


class ClientSession(ClientBase[Attempts]):
    """Log in to a directory: StartTLS, the search for its mechanisms, the bind.

    As `ClientBase`; the client speaks first: send what `connected` returns. The
    server's mechanisms are asked of its root DSE, unless `mechanisms` names them; so is
    whether it is OpenLDAP, which has a name of its own for the channel's binding. With
    `dn`, the name of the user's entry, a simple bind is tried where none of them will
    do. The number of the next request is `message_id` + 1.
    """

    __slots__ = ("_dn", "_mechanisms", "_words")
    _line_end = b""

    def __init__(
        self,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        starttls: StartTLS = "require",
        profile: Profile = LDAP,
        mechanisms: Iterable[str] | None = None,
        dn: str = "",
    ) -> None:
        super().__init__(
            credentials,
            channel=channel,
            policy=policy,
            starttls=starttls,
            profile=profile,
            replies=ReplyBuffer(),
        )
        self._mechanisms = None if mechanisms is None else tuple(mechanisms)
        self._dn = dn
        self._words = Words()

    @property
    def message_id(self) -> int:
        """The number of the last request."""
        words = self._attempts.words if self._attempts else self._words
        return words.message_id

    def connected(self) -> bytes:
        """Return what to send first; raise StateError the second time."""
        if self._turn != self._greeting:
            raise StateError("the session has begun already")
        self._turn = None
        return self._start_tls_or_authenticate(True)

    def _greeting(self, found: object, message: messages.Message) -> bytes:
        raise _out_of_turn(message)

    def _start_tls(self) -> bytes:
        return messages.extended_request(self._words.next(), messages.START_TLS)

    def _ready(self, found: list[messages.Message], message: messages.Message) -> bytes:
        code, text, _ = self._result(found, message, messages.EXTENDED_RESPONSE)
        if code != messages.SUCCESS:
            return self._without_tls(f"the server refused it: {code} {printable(text)}")
        return self._with_tls()

    def _restart(self) -> bytes:
        return self._authenticate()

    def _authenticate(self) -> bytes:
        if self._mechanisms is not None:
            return self._bind(self._mechanisms)
        self._turn = self._listed
        return messages.root_dse_request(self._words.next(), _MECHANISMS, _CLASSES)

    def _listed(
        self, found: list[messages.Message], message: messages.Message
    ) -> bytes:
        # Where it refuses the search, it offers nothing.
        self._result([], message, messages.DONE)
        names: list[str] = []
        classes: list[str] = []
        for entry in found:
            if entry.message_id != message.message_id:
                raise _out_of_turn(entry)
            if entry.tag == messages.ENTRY:
                names += strictly(messages.read_entry, entry.body, _MECHANISMS)
                classes += strictly(messages.read_entry, entry.body, _CLASSES)
        self.channel = for_server(self.channel, classes)
        return self._bind(names)

    def _bind(self, mechanisms: Iterable[str]) -> bytes:
        return self._begin(
            Attempts(
                mechanisms,
                self.credentials,
                channel=self.channel,
                policy=self._policy,
                profile=self._profile,
                dn=self._dn,
                words=self._words,
            )
        )

    def _answer(
        self, found: list[messages.Message], message: messages.Message
    ) -> bytes:
        code, text, credentials = self._result(found, message, messages.BIND_RESPONSE)
        return self._go_on(self._running().reply(code, credentials, text))

    def _result(
        self, found: list[messages.Message], message: messages.Message, tag: int
    ) -> tuple[int, str, bytes | None]:
        """Return the result of the last request; raise ProtocolError for anything else,
        and AuthenticationError where the server ends the connection.
        """
        if not found and message.message_id == 0:
            code, text, _ = strictly(messages.read_result, message.body)
            raise self.error or refusal(
                "ends the connection", f"{code} {text}".rstrip(), Reason.UNAVAILABLE
            )
        if found or message.message_id != self.message_id or message.tag != tag:
            raise _out_of_turn(message)
        return strictly(messages.read_result, message.body)


def _out_of_turn(message: messages.Message) -> ProtocolError:
    return ProtocolError("not the answer to the last request (RFC 4511, section 4.1.1)")
