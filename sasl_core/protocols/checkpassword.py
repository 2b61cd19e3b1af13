"""The checkpassword interface, both sides: a program that knows passwords.

By cr.yp.to/checkpwd/interface.html: on descriptor 3 come up to 512 octets, login name,
password and timestamp, each with a NUL behind it, and perhaps more. The program exits
with 1 if the password is wrong, 2 if it is misused, 111 if it cannot tell now; or it
runs the program of its arguments, with USER, HOME and SHELL, and the rest, set.
"""

from __future__ import annotations

from contextlib import suppress

from .._channel import Channel
from .._errors import CredentialsError, ProtocolError
from .._events import Failure, Success
from .._policy import DEFAULT
from .._reasons import Reason
from .._strict import encoded
from .._value import Secretive
from .._values import Identity
from ._password_checks import check_password
from .forwarding import Refused, Verified

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._events import Event, Request
    from .._policy import Policy
    from .._server import Server

__all__ = [
    "ACCEPTED",
    "LIMIT",
    "MISUSED",
    "REFUSED",
    "UNAVAILABLE",
    "Input",
    "Refused",
    "Verified",
    "begin",
    "exit_code",
    "read",
    "verdict",
    "write",
]

LIMIT = 512
ACCEPTED, REFUSED, MISUSED, UNAVAILABLE = 0, 1, 2, 111

_OF_THE_PROGRAM = frozenset({Reason.MALFORMED, Reason.TOO_LONG, Reason.UNSUPPORTED})


class Input(Secretive):
    """What stood on descriptor 3; `timestamp` is the challenge of an APOP digest, which
    is then the `password`.
    """

    __slots__ = __match_args__ = ("username", "password", "timestamp", "rest")
    _secret = frozenset({"password", "rest"})

    def __init__(
        self, username: bytes, password: bytes, timestamp: bytes, rest: bytes
    ) -> None:
        self.username = username
        self.password = password
        self.timestamp = timestamp
        self.rest = rest


def read(octets: bytes) -> Input:
    """Read what stood on descriptor 3, to its end.

    The last field may lack its NUL. Raise ProtocolError for more than 512 octets, and
    where login name or password do not end.
    """
    problem = f"more than {LIMIT} octets" if len(octets) > LIMIT else ""
    username, *others = octets.split(b"\0", 3)
    if len(others) < 2:
        problem = problem or "login name and password end with a NUL each"
    if problem:
        del octets, others  # a traceback shows locals
        raise ProtocolError(problem)
    password, timestamp, *rest = others
    return Input(username, password, timestamp, rest[0] if rest else b"")


def write(username: str, password: str, timestamp: str = "") -> bytes:
    """Write what the program reads.

    Raise CredentialsError for an empty username or password, a NUL, which would make
    other fields of it, and for more than 512 octets, which would be cut.
    """
    problem, octets = "", b""
    with suppress(ValueError):
        octets = b"".join(
            b"%b\0" % encoded(text) for text in (username, password, timestamp)
        )
    if octets.count(b"\0") != 3 or len(octets) > LIMIT:
        problem = f"no UTF-8, a NUL, or more than {LIMIT} octets"
    if not username or not password:
        problem = "neither a username nor a password is empty"
    if problem:
        del password, octets  # a traceback shows locals
        raise CredentialsError(problem)
    return octets


def begin(
    given: Input,
    *,
    service: str = "",
    remote: str | None = None,
    policy: Policy = DEFAULT,
    answers: Iterable[type[Request]] | None = None,
) -> tuple[Server | None, Event]:
    """Begin to check a password, as the program does: as PLAIN's, over a channel that is
    encrypted. Return the exchange (None where the policy has no PLAIN), and an event:
    settle each Request until it is a Success or Failure; `exit_code` says what then.
    """
    channel = Channel(True, service=service, remote=remote)
    return check_password(
        given.username,
        given.password,
        channel=channel,
        policy=policy,
        answers=answers,
    )


def exit_code(outcome: Event) -> int:
    """Return the exit code of a program whose exchange came to this. Only a Success is
    0, and then it runs the program of its arguments.
    """
    if isinstance(outcome, Success):
        return ACCEPTED
    if not isinstance(outcome, Failure) or outcome.reason is Reason.UNAVAILABLE:
        return UNAVAILABLE
    return MISUSED if outcome.reason in _OF_THE_PROGRAM else REFUSED


def verdict(username: str, code: int) -> Verified | Refused:
    """Say what the exit code of a program means that was asked about this user.

    Whoever runs it makes sure that it has read descriptor 3: one that exits with 0
    without looking at the password has verified nothing.
    """
    if code == ACCEPTED:
        return Verified(Identity(username))
    if code == REFUSED:
        return Refused(Reason.BAD_CREDENTIALS, "the program refuses the password")
    return Refused(Reason.UNAVAILABLE, "the program could not tell")
