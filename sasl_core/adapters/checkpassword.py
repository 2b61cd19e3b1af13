"""Run a checkpassword program, or be one: for qmail, Courier, Dovecot and others.

The password goes through descriptor 3, and nowhere else.
"""

from __future__ import annotations

import array
import fcntl
import os
import signal
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from .._errors import ProtocolError
from .._events import Failure, Request, Success
from .._policy import DEFAULT
from .._reasons import Reason
from ..protocols import checkpassword
from ..protocols.checkpassword import Refused, Verified

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .._policy import Policy
    from ..backends import Application

__all__ = ["Refused", "Verified", "run", "verify"]

_DESCRIPTOR = 3
_AUTHORIZED = "AUTHORIZED"
_UNKNOWN = 3  # Dovecot's, of a user who was looked up and not found


def verify(
    command: Sequence[str],
    username: str,
    password: str,
    *,
    environment: Mapping[str, str] | None = None,
    timeout: float = 30.0,
) -> Verified | Refused:
    """Ask a program; `command` is its path and arguments, of which the first is mostly
    the program that it runs after a success: `["/bin/checkpassword", "/bin/true"]`.

    Only one that exits with 0, and has read the password, has verified it. One that does
    not end within `timeout` seconds is killed, with all that it started; where it cannot
    be run or asked, that is a Refused for now. `environment`: None for our own. Raise
    CredentialsError.
    """
    try:
        octets = checkpassword.write(username, password)
    finally:
        del password  # a traceback shows locals
    reader, writer = os.pipe()
    try:
        with open(writer, "wb", buffering=0) as pipe:
            pipe.write(octets)  # which holds it all, even if nobody reads
        child = _spawn(command, reader, environment)
        code = _wait(child, timeout)
        unread = array.array("i", [0])
        fcntl.ioctl(reader, termios.FIONREAD, unread)
    except OSError as error:
        return Refused(Reason.UNAVAILABLE, type(error).__name__)
    finally:
        os.close(reader)
    if code is None:
        return Refused(Reason.UNAVAILABLE, "the program took too long")
    if code == checkpassword.ACCEPTED and unread[0]:
        return Refused(Reason.UNAVAILABLE, "the program did not look at the password")
    return checkpassword.verdict(username, code)


def run(
    application: Application,
    command: Sequence[str],
    *,
    environment: Callable[[str], Mapping[str, str]] | None = None,
    look_up: Callable[[str], Mapping[str, str] | None] | None = None,
    policy: Policy = DEFAULT,
) -> int:
    """Be a checkpassword program: read descriptor 3, have `application` decide, and run
    `command` (`sys.argv[1:]`) in place of this process; else return the exit code.

    `environment(authzid)` gives what it gets besides USER: HOME, SHELL, `userdb_` and
    other fields. The service and the client's address are those that Dovecot or tcpserver
    tell. Where Dovecot asks for no password but for a look-up (AUTHORIZED is 1),
    `look_up(username)` returns those variables, or None for an unknown user; without it
    that is misuse, and a look-up never counts as a password.
    """
    try:
        with open(_DESCRIPTOR, "rb") as descriptor:
            given = checkpassword.read(descriptor.read(checkpassword.LIMIT + 1))
    except (OSError, ProtocolError):
        return checkpassword.MISUSED
    if not command:
        return checkpassword.MISUSED
    if os.environ.get(_AUTHORIZED) == "1":
        return _looked_up(given, command, look_up)
    told = os.environ
    exchange, event = checkpassword.begin(
        given,
        service=told.get("SERVICE") or told.get("PROTO", "").lower(),
        remote=told.get("REMOTE_IP") or told.get("TCPREMOTEIP"),
        policy=policy,
        answers=application.requests,
    )
    while isinstance(event, Request):
        event = application.answer(event)
    if exchange is not None and isinstance(event, Success | Failure):
        application.decided(exchange, event)
    application.close()  # it has nothing more to do when this process is another one
    if not isinstance(event, Success):
        return checkpassword.exit_code(event)
    name = event.identity.authzid
    return _execute(
        command, {"USER": name, **(environment(name) if environment else {})}
    )


def _looked_up(
    given: checkpassword.Input,
    command: Sequence[str],
    look_up: Callable[[str], Mapping[str, str] | None] | None,
) -> int:
    if look_up is None:
        return checkpassword.MISUSED
    found = look_up(given.username.decode(errors="replace"))
    return _UNKNOWN if found is None else _execute(command, {**found, _AUTHORIZED: "2"})


def _execute(command: Sequence[str], more: Mapping[str, str]) -> int:
    """Become that program; return the exit code where it cannot be run."""
    environment = {k: v for k, v in os.environ.items() if k != _AUTHORIZED}
    with suppress(OSError):
        os.execvpe(command[0], list(command), {**environment, **more})  # noqa: S606
    return checkpassword.UNAVAILABLE


def _spawn(
    command: Sequence[str], reader: int, environment: Mapping[str, str] | None
) -> int:
    # Were it 3 itself, it would not be inherited: it is closed with the program's start.
    source = fcntl.fcntl(reader, fcntl.F_DUPFD_CLOEXEC, _DESCRIPTOR + 1)
    try:
        return os.posix_spawnp(
            command[0],
            list(command),
            os.environ if environment is None else environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, source, _DESCRIPTOR),
            ],
            setpgroup=0,  # of its own: all that it starts is killed with it
        )
    finally:
        os.close(source)


def _wait(child: int, timeout: float) -> int | None:
    """Return the exit code, negative for a signal; None where it had to be killed."""
    end = time.monotonic() + timeout
    pause = 0.0005
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(pause * 2, 0.02)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
