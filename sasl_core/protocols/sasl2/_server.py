"""The server's side: an exchange, the upgrades that its client asked for, the success."""

from __future__ import annotations

from ..._advertised import Advertised
from ..._events import Success
from ..._hashed_token import HT_NAMES
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._requests import FindHashedTokens, UseHashedToken
from ..._strict import Malformed, folded
from .._element_server import ElementServer
from . import _fast as fast
from . import _upgrade as upgrade
from ._element import NAMESPACE, Element
from ._words import CONDITIONS, PROFILE, message, octets, write_bindings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._events import Event, Request
    from ..._policy import Policy

_LONGEST_DEVICE = 128  # characters; a UUID has 36
_TOKEN_REQUESTS = frozenset({FindHashedTokens, UseHashedToken})


class ServerSession(ElementServer[Element]):
    """Everything that SASL2 means on a stream, as `ServerBase`: of Elements, not lines.

    Put `features` into the stream's. There is no STARTTLS here. After `max_failures`
    failed attempts the next closes the stream. `domain`: of the JID that a success
    tells, the channel's host if it is empty.

    FAST is offered where `answers` name UseHashedToken and FindHashedTokens, which has the
    client's `device`. Before a success is sent, look at `forgets`: the token that was used
    is to be revoked; and at `token_for`: the mechanism for which one `asks_token`, or that
    of the token that was used and may be due for another. Issue it to the `device` of who
    logged in, the authcid, not of whom he acts as, and add `issued` to the success.

    `upgrades`: the tasks of XEP-0480 to offer, such as "UPGR-SCRAM-SHA-512", where
    `answers` name SaveScramKeys; each that the client asks for raises one before the
    success, if it has proved its password. Raise ValueError for a task that is none.
    """

    __slots__ = (
        "_domain",
        "_fast_policy",
        "_login",
        "_task",
        "_tasks",
        "_upgrades",
        "asks_token",
        "device",
        "forgets",
        "token_for",
    )

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        max_failures: int = 3,
        domain: str = "",
        upgrades: Iterable[str] = (),
    ) -> None:
        super().__init__(
            channel,
            policy=policy,
            answers=answers,
            realm=realm,
            starttls=False,
            max_failures=max_failures,
            profile=PROFILE,
        )
        self._fast_policy: Policy | None = None  # None: there is no FAST
        if self._answers is not None and self._answers >= _TOKEN_REQUESTS:
            self._fast_policy = fast.policy_for(policy)
        self._domain = domain or channel.host
        self._upgrades = upgrade.feasible(
            upgrades, channel=channel, policy=policy, answers=self._answers
        )
        self._login: Success | None = None  # of an exchange whose tasks go on
        self._tasks: list[str] = []  # that are due after it
        self._task = ""  # the one that the last element told
        self.device = ""  # the client's name for its installation
        self.asks_token = False
        self.forgets = False
        self.token_for = ""

    def features(self) -> tuple[Element, ...]:
        """Return what to put into the stream's features, as it applies now.

        What it says of mechanisms and channel bindings is what SCRAM proves (XEP-0474).
        """
        names = [name for name in self._offer() if name not in HT_NAMES]
        if not names or self.success is not None:
            return ()
        types = [one.type for one in self.channel.bindings]
        self.advertised = Advertised(names, types or None)
        offer = [Element("mechanism", name) for name in names]
        tokens = self._tokens()
        if tokens:
            offer.append(fast.write_offer(tokens))
        offer += upgrade.write(self._upgrades)
        authentication = Element("authentication", children=offer)
        return (authentication, write_bindings(types)) if types else (authentication,)

    def _element(self, element: Element) -> Element | Request:
        exchange, login = self._server, self._login
        match element.name if element.namespace == NAMESPACE else "":
            case "abort" if not self.success:
                return self._refuse(Reason.ABORTED, "the client aborted")
            case "authenticate" if not (exchange or login or self.success):
                return self._begin(element)
            case "response" if exchange is not None and login is None:
                return self._step(exchange, octets(element.text))
            case "next" if login is not None and exchange is None:
                if element.get("task") == self._task:
                    return self._begin_task(login)
            case "task-data" if exchange is not None and login is not None:
                try:
                    hashed = upgrade.read_hash(element)
                except Malformed as error:
                    return self._refuse(Reason.MALFORMED, str(error))
                return self._follow(exchange.step(hashed))
        self._ending = True  # nothing else may come (sections 2.4 and 4.8)
        return self._refuse(Reason.MALFORMED, "an element that was not due")

    def _begin(self, element: Element) -> Element | Request:
        name = element.get("mechanism")
        agent = element.child("user-agent")
        self.device = agent.get("id") if agent else ""
        by_fast, self.forgets = fast.read_use(element)
        if len(self.device) > _LONGEST_DEVICE or (by_fast and not self.device):
            return self._refuse(
                Reason.MALFORMED, "no device, or too long a name of one"
            )
        tokens = self._tokens()
        wanted = fast.read_request(element)
        self.asks_token = bool(self.device) and wanted in tokens
        self.token_for = wanted if self.asks_token else ""
        if by_fast and not (self.asks_token or self.forgets):
            self.token_for = name
        tasks = self._upgrades if upgrade.follows(name) else ()
        self._tasks = upgrade.read(element, tasks)
        # HT is run for FAST, and nothing else is: another would bypass its rules.
        if by_fast != (folded(name) in HT_NAMES) or (by_fast and name not in tokens):
            return self._refuse(Reason.UNSUPPORTED, "a token, or none, where it is due")
        return self._authenticate(
            octets(name),
            message(element, "initial-response"),
            self._fast_policy if by_fast else None,
        )

    def _tokens(self) -> tuple[str, ...]:
        """Return the mechanisms of FAST that are on offer."""
        if self._fast_policy is None:
            return ()
        names = self._offer(policy=self._fast_policy)
        return tuple(name for name in names if name in HT_NAMES)

    def _begin_task(self, login: Success) -> Element | Request:
        task, self._task = self._task, ""
        self._server = upgrade.begin(
            task,
            login.identity.authcid,
            channel=self.channel,
            policy=self._policy,
        )
        return self._follow(self._server.start())

    def _follow(self, event: Event) -> Element | Request:
        """Go on with the event, until nothing more is due between it and success."""
        if isinstance(event, FindHashedTokens):
            event.device = self.device
        if not isinstance(event, Success):
            return super()._follow(event)
        data = None
        if self._server is not None:
            self._decision = self._server, event
            self._server = None
        if self._login is None:
            self._login, data = event, event.data
        children = []
        if data is not None:
            children.append(Element("additional-data", data.decode()))
        if self._tasks:
            self._task = self._tasks.pop(0)
            task = Element("task", self._task)
            return Element(
                "continue", children=[*children, Element("tasks", children=[task])]
            )
        self.success, self._login = self._login, None
        jid = self.success.identity.authzid
        jid = jid if "@" in jid else f"{jid}@{self._domain}"
        children.append(Element("authorization-identifier", jid))
        return Element("success", children=children)

    def _challenge(self, data: bytes) -> Element:
        if self._login is not None:
            return upgrade.write_challenge(data)
        return Element("challenge", data.decode())

    def _refusal(self, reason: Reason) -> Element:
        # What had succeeded before a task that failed is nothing.
        self._login, self._tasks, self._task = None, [], ""
        self.asks_token, self.forgets, self.token_for = False, False, ""
        return self._failure(self._profile.reply(reason))

    def _too_many(self) -> Element:
        self._ending = True
        return self._failure("not-authorized")

    def _failure(self, condition: str) -> Element:
        said = Element(condition, namespace=CONDITIONS)
        return Element("failure", children=[said], close=self._ending)
