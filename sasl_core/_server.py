"""Server: one exchange of the server's side, and its only guard."""

from __future__ import annotations

from ._errors import StateError
from ._events import Authorize, Challenge, Failure, Request, Success
from ._reasons import Reason
from ._requests import Confirm
from ._states import Asking, ServerRecord
from ._strict import Malformed, must_be_octets
from ._value import Secretive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._advertised import Advertised
    from ._channel import Channel
    from ._events import Event
    from ._policy import Policy
    from ._profile import Profile
    from ._states import Terms
    from .mechanisms import Mechanism


class Server(Secretive):
    """One exchange, from the server's side: `start`, `step` for each response.

    Made by `server()`. No octets from a client make it raise; only calls in the wrong
    order do (StateError). It can be deep-copied, never pickled.
    """

    __slots__ = (
        "_confirms",  # who succeeds is to be confirmed; `backends.Application` sets it, too
        "_notes",  # what `backends.Application` knows of it; not set before that
        "_takes_initial",
        "_turn",
        "advertised",
        "channel",
        "name",
        "plus",
        "policy",
        "profile",
        "realm",
        "username",
    )
    __match_args__ = ("name",)

    _notes: Any
    needs_summary = False

    def __init__(
        self,
        mechanism: Mechanism,
        channel: Channel,
        policy: Policy,
        profile: Profile,
        plus: bool,
        realm: str | tuple[str, ...] | None,
        nonce: bytes | None,
        username: str = "",
    ) -> None:
        self.name = mechanism.name
        self.channel = channel
        self.policy = policy
        self.profile = profile
        self.plus = plus
        self.advertised: Advertised | None = None
        self.realm = realm
        self.username = username  # whom the protocol named before the exchange
        self._takes_initial = mechanism.initial_response
        self._confirms = policy.confirm and (mechanism.external or mechanism.rare)
        # One item, whose turn it is: the opening, a tuple, a record or a request; none
        # while that runs, and after the end. pop() is atomic: of two threads, one gets
        # the item and the other a StateError.
        self._turn: list[Any] = [mechanism.server(self, nonce)]

    def start(self, initial: bytes | None = None) -> Event:
        """Begin, with the client's initial response if it sent one.

        None: it sent none, and gets the first challenge. b"" (or the profile's word for
        it, "="): it sent an empty one.
        """
        if initial is not None and not isinstance(initial, bytes):
            must_be_octets(initial)
        opening = self._pop()
        if not isinstance(opening, tuple):
            raise self._misused(opening)
        challenge, record = opening
        if initial is None:
            return self._move(challenge, record)
        if not self._takes_initial:
            return Failure(
                Reason.UNEXPECTED_INITIAL, f"{self.name} takes no initial response"
            )
        if initial == self.profile.empty_initial:
            initial = b""
        return self._receive(record, initial, record.begin)

    def step(self, response: bytes) -> Event:
        """Take a response, in the profile's form, base64 by default."""
        if not isinstance(response, bytes):
            must_be_octets(response)
        record = self._pop()
        if not isinstance(record, ServerRecord):
            raise self._misused(record)
        return self._receive(record, response, record.receive)

    def abort(
        self,
        detail: str = "the connection is gone",
        *,
        reason: Reason = Reason.ABORTED,
    ) -> Failure:
        """End the exchange from outside, even while another thread runs a step of it:
        the client vanished, the server shuts down.
        """
        waiting, self._turn = self._pop(), _Nobody()
        if isinstance(waiting, ServerRecord):
            return _failure(waiting, reason, detail)
        return Failure(reason, detail)

    def _receive(
        self,
        record: ServerRecord,
        response: bytes,
        receive: Callable[[bytes, Terms], Any],
    ) -> Event:
        if len(response) > self.policy.max_message:
            detail = f"a response of more than {self.policy.max_message} octets"
            return _failure(record, Reason.TOO_LONG, detail)
        profile = self.profile
        if response == profile.abort:
            return _failure(record, Reason.ABORTED, "the client aborted")
        try:
            outcome, following = receive(profile.decode(response), self)
        except Malformed as error:
            return _failure(record, Reason.MALFORMED, str(error))
        return self._move(outcome, following)

    def _pop(self) -> Any:
        try:
            return self._turn.pop()
        except IndexError:
            return None

    def _misused(self, waiting: Any) -> StateError:
        """Close the exchange for a call that is not what it waited for."""
        self._turn.clear()
        if waiting is None:
            return StateError("the exchange is over, or another call is running in it")
        due = "step()"
        if isinstance(waiting, Request):
            due = f"the answer to {type(waiting).__name__}"
        elif isinstance(waiting, tuple):
            due = "start()"
        return StateError(f"the exchange waited for {due}; this has ended it")

    def _move(
        self,
        outcome: bytes | Request | Success | Failure | _Authorized,
        following: Any,
    ) -> Event:
        if isinstance(outcome, Request):
            outcome._server = self
            outcome._record = following
            self._turn.append(outcome)
        elif isinstance(outcome, bytes):
            challenge = Challenge(self.profile.encode(outcome))
            self._turn.append(following)  # last: an interrupt leaves it closed
            return challenge
        elif isinstance(outcome, Success):
            outcome.mechanism = self.name
            identity = outcome.identity
            if self._confirms:
                self._confirms = False  # once
                asked = Confirm(identity.authcid)
                return self._move(asked, _AwaitConfirmation(outcome))
            if identity.authzid != identity.authcid:
                may = Authorize(identity.authcid, identity.authzid)
                return self._move(may, _AwaitAuthorization(outcome))
            if outcome.data is not None:
                return self._deliver(outcome, outcome.data)
        elif isinstance(outcome, _Authorized):
            success = outcome.success
            if success.data is not None:
                return self._deliver(success, success.data)
            return success
        return outcome

    def _deliver(self, success: Success, data: bytes) -> Event:
        text = self.profile.encode(data)
        if self.profile.success_data:
            success.data = text
            return success
        # The protocol's success cannot carry the last data: it goes as one more
        # challenge, which the client answers with nothing (RFC 4422, section 3.6).
        success.data = None
        challenge = Challenge(text)
        self._turn.append(_AwaitAcknowledgement(success))
        return challenge


def _failure(record: ServerRecord, reason: Reason, detail: str) -> Failure:
    """Make a failure, unless the credentials were refused before: then that counts."""
    if record.refused:
        return Failure(Reason.BAD_CREDENTIALS, record.refused)
    return Failure(reason, detail)


class _Nobody(list[object]):
    """A turn that nobody gets any more."""

    def append(self, item: object) -> None:
        """Leave it empty."""


class _AwaitAuthorization(Asking):
    __slots__ = ("success",)

    def __init__(self, success: Success) -> None:
        self.success = success

    def take(self, answer: bool, terms: Terms) -> Any:  # no mechanism's move
        if not answer:
            return Failure(Reason.NOT_AUTHORIZED, "may not act as that identity"), None
        return _Authorized(self.success), None


class _AwaitConfirmation(_AwaitAuthorization):
    __slots__ = ()

    def take(self, answer: bool, terms: Terms) -> Any:  # no mechanism's move
        if not answer:
            return Failure(Reason.BAD_CREDENTIALS, "nobody who may log in"), None
        return self.success, None


class _Authorized:
    """A success that was asked about: not a Success, so that none passes unasked."""

    __slots__ = ("success",)

    def __init__(self, success: Success) -> None:
        self.success = success


class _AwaitAcknowledgement(ServerRecord):
    __slots__ = ("success",)

    def __init__(self, success: Success) -> None:
        self.success = success

    def receive(self, response: bytes, terms: Terms) -> Any:  # no mechanism's move
        if response:
            raise Malformed("the response to the last challenge must be empty")
        return _Authorized(self.success), None
