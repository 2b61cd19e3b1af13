"""ANONYMOUS (RFC 4505): nobody in particular, with a trace for the log.

message = [ email / token ]
token   = 1*255TCHAR ; any UTF-8 character but "@"
"""

from __future__ import annotations

from .._events import Success
from .._saslprep import PrepError
from .._saslprep import trace as checked
from .._states import SATISFIED, ServerRecord
from .._strict import Malformed, utf8
from .._values import Identity
from . import _identities as identities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._states import ClientOpening, ServerMove, ServerOpening, Terms
    from .._values import Credentials

NAME = "anonymous"


def client(
    terms: Terms, credentials: Credentials, nonce: bytes | None
) -> ClientOpening:
    """Make the client's initial response and first record."""
    trace = credentials.trace or ""
    problem = _problem(trace)
    if problem:
        raise Malformed(problem)
    return identities.write(trace, "trace") if trace else b"", SATISFIED


def server(terms: Terms, nonce: bytes | None) -> ServerOpening:
    """Make the server's opening challenge and first record."""
    return b"", _AWAIT_TRACE


class _AwaitTrace(ServerRecord):
    __slots__ = ()

    def receive(self, response: bytes, terms: Terms) -> ServerMove:
        trace = utf8(response)
        problem = _problem(trace)
        if problem:
            raise Malformed(problem)
        return Success(Identity(NAME, trace=trace)), None


_AWAIT_TRACE = _AwaitTrace()


def _problem(trace: str) -> str:
    """Say what is wrong with a trace; "" for nothing."""
    local, at, domain = trace.partition("@")
    if at and not (local and domain and "@" not in domain):
        return "a trace with an @ is an e-mail address (RFC 4505, section 2)"
    # The grammar gives 255 characters to a token only; a limit is needed for both.
    if len(trace) > 255:
        return "a trace has at most 255 characters (RFC 4505, section 2)"
    try:
        checked(trace)
    except PrepError as error:
        return f"the trace is refused: {error}"
    return ""
