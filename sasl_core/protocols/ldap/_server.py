"""ServerSession: a server's half of LDAP authentication (RFC 4511, RFC 4513)."""

from __future__ import annotations

from ..._events import Authorize, Success
from ..._policy import DEFAULT
from ..._reasons import Reason
from ..._strict import Malformed, utf8
from ...profiles import LDAP
from .._server_session import ServerBase
from . import _messages as messages
from ._openldap import for_clients, meant
from ._words import Command, MessageBuffer, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..._channel import Channel
    from ..._events import Event, Request
    from ..._policy import Policy
    from ..._profile import Profile
    from ._words import Action


class ServerSession(ServerBase[Reply, Command]):
    """Everything that binding means on a server's connection, as `ServerBase`.

    Bind, StartTLS, unbind, and a search for the root DSE are answered here; every other
    operation is the application's, before a bind too: whether `identity` may do it is
    its business. `attributes` are the application's own of the root DSE, to which the
    mechanisms are added. `message_limit`: the most octets of a message.

    `simple`, a function that never raises, turns the name in a simple bind (a DN) into a
    user name, and returns one that it does not know as it is: then a simple bind is
    PLAIN in other words. Without it there is none, but with `anonymous` the one without
    name and password, which logs in nobody.

    An authzid's "u:" is taken off: the application is asked about the user's name
    (RFC 4513, section 5.2.1.8); a "dn:" it sees.
    """

    __slots__ = (
        "_anonymous",
        "_attributes",
        "_limit",
        "_mechanism",
        "_message",
        "_simple",
    )

    def __init__(
        self,
        channel: Channel,
        *,
        policy: Policy = DEFAULT,
        answers: Iterable[type[Request]] | None = None,
        realm: str | None = None,
        starttls: bool = False,
        attributes: Mapping[str, Iterable[str]] | None = None,
        simple: Callable[[str], str] | None = None,
        anonymous: bool = False,
        message_limit: int = 262_144,
        max_failures: int = 3,
        profile: Profile = LDAP,
    ) -> None:
        self._limit = message_limit
        super().__init__(
            for_clients(channel),
            policy=policy,
            answers=answers,
            realm=realm,
            starttls=starttls,
            max_failures=max_failures,
            profile=profile,
        )
        self._attributes = {k: tuple(v) for k, v in (attributes or {}).items()}
        self._simple = simple
        self._anonymous = anonymous

    @property
    def timed_out(self) -> Reply:
        """What to say to a client that was waited for in vain, before closing."""
        return _disconnection(messages.UNAVAILABLE, "waited too long")

    def secured(self, channel: Channel) -> Reply | None:
        """Go on over TLS, as `ServerBase`."""
        return super().secured(for_clients(channel))

    def root_dse(self) -> dict[str, tuple[str, ...]]:
        """Return the root DSE's attributes as they apply now."""
        found: dict[str, tuple[str, ...]]
        found = {"objectClass": ("top",), "supportedLDAPVersion": ("3",)}
        found |= self._attributes
        if names := self._offer():
            found["supportedSASLMechanisms"] = names
        if self._starttls and not self.channel.encrypted:
            extensions = found.get("supportedExtension", ())
            found["supportedExtension"] = (*extensions, messages.START_TLS)
        return found

    def _buffer(self) -> MessageBuffer:
        return MessageBuffer(self._limit)

    def _forget(self) -> None:
        super()._forget()
        self._message = messages.Message(0, messages.BIND)
        self._mechanism = b""

    def _take(self, line: bytes) -> Action:
        try:
            message = self._message = messages.read(line)
            if message.tag not in messages.RESPONSES or message.message_id == 0:
                raise Malformed("no client's message (RFC 4511, section 4.1.1)")
            return self._operation(message)
        except Malformed as error:
            # Section 4.1.1: after what cannot be read, nothing can be relied on.
            if self._server is not None:
                self._give_up(Reason.MALFORMED, str(error))
            return self._end(_disconnection(messages.PROTOCOL_ERROR, str(error)))

    def _operation(self, message: messages.Message) -> Action:
        command = Command(*message._fields())
        if message.tag == messages.UNBIND:
            return self._end(Reply(close=True))
        if message.tag == messages.BIND:
            return self._bind(message)
        if self._server is not None:
            # As OpenLDAP: the exchange waits for its next request.
            return command.done(messages.OPERATIONS_ERROR, "a bind is in progress")
        if message.tag == messages.SEARCH:
            wanted = messages.read_root_dse_request(message.body)
            if wanted is not None and not message.critical:
                return command.done(before=self._root_dse_entry(*wanted))
        if message.tag == messages.EXTENDED:
            name, value = messages.read_extended(message.body)
            if name == messages.START_TLS:
                if message.critical:
                    return command.done(messages.CRITICAL_EXTENSION, "unknown control")
                return self._begin_tls(command, value)
        return command

    def _bind(self, message: messages.Message) -> Action:
        version, name, mechanism, credentials, simple = messages.read_bind(message.body)
        # RFC 4513, section 4: whatever comes of it, nobody is logged in till then.
        self.success = None
        exchange = self._server
        if exchange is not None and mechanism == self._mechanism:
            return self._follow(exchange.step(credentials or b""))
        if exchange is not None:
            # Section 4.2.1: another mechanism, or none, ends it.
            self._give_up(Reason.ABORTED, "the client began another bind")
        if message.critical:
            return self._say(messages.CRITICAL_EXTENSION, "unknown control")
        if version != 3:
            return self._say(messages.PROTOCOL_ERROR, "LDAP has version 3 here")
        if simple:
            return self._bind_simply(name, credentials or b"")
        if not mechanism:
            return self._refusal(Reason.UNSUPPORTED)
        self._mechanism = mechanism
        return self._authenticate(meant(mechanism, credentials), credentials)

    def _bind_simply(self, name: bytes, password: bytes) -> Action:
        if not password:
            if name:
                # RFC 4513, section 5.1.2: many take its success for a right password.
                return self._say(messages.UNWILLING, "the password is empty")
            if self._anonymous:
                return self._say(messages.SUCCESS, "")
            return self._say(messages.INAPPROPRIATE, "who are you?")
        if self._simple is None:
            return self._refusal(Reason.UNSUPPORTED)
        return self._check_password(self._simple(utf8(name)).encode(), password)

    def _begin_tls(self, command: Command, value: bytes | None) -> Reply | Command:
        if not self._starttls or value is not None:
            return command.done(messages.PROTOCOL_ERROR, "StartTLS is not offered")
        if self.channel.encrypted or self.layer is not None:
            return command.done(messages.OPERATIONS_ERROR, "a layer is there already")
        self.wants_tls = True
        return command

    def _root_dse_entry(self, wanted: list[str], bare: bool) -> bytes:
        """Write the root DSE: what it is made of is operational (RFC 4512, section 5.1),
        so it is named, or asked for by "+".
        """
        if not wanted:
            wanted = ["*"]
        found = {
            name: () if bare else values
            for name, values in self.root_dse().items()
            if name.lower() in wanted
            or ("*" if name == "objectClass" else "+") in wanted
        }
        return messages.entry(self._message.message_id, "", found)

    def _follow(self, event: Event) -> Action:
        if isinstance(event, Authorize):
            event.authzid = _user(event.authzid)
            if event.authzid == event.authcid:
                return self._follow(event.answer(True))
        elif isinstance(event, Success):
            identity = event.identity
            if identity.authzid != identity.authcid:
                identity.authzid = _user(identity.authzid)
        return super()._follow(event)

    def _challenge(self, data: bytes) -> Reply:
        return self._say(messages.IN_PROGRESS, "", data)

    def _accepted(self, success: Success) -> Reply:
        return self._say(messages.SUCCESS, "", success.data)

    def _refusal(self, reason: Reason) -> Reply:
        code = int(self._profile.reply(reason).partition(" ")[0])
        return self._say(code, reason.value)

    def _too_many(self) -> Reply:
        text = "too many failed attempts"
        return self._say(messages.UNWILLING, text, close=True)

    def _injected(self) -> Reply:
        return _disconnection(messages.PROTOCOL_ERROR, "nothing may follow StartTLS")

    def _ready(self) -> Reply:
        return Reply(
            messages.extended_response(
                self._message.message_id, messages.SUCCESS, name=messages.START_TLS
            )
        )

    def _closing(self) -> Reply:
        return _disconnection(messages.UNAVAILABLE, "the connection is being closed")

    def _say(
        self,
        code: int,
        text: str,
        credentials: bytes | None = None,
        *,
        close: bool = False,
    ) -> Reply:
        message_id = self._message.message_id
        octets = messages.bind_response(message_id, code, text, credentials)
        return Reply(octets, close=close)


def _user(authzid: str) -> str:
    """Take off what stands before a user's name (RFC 4513, section 5.2.1.8)."""
    return authzid.removeprefix("u:") or authzid


def _disconnection(code: int, text: str) -> Reply:
    """Write the Notice of Disconnection (section 4.4.1)."""
    name = messages.DISCONNECTION
    return Reply(messages.extended_response(0, code, text, name=name), close=True)
