"""One exchange of many on a connection: its channel, its mechanism, its binding."""

from __future__ import annotations

from ..._channel import Channel, ChannelBinding
from ..._choosing import offer, server
from ..._errors import NoMechanism
from ..._events import Challenge, Failure
from ..._reasons import Reason
from ..._strict import Malformed, base64, folded, integer, utf8
from ..._value import Frozen, Secretive
from ...mechanisms import find
from ._words import (
    OUT_OF_BAND,
    WITH_DATA,
    WITHOUT_DATA,
    Fields,
    flags,
    read_parameters,
    write,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from ..._events import Event, Request
    from ..._policy import Policy
    from ..._server import Server
    from ...mechanisms import Mechanism

    Following: TypeAlias = "Event | WantsBinding"

_EVERY_BINDING = tuple(
    ChannelBinding(kind, b"any")
    for kind in ("tls-exporter", "tls-unique", "tls-server-end-point")
)


class Offer(Frozen):
    """What one connection may run. `external`: EXTERNAL; `binding`: -PLUS mechanisms.

    `names`: what could be run on one channel or another, for none is known yet.
    """

    __match_args__ = ("policy", "answers", "realm", "external", "binding")
    __slots__ = (*__match_args__, "names")

    policy: Policy
    answers: frozenset[type[Request]] | None
    realm: str | None
    external: bool
    binding: bool
    names: tuple[str, ...]

    def __init__(
        self,
        policy: Policy,
        answers: frozenset[type[Request]] | None,
        realm: str | None,
        external: bool,
        binding: bool,
    ) -> None:
        put = object.__setattr__
        put(self, "policy", policy)
        put(self, "answers", answers)
        put(self, "realm", realm)
        put(self, "external", external)
        put(self, "binding", binding)
        everything = Channel(
            True,
            external="somebody" if external else None,
            bindings=_EVERY_BINDING if binding else (),
        )
        names = offer(channel=everything, policy=policy, answers=answers)
        put(self, "names", names)

    def lines(self) -> list[bytes]:
        """Write the MECH lines."""
        found = filter(None, map(find, self.names))
        return [write(b"MECH", m.name.encode(), *flags(m)) for m in found]

    def begin(self, name: str, channel: Channel, given: Fields) -> Server:
        """Begin an exchange; raise NoMechanism."""
        if folded(name) not in self.names:
            raise NoMechanism({})
        begun = server(
            name,
            channel=channel,
            policy=self.policy,
            profile=WITH_DATA if "final-resp-ok" in given else WITHOUT_DATA,
            answers=self.answers,
            realm=self.realm,
        )
        # Who says that he would bind, but was not offered it, has been deceived.
        begun.plus = begun.plus or (
            channel.encrypted and f"{begun.name}-PLUS" in self.names
        )
        return begun


class WantsBinding(Frozen):
    """The client is to tell, out of band, what this `type` of binding is."""

    __slots__ = __match_args__ = ("type",)

    type: str

    def __init__(self, kind: str) -> None:
        object.__setattr__(self, "type", kind)


class Exchange(Secretive):
    """From AUTH on; `parameters` are its. `server` is None as long as a -PLUS mechanism
    waits for the binding that the client's first message names.
    """

    __slots__ = (
        "_binding",
        "_channel",
        "_held",
        "_mechanism",
        "_offer",
        "idle",
        "parameters",
        "server",
    )
    __match_args__ = ("parameters",)

    def __init__(self, terms: Offer, parameters: Fields) -> None:
        self.parameters = parameters
        self.server: Server | None = None
        self.idle = False  # since it was looked at last
        self._offer = terms
        self._channel = read_channel(parameters)
        self._mechanism: Mechanism | None = None  # the -PLUS one that waits
        self._binding: str | None = None
        self._held: bytes | None = None

    def start(self, name: bytes, initial: bytes | None) -> Following:
        """Take the mechanism, and the initial response, None for none."""
        mechanism = find(name.decode("ascii", "replace"))
        if mechanism is None or mechanism.name not in self._offer.names:
            return Failure(Reason.UNSUPPORTED, "a mechanism that is not on offer")
        policy, hidden = self._offer.policy, mechanism.shows or mechanism.encrypted
        shown = hidden and policy.cleartext != "always"
        needed = mechanism.plus or shown or policy.encryption == "require"
        if needed and not self._channel.encrypted:
            return Failure(Reason.ENCRYPTION_NEEDED, "not over an open channel")
        if mechanism.plus:
            self._mechanism = mechanism
            return Challenge(b"") if initial is None else self._first(initial)
        return self._begin(mechanism, self._channel, initial)

    def respond(self, text: bytes, parameters: list[bytes]) -> Following:
        """Take a response."""
        if self.server is not None:
            return self.server.step(text)
        if self._binding is None:
            return self._first(text)
        return self._bound(text, parameters)

    def abort(self, reason: Reason, detail: str) -> Failure:
        """End it from outside."""
        if self.server is None:
            return Failure(reason, detail)
        return self.server.abort(detail, reason=reason)

    def _begin(
        self, mechanism: Mechanism, channel: Channel, initial: bytes | None
    ) -> Event:
        try:
            self.server = self._offer.begin(mechanism.name, channel, self.parameters)
        except NoMechanism as error:
            return Failure(Reason.UNSUPPORTED, str(error))
        return self.server.start(initial)

    def _first(self, text: bytes) -> Following:
        """Look into the first message of a -PLUS mechanism for what it binds to
        (RFC 5801, section 4): its exchange begins when that is known. HT's names say it.
        """
        if len(text) > self._offer.policy.max_message:
            return Failure(Reason.TOO_LONG, "a message over the limit")
        if self._mechanism is not None and self._mechanism.binding:
            self._held, self._binding = text, self._mechanism.binding
            return WantsBinding(self._binding)
        flag = b""
        try:
            # "F," says that a GSS-API token lacks its standard frame.
            flag, _, _ = base64(text).removeprefix(b"F,").partition(b",")
            kind = utf8(flag.removeprefix(b"p="))
            ChannelBinding(kind, b"any")
        except ValueError:
            flag = b""
        if not flag.startswith(b"p="):
            return Failure(Reason.MALFORMED, "the first message binds to nothing")
        self._held, self._binding = text, kind
        return WantsBinding(kind)

    def _bound(self, text: bytes, parameters: list[bytes]) -> Following:
        held, self._held = self._held, None
        if self._mechanism is None or self._binding is None or text != OUT_OF_BAND:
            return Failure(Reason.MALFORMED, "not the channel binding that was due")
        try:
            said = read_parameters(parameters).get("channel_binding")
            data = base64(said.encode())
        except Malformed as error:
            return Failure(Reason.MALFORMED, str(error))
        binding = ChannelBinding(self._binding, data)
        channel = self._channel.replace(bindings=[binding])
        return self._begin(self._mechanism, channel, held)


def read_channel(given: Fields) -> Channel:
    """Make the facts of a channel of AUTH's parameters; raise Malformed.

    An identity counts only with a certificate that was valid, and `transport=insecure`
    outweighs `secured`.
    """
    port = given.get("lport")
    secured = "secured" in given or given.get("transport") in ("TLS", "trusted")
    certified = "valid-client-cert" in given
    return Channel(
        secured and given.get("transport") != "insecure",
        service=given.get("service") or given.get("protocol"),
        host=given.get("local_name"),
        port=integer(port.encode(), 0, 65535, "port") if port else None,
        external=given.get("cert_username") or None if certified else None,
        remote=given.get("rip") or None,
    )
