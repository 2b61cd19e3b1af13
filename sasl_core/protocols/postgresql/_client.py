"""A client's half of SASL in PostgreSQL: SCRAM-SHA-256, bound to the certificate or not.

The password that a server asks for in clear is PLAIN in other words.
"""

from __future__ import annotations

from ..._errors import CredentialsError, ProtocolError
from ..._policy import DEFAULT
from ..._saslprep import PrepError, saslprep
from ..._value import Secretive
from ...profiles import POSTGRESQL
from .. import _attempts as neutral
from . import _messages as messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..._channel import Channel
    from ..._policy import Policy
    from ..._profile import Profile
    from ..._values import Credentials

# All that the servers take whose client names its user in the StartupMessage.
MECHANISMS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
BINDING = "tls-server-end-point"  # the only type that they know


class Words(Secretive):
    """How a client writes the messages of an exchange."""

    __slots__ = ()

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Begin an exchange."""
        return messages.initial_response(name, initial)

    def response(self, text: bytes) -> bytes:
        """Answer a challenge."""
        return messages.message("p", text)

    def abort(self) -> bytes:
        """End the connection: there is no other way to cancel."""
        return messages.TERMINATE


class PasswordWords(Words):
    """How a client sends a password in clear: what PLAIN would carry."""

    __slots__ = ()

    def command(self, name: str, initial: bytes | None) -> bytes:
        """Write PLAIN's password."""
        _, _, password = (initial or b"").rpartition(b"\0")
        return messages.message("p", password + b"\0")


class Attempts(neutral.Attempts[Words]):
    """Authenticate by what AuthenticationSASL lists, or AuthenticationCleartextPassword.

    `offered` are the names of the list, None where the password is asked for in clear:
    it is sent where the policy lets PLAIN show it. One refusal ends the connection, so
    there is one attempt. A password that SASLprep refuses is taken as it is, as
    PostgreSQL does. Raise NoMechanism where none is acceptable, CredentialsError for an
    authzid that cannot be carried.
    """

    __slots__ = ()

    def __init__(
        self,
        offered: Iterable[str] | None,
        credentials: Credentials,
        *,
        channel: Channel,
        policy: Policy = DEFAULT,
        profile: Profile = POSTGRESQL,
    ) -> None:
        if offered is None and credentials.authzid not in ("", credentials.username):
            raise CredentialsError("a password in clear cannot carry an authzid")
        if offered is not None:
            allow = policy.allow
            ours = (n for n in MECHANISMS if allow is None or n in allow)
            policy = policy.replace(allow=ours)
            policy = policy.replace(
                prepare=policy.prepare and _can_prepare(credentials)
            )
        known = (one for one in channel.bindings if one.type == BINDING)
        super().__init__(
            offered or (),
            credentials,
            channel=channel.replace(bindings=known),
            policy=policy,
            profile=profile,
            words=Words(),
            fallback=PasswordWords() if offered is None else None,
        )

    def reply(self, kind: str, code: int, body: bytes | None) -> bytes | None:
        """Take an Authentication message ("R", with its code), or an ErrorResponse
        ("E"): return what to send, None when authenticated.

        With the code of AuthenticationOk, `body` is what AuthenticationSASLFinal carried
        before it, None for no such message. Where our own side fails, what is returned
        ends the connection, and `error` says why. Raise AuthenticationError where the
        server refuses, ServerNotAuthenticated where it accepts too early, ProtocolError
        or Malformed for what cannot be.
        """
        if kind == "E":
            state, text = messages.read_error(body or b"")
            reason = messages.reason_of(state)
            return self.refused(reason, f"{state} {text}", of_the_mechanism=False)
        if code == messages.OK:
            self.accepted(body)
            return None
        if code == messages.CONTINUE:
            return self.challenged(body or b"")
        raise self.error or ProtocolError("not an answer to a response")


def _can_prepare(credentials: Credentials) -> bool:
    password = credentials.password
    if password is None:
        return True
    try:
        return saslprep(password) != ""
    except PrepError:
        return False
