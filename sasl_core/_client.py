"""Client: one exchange of the client's side, and its only guard."""

from __future__ import annotations

from ._errors import (
    AuthenticationError,
    CredentialsError,
    ProtocolError,
    ServerNotAuthenticated,
    StateError,
)
from ._states import ClientRecord
from ._strict import Malformed, must_be_octets, printable
from ._value import Secretive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._advertised import Advertised
    from ._channel import Channel
    from ._policy import Policy
    from ._profile import Profile
    from ._reasons import Reason
    from ._states import ClientOpening
    from ._values import Credentials
    from .layers import Layer
    from .mechanisms import Mechanism


class Client(Secretive):
    """One exchange, from the client's side: `start`, `step` for each challenge, `finish`.

    Made by `client()`. `name` is the chosen mechanism, `layer` the security layer to put
    on the connection once `finish` has returned (None: none).
    It can be deep-copied, never pickled. After any exception the exchange is over: cancel
    it in the protocol (`profile.abort`).
    """

    __slots__ = (
        "_turn",
        "advertised",
        "channel",
        "layer",
        "name",
        "needs_summary",
        "plus",
        "policy",
        "profile",
    )
    __match_args__ = ("name",)
    realm = None
    username = ""

    def __init__(
        self,
        mechanism: Mechanism,
        credentials: Credentials,
        channel: Channel,
        policy: Policy,
        profile: Profile,
        plus: bool,
        nonce: bytes | None,
    ) -> None:
        self.name = mechanism.name
        self.channel = channel
        self.policy = policy
        self.profile = profile
        self.plus = plus
        self.advertised: Advertised | None = None
        self.needs_summary = False
        self.layer: Layer | None = None
        # One item, whose turn it is: the opening, a tuple, or a record; none while that
        # runs, and after the end. pop() is atomic: of two threads, one gets the item and
        # the other a StateError.
        self._turn: list[ClientRecord | ClientOpening] = []
        try:
            self._turn.append(mechanism.client(self, credentials, nonce))
        except Malformed as error:
            problem = str(error)
        else:
            return
        # Raised outside the handler: a chained exception would show frames with secrets.
        raise CredentialsError(problem)

    def start(self) -> bytes | None:
        """Return the initial response, or None where the server speaks first.

        In the profile's form, base64 by default; b"" is a real, empty one (for the
        command line: `profile.initial`). Optional: without it, the server's empty first
        challenge passed to `step` gets the same. Raise StateError the second time.
        """
        opening = self._pop()
        if not isinstance(opening, tuple):
            raise self._misused()
        initial, record = opening
        text = self.profile.encode(initial) if initial else initial
        self._turn.append(record)
        return text

    def step(self, challenge: bytes) -> bytes:
        """Answer a challenge; both in the profile's form, base64 by default.

        Raise ProtocolError for a challenge that breaks the rules, AuthenticationError
        where the server refuses inside the mechanism, ServerNotAuthenticated where its
        proof is wrong, CredentialsError where the credentials do not fit what it asks.
        """
        if not isinstance(challenge, bytes):
            must_be_octets(challenge)
        record = self._pop()
        if isinstance(record, ClientRecord):
            response, following = self._answer(record, self._read(challenge))
            text = self.profile.encode(response)
            if following is not None:
                self._turn.append(following)  # last: an interrupt leaves it closed
            return text
        if record is None:
            raise self._misused()
        # An opening: start() was not called, and the challenge may ask for its message.
        self._turn.append(record)
        client_first = record[0] is not None and not record[1].optional
        del record  # it holds the initial response, and this frame may be shown
        if client_first:
            return self._begin(challenge)
        self.start()
        return self.step(challenge)

    @property
    def initial_optional(self) -> bool:
        """Whether what `start` has just returned may be left out: the server then speaks
        first, as if there were none.
        """
        return any(isinstance(r, ClientRecord) and r.optional for r in self._turn)

    def finish(self, data: bytes | None = None) -> None:
        """Take the protocol's success, with the data that it carried, if any.

        Raise ServerNotAuthenticated unless the mechanism is satisfied: the server said
        yes without keeping the mechanism's promises, so drop the connection. Raise
        ProtocolError for data where none can be.
        """
        if data is not None:
            must_be_octets(data)
        record = self._pop()
        if record is None:
            raise self._misused()
        if isinstance(record, ClientRecord):
            if data is not None:
                record = self._complete(record, data)
            if record.satisfied:
                self.layer = record.layer
                return
        del record  # an opening, which this frame must not show
        raise ServerNotAuthenticated(
            f"the server claimed success before {self.name} was finished"
        )

    def refused(
        self, reason: Reason, reply: str = "", *, tried: tuple[str, ...] = ()
    ) -> AuthenticationError:
        """Take the protocol's refusal: close the exchange, return the error to raise.

        `reply` is the server's own words, `tried` the mechanisms refused before.
        """
        record = self._pop()
        error = record.token_error if isinstance(record, ClientRecord) else None
        reply = printable(reply)
        message = f"the server refused {self.name}: {reason.value}"
        if error is not None:
            message += f", {printable(error.status)}"
        if reply:
            message += f" ({reply})"
        if tried:
            message += f"; before that, {', '.join(tried)}"
        return AuthenticationError(
            message,
            reason=reason,
            reply=reply,
            token_error=error,
            tried=(*tried, self.name),
        )

    def _begin(self, challenge: bytes) -> bytes:
        if not self.profile.opening_text and self._read(challenge):
            self._turn.clear()
            raise ProtocolError(
                f"{self.name} begins with the client: the challenge that asks for its"
                " first message must be empty"
            )
        return self.start() or self.profile.empty

    def _complete(self, record: ClientRecord, data: bytes) -> ClientRecord:
        """Take the mechanism's last message, which came with the success."""
        if not self.profile.success_data:
            raise ProtocolError("success carries no data in this protocol")
        message = self._read(data)
        if record.satisfied and not message:
            return record
        response, following = self._answer(record, message)
        if response or following is None:
            raise ProtocolError("success came before the mechanism's last message")
        return following

    def _pop(self) -> ClientRecord | ClientOpening | None:
        try:
            return self._turn.pop()
        except IndexError:
            return None

    def _misused(self) -> StateError:
        self._turn.clear()
        return StateError("the exchange is over, or another call is running in it")

    def _read(self, text: bytes) -> bytes:
        if len(text) > self.policy.max_message:
            problem = f"a message of more than {self.policy.max_message} octets"
        else:
            try:
                return self.profile.decode(text)
            except Malformed as error:
                problem = str(error)
        self._turn.clear()
        raise ProtocolError(problem)

    def _answer(
        self, record: ClientRecord, challenge: bytes
    ) -> tuple[bytes, ClientRecord | None]:
        try:
            outcome, following = record.receive(challenge, self)
        except Malformed as error:
            problem = str(error)
        else:
            if isinstance(outcome, bytes):
                return outcome, following
            raise outcome
        raise ProtocolError(problem)
