"""Reason: why an exchange failed, one value per different answer on the wire."""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Say what the peer may know about a failure.

    A wrong password, an unknown user and a bad proof are one value on purpose:
    BAD_CREDENTIALS. An application says DISABLED, PASSWORD_EXPIRED, TRANSITION_NEEDED (log
    in by PLAIN once, for keys to be made) or TOO_WEAK by `request.refuse`, and only to
    who has proved the password. `Profile.reply` gives each protocol's words.
    """

    BAD_CREDENTIALS = "bad credentials"
    NOT_AUTHORIZED = "not authorized"
    MALFORMED = "malformed"
    UNEXPECTED_INITIAL = "unexpected initial response"
    ABORTED = "aborted"
    UNSUPPORTED = "unsupported mechanism"
    TOO_WEAK = "mechanism too weak"
    ENCRYPTION_NEEDED = "encryption needed"
    PASSWORD_EXPIRED = "password expired"
    TRANSITION_NEEDED = "password transition needed"
    DISABLED = "account disabled"
    TOO_LONG = "too long"
    UNAVAILABLE = "temporarily unavailable"

    @property
    def try_another(self) -> bool:
        """Whether another mechanism, or the same one later, could succeed.

        False means that the credentials themselves were refused: to send them again
        is how accounts get locked.
        """
        return self in _RETRYABLE


_RETRYABLE = frozenset(
    {
        Reason.UNEXPECTED_INITIAL,
        Reason.UNSUPPORTED,
        Reason.TOO_WEAK,
        Reason.ENCRYPTION_NEEDED,
        Reason.TRANSITION_NEEDED,
        Reason.UNAVAILABLE,
    }
)
