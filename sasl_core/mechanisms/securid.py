"""SECURID (RFC 2808): the passcode of a token, and what the server asks for besides.

    response  = [authzid] NUL authcid NUL passcode NUL [pin NUL]
    challenge = "passcode" NUL / "pin" NUL [suggested-pin NUL]

A challenge is answered with the whole response again: with the next passcode, or with a
new PIN, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .._errors import CredentialsError
from .._events import CheckPasscode, Failure, Success
from .._reasons import Reason
from .._states import Asking, ClientRecord, ServerRecord
from .._strict import Malformed, utf8
from .._values import Identity, PasscodePrompt
from . import _identities as identities
from . import _prompts as prompts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientMove, ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

_MAX_NAME = 255
_MAX_PASSCODE = _MAX_PIN = 32
_MAX_CHALLENGE = 64


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's first response, and the record that waits for more."""
    authzid = b""
    if credentials.authzid:
        authzid = identities.prepared(credentials.authzid, "authzid", terms.policy)
    username = identities.prepared(credentials.username, "user name", terms.policy)
    if max(len(authzid), len(username)) > _MAX_NAME:
        raise Malformed(f"SECURID carries names of {_MAX_NAME} octets at most")
    who = authzid + b"\0" + username + b"\0"
    passcode = _written(credentials.password or "", "passcode", _MAX_PASSCODE)
    return who + passcode, _AwaitVerdict(who, passcode, credentials)


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AwaitPasscode("", None)


@dataclass(slots=True)
class _AwaitVerdict(ClientRecord):
    who: bytes
    passcode: bytes = field(repr=False)
    credentials: Credentials
    satisfied = True

    def receive(self, challenge: bytes, terms: Terms) -> ClientMove:
        what, suggested = _read_challenge(challenge)
        given, problem = None, ""
        if self.credentials.prompt is not None:
            given, problem = prompts.ask(self.credentials.prompt, what, suggested)
        if given is None:
            nobody = f"the server asks for another {what}, and nobody can tell it"
            return CredentialsError(problem or nobody), None
        passcode, pin = self.passcode, b""
        try:
            if what == "pin":
                pin = _written(given, "PIN", _MAX_PIN)
            else:
                passcode = _written(given, "passcode", _MAX_PASSCODE)
        except Malformed as error:
            problem = str(error)
        if problem:
            return CredentialsError(problem), None
        following = _AwaitVerdict(self.who, passcode, self.credentials)
        return self.who + passcode + pin, following


class _AwaitPasscode(ServerRecord):
    """Wait for a response: the first, or the one to a prompt."""

    __slots__ = ("asked", "identity")

    def __init__(self, asked: str, identity: Identity | None) -> None:
        self.asked = asked
        self.identity = identity

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        authzid, authcid, passcode, pin = _fields(
            response, with_pin=self.asked == "pin"
        )
        policy, limit = terms.policy, _MAX_NAME
        username = identities.read(authcid, "user name", policy, limit=limit)
        wanted = ""
        if authzid:
            wanted = identities.read(authzid, "authzid", policy, limit=limit)
        identity = Identity(username, wanted)
        if self.identity not in (None, identity):
            raise Malformed("the second response is of somebody else")
        code = identities.read(passcode, "passcode", policy, limit=_MAX_PASSCODE)
        new_pin = None
        if self.asked == "pin":
            new_pin = identities.read(pin, "PIN", policy, limit=_MAX_PIN)
        asked = CheckPasscode(username, code, new_pin, self.asked)
        return asked, _AwaitCheck(identity)


@dataclass(slots=True)
class _AwaitCheck(Asking):
    identity: Identity

    def take(self, answer: bool | PasscodePrompt, terms: Terms) -> ServerMove:
        if isinstance(answer, PasscodePrompt):
            prompt = _write_challenge(answer)
            return prompt, _AwaitPasscode(answer.what, self.identity)
        if not answer:
            detail = "unknown user or wrong passcode"
            return Failure(Reason.BAD_CREDENTIALS, detail), None
        return Success(self.identity), None


def _fields(response: bytes, *, with_pin: bool) -> tuple[bytes, bytes, bytes, bytes]:
    fields = response.split(b"\0", 5)
    if len(fields) != (5 if with_pin else 4) or fields[-1]:
        raise Malformed(
            "SECURID is authzid, authcid and passcode, each with a NUL behind; a PIN"
            " where one was asked for (RFC 2808)"
        )
    authzid, authcid, passcode, *pin = fields[:-1]
    return authzid, authcid, passcode, b"".join(pin)


def _write_challenge(prompt: PasscodePrompt) -> bytes:
    # The RFC has a NUL behind "passcode", too. GNU SASL's client takes that for the end
    # of the exchange, and Cyrus SASL's reads it with and without.
    if prompt.what == "passcode":
        return b"passcode"
    suggested = prompt.suggested.encode()
    return b"pin\0%b\0" % suggested if suggested else b"pin\0"


def _read_challenge(challenge: bytes) -> tuple[str, str]:
    """Return what is asked for, and the PIN that the server suggests."""
    if challenge.rstrip(b"\0") == b"passcode":
        return "passcode", ""
    if challenge[:3] != b"pin" or len(challenge) > _MAX_CHALLENGE:
        raise Malformed("a challenge of SECURID is passcode or pin (RFC 2808)")
    # GNU SASL's server puts no NUL between the word and the suggested one.
    suggested = utf8(challenge[3:].removeprefix(b"\0").removesuffix(b"\0"))
    if not suggested.isprintable():
        raise Malformed("the suggested PIN has control characters")
    return "pin", suggested


def _written(text: str, what: str, most: int) -> bytes:
    octets = identities.write(text, what)
    if len(octets) > most:
        raise Malformed(f"the {what} is longer than {most} octets")
    return octets + b"\0"
