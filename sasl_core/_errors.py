"""The exceptions, one tree.

SASLError
    StateError              you called it wrongly (also a RuntimeError)
    CredentialsError        what you gave cannot be used (also a ValueError)
    NoMechanism             nothing acceptable on offer; says why, name by name
    ProtocolError           the peer broke the rules (also a ValueError)
    AuthenticationError     the server refused
        ServerNotAuthenticated  the server did not prove itself: drop the connection

Each says that it is of the package, so that a traceback names what a program imports.
"""

from __future__ import annotations

from ._reasons import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._values import TokenError


class SASLError(Exception):
    """The root of everything that this library raises on purpose."""

    __module__ = "sasl_core"


class StateError(SASLError, RuntimeError):
    """A call in the wrong order, after the end, or with an answer of the wrong type."""

    __module__ = "sasl_core"


class CredentialsError(SASLError, ValueError):
    """Credentials that a mechanism cannot carry: a NUL, a prohibited character."""

    __module__ = "sasl_core"


class ProtocolError(SASLError, ValueError):
    """The peer broke the rules of the mechanism or its framing; the text says which."""

    __module__ = "sasl_core"


class NoMechanism(SASLError):
    """No mechanism is acceptable; `refusals` maps each name to the reason why."""

    __module__ = "sasl_core"

    def __init__(self, refusals: Mapping[str, str]) -> None:
        self.refusals = dict(refusals)
        why = "; ".join(f"{name}: {reason}" for name, reason in self.refusals.items())
        super().__init__(why or "the server offered no mechanism")


class AuthenticationError(SASLError):
    """The server refused.

    `reason` is a `Reason`; `reply` the server's own words, control characters replaced;
    `try_another` whether another mechanism or a later retry could help (False: the same
    credentials again would only get the account locked); `token_error` what an OAuth
    server said about the token, untrusted text; `tried` the mechanisms that were refused,
    the last one last.
    """

    __module__ = "sasl_core"

    def __init__(
        self,
        message: str,
        *,
        reason: Reason = Reason.BAD_CREDENTIALS,
        reply: str = "",
        token_error: TokenError | None = None,
        tried: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.reply = reply
        self.token_error = token_error
        self.tried = tried

    @property
    def try_another(self) -> bool:
        """Whether another mechanism, or the same one later, could succeed."""
        return self.reason.try_another


class ServerNotAuthenticated(AuthenticationError):
    """The server claimed success without the proof that the mechanism demands.

    It does not know the password, or somebody stands in between: drop the connection.
    """

    __module__ = "sasl_core"

    @property
    def try_another(self) -> bool:
        """Never: what answered is not the server."""
        return False
