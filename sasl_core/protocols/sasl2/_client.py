"""The client's side: by a token where it has one, else by what its credentials feed."""

from __future__ import annotations

from ..._choosing import client
from ..._errors import AuthenticationError, NoMechanism, ProtocolError, StateError
from ..._hashed_token import HT_NAMES
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import printable
from ..._value import Secretive
from .._attempts import Attempts
from .._capabilities import mechanism_names
from .._exchange import Exchange, LineWords
from ..xmpp import reason_of
from . import _fast as fast
from . import _upgrade as upgrade
from ._element import NAMESPACE, Element
from ._words import (
    CONDITIONS,
    PROFILE,
    message,
    octets,
    read_advertised,
    words,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._policy import Policy
    from ..._values import Credentials, TokenError
    from ...layers import Layer

# A refusal for one of these says nothing of the token.
_NOT_OF_THE_TOKEN = (Reason.UNAVAILABLE, Reason.DISABLED, Reason.ABORTED)


class ClientSession(Secretive):
    """Authenticate with what a stream's `features` offer; raise NoMechanism where no
    mechanism will do.

    Send what `begin` returns, hand what comes to `receive` and send what that returns,
    until `authenticated`; then `jid` is who one is. None is returned instead of an
    element when `wants_token`: ask the source of the bearer token, with `token_error`,
    and go on with `give_token`.

    Where the credentials have a hashed token, and the features FAST, the token is proved
    first; after its refusal the rest of the credentials is tried. `token` is the one to
    keep for the next time, until `expiry` if that is known: None after a refusal.
    `remember`: ask for one, for the strongest mechanism that the channel and the policy
    allow. `forget`: have the server forget the token with this login.

    `device`: a UUID by which the server knows this installation, without which there is
    no FAST; `inline`: what else is negotiated in `<authenticate/>`. `upgrades`: the tasks
    of XEP-0480 to do where the server offers them, such as "UPGR-SCRAM-SHA-512", after a
    login that proves it or shows it the password; ValueError for one that is none.
    """

    __slots__ = (
        "_advertised",
        "_asked",
        "_channel",
        "_device",
        "_exchange",
        "_fast",
        "_forget",
        "_inline",
        "_over",
        "_policy",
        "_proved",
        "_remember",
        "_task",
        "_tasks",
        "_wanted",
        "authenticated",
        "credentials",
        "expiry",
        "jid",
        "token",
    )
    __match_args__ = ("mechanism", "authenticated")

    _exchange: Attempts[LineWords] | Exchange[LineWords]

    def __init__(
        self,
        features: Element,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        device: str = "",
        inline: Iterable[Element] = (),
        remember: bool = False,
        forget: bool = False,
        upgrades: Iterable[str] = (),
    ) -> None:
        self._advertised = read_advertised(features)
        self._channel = channel
        self._policy = policy
        self._device = device
        self._fast = fast.read_offer(features) if device else ()
        self._forget = forget
        self._inline = tuple(inline)
        self._remember = remember
        able = upgrade.feasible(upgrades, channel=channel, policy=policy)
        self._tasks: list[str] = []  # which the server offers
        if credentials.password:
            self._tasks = upgrade.read(features.child("authentication"), able)
        self._asked: list[str] = []  # those that may follow this login
        self._task = ""  # the one for which a salt is due
        self._over = False
        self._proved = False
        self._wanted = ""  # the mechanism of the token that may come
        self.authenticated = False
        self.credentials = credentials
        self.expiry = ""
        self.jid = ""
        self.token = credentials.hashed_token
        try:
            self._exchange = self._by_token()
        except NoMechanism:
            self._exchange = self._by_the_rest()

    @property
    def mechanism(self) -> str:
        """The mechanism that is tried now, or was last."""
        return self._exchange.name

    @property
    def wants_token(self) -> bool:
        """Whether the source of the credentials' bearer token is to be asked now."""
        exchange = self._exchange
        waits = isinstance(exchange, Attempts) and exchange.wants_token
        return waits and not self._over

    @property
    def token_error(self) -> TokenError | None:
        """What the server said of the last bearer token: for the source."""
        exchange = self._exchange
        return exchange.token_error if isinstance(exchange, Attempts) else None

    @property
    def layer(self) -> Layer | None:
        """What everything goes through once `authenticated`; None: as it is."""
        return self._exchange.layer if self.authenticated else None

    def begin(self) -> Element | None:
        """Return the first element to send."""
        return self._authenticate(self._exchange.command())

    def give_token(self, token: str) -> Element | None:
        """Take what the source of bearer tokens gave; return what to send."""
        if not isinstance(self._exchange, Attempts):
            raise StateError("no bearer token is due")
        return self._authenticate(self._exchange.take_token(token))

    def receive(self, element: Element) -> Element | None:
        """Take an element; return what to send, None after success.

        Raise AuthenticationError where the server refuses, ServerNotAuthenticated where
        it accepts without having proved itself: close the stream, and ProtocolError for
        an element that cannot be; StateError after the end.
        """
        if self._over:
            raise StateError("the exchange is over")
        self._over = True
        match element.name if element.namespace == NAMESPACE else "":
            case "failure":
                # Not over, where that leads to another attempt.
                line = self._refused(element)
                self._over = False
                return self._authenticate(line)
            case "success":
                self._accept(element)
                return None
            case "challenge" if not self._proved:
                answer = self._exchange.challenged(octets(element.text))
                self._over = False
                if self._exchange.error is not None:
                    return Element("abort")
                return Element("response", answer.decode())
            case "continue" if not self._task:
                self._prove(element)
                self._task = upgrade.chosen(element.child("tasks"), self._asked)
                self._over = False
                return Element("next", attributes={"task": self._task})
            case "task-data" if self._task:
                following = upgrade.answer(
                    self._task,
                    element,
                    self.credentials,
                    channel=self._channel,
                    policy=self._policy,
                )
                self._task = ""
                self._over = False
                return following
        raise self._exchange.error or ProtocolError("no element of SASL that was due")

    def _by_token(self) -> Exchange[LineWords]:
        """Begin with the token; raise NoMechanism where it is of no use here."""
        chosen = client(
            self._fast,
            self.credentials,
            channel=self._channel,
            policy=fast.policy_for(self._policy),
            profile=PROFILE,
        )
        return Exchange(chosen, LineWords("auth", PROFILE))

    def _by_the_rest(self) -> Attempts[LineWords]:
        self._wanted = ""
        if self._remember:
            self._wanted = fast.strongest(
                self._fast,
                self.credentials,
                channel=self._channel,
                policy=fast.policy_for(self._policy),
            )
        names = mechanism_names(self._advertised.mechanisms)
        return Attempts(
            [name for name in names if name not in HT_NAMES],
            self.credentials,
            channel=self._channel,
            policy=self._policy,
            profile=PROFILE,
            words=LineWords("auth", PROFILE),
            advertised=self._advertised,
        )

    def _authenticate(self, line: bytes) -> Element | None:
        if self.wants_token:
            return None
        _, mechanism, *initial = line.decode().split(" ")
        children = [Element("initial-response", text) for text in initial]
        if self._device:
            children.append(Element("user-agent", attributes={"id": self._device}))
        children += self._inline
        self._asked = []
        if isinstance(self._exchange, Exchange):
            self._wanted = mechanism
            children.append(fast.use(forget=self._forget))
        else:
            if self._wanted:
                children.append(fast.request(self._wanted))
            if upgrade.is_safe_after(mechanism):
                self._asked = list(self._tasks)
                children += upgrade.write(self._asked)
        name = {"mechanism": mechanism}
        return Element("authenticate", children=children, attributes=name)

    def _prove(self, element: Element) -> None:
        """Take the end of the exchange, with the message that came along."""
        data = message(element, "additional-data")
        if self._proved and data is not None:
            raise ProtocolError("a message of an exchange that is over")
        if not self._proved:
            self._exchange.accepted(data)
            self._proved = True

    def _accept(self, element: Element) -> None:
        self._prove(element)
        if isinstance(self._exchange, Exchange) and self._forget:
            self.token = None
        issued = fast.read_issued(element, self._wanted) if self._wanted else None
        if issued is not None:
            self.token, self.expiry = issued
        self.jid = "".join(words(element, "authorization-identifier"))
        self.authenticated = True

    def _refused(self, element: Element) -> bytes:
        """Return the line of the next attempt; raise the refusal if there is none."""
        found = [one.name for one in element.children if one.namespace == CONDITIONS]
        condition, text = "".join(found[:1]), "".join(words(element, "text"))
        reason = reason_of(condition)
        reply = f"{condition}: {text}" if text else condition
        if self._proved:
            reply = printable(reply)
            raise AuthenticationError(
                f"the server refused after {self.mechanism}: {reply}",
                reason=reason,
                reply=reply,
            )
        if isinstance(self._exchange, Attempts):
            return self._exchange.refused(reason, reply)
        refusal = self._exchange.refusal(reason, reply)
        if reason in _NOT_OF_THE_TOKEN:
            raise refusal
        # Whatever is wrong with it, it is good no longer (section 4.1).
        self.token = None
        self.credentials = self.credentials.replace(hashed_token=None)
        try:
            self._exchange = self._by_the_rest()
        except NoMechanism:
            raise refusal from None
        return self._exchange.command()
