"""AuditEvent: what was decided of one attempt to log in, for whoever watches.

It has no field that could hold a password or a token: what is not in it cannot leak.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from .._reasons import Reason
from .._value import Frozen
from ._audit_formats import cef, json_line, leef, splunk_hec
from ._audit_sinks import LineFile, Lines, Several, ToLogging

if TYPE_CHECKING:
    from collections.abc import Callable

    Sink: TypeAlias = Callable[["AuditEvent"], object]

__all__ = [
    "AuditEvent",
    "LineFile",
    "Lines",
    "Outcome",
    "Several",
    "ToLogging",
    "cef",
    "json_line",
    "leef",
    "splunk_hec",
]

Outcome: TypeAlias = Literal[
    "success", "failure", "aborted", "unavailable", "throttled"
]

_set = object.__setattr__
_OUTCOMES = get_args(Outcome)
_MAX_TEXT = 512
_YEAR_10000 = 253402300800.0


class AuditEvent(Frozen):
    """One decision; each text is cut to 512 characters, the last one then an ellipsis.

    `time`: seconds since the epoch. `id`: the same in all that is logged of an exchange.
    `username`: what the client claimed, unproven. `authcid`, `authzid`: proven, so only
    with success. `reason`: what the client was told. `detail`: for the log alone.
    `service`, `host`, `port`, `remote`, `encrypted`: facts of the channel; `bound`:
    whether the exchange was bound to it. `duration`: in seconds. Raise TypeError and
    ValueError for anything else than these: a Request, octets, a number not finite.
    """

    __slots__ = __match_args__ = (
        "time",
        "id",
        "outcome",
        "mechanism",
        "username",
        "authcid",
        "authzid",
        "reason",
        "detail",
        "service",
        "host",
        "port",
        "remote",
        "encrypted",
        "bound",
        "duration",
    )

    time: float
    id: str
    outcome: Outcome
    mechanism: str
    username: str
    authcid: str
    authzid: str
    reason: Reason | None
    detail: str
    service: str
    host: str
    port: int | None
    remote: str | None
    encrypted: bool
    bound: bool
    duration: float | None

    def __init__(
        self,
        *,
        time: float,
        id: str,  # what everybody calls it
        outcome: Outcome,
        mechanism: str,
        username: str = "",
        authcid: str = "",
        authzid: str = "",
        reason: Reason | None = None,
        detail: str = "",
        service: str = "",
        host: str = "",
        port: int | None = None,
        remote: str | None = None,
        encrypted: bool = False,
        bound: bool = False,
        duration: float | None = None,
    ) -> None:
        if outcome not in _OUTCOMES:
            raise ValueError(f"an outcome is one of {', '.join(_OUTCOMES)}")
        if outcome != "success" and (authcid or authzid or bound):
            raise ValueError("nobody is proven, and nothing bound, but by success")
        if outcome == "success" and reason is not None:
            raise ValueError("a reason is given for what has not succeeded")
        if not (reason is None or isinstance(reason, Reason)):
            raise TypeError(f"a reason is a Reason, not {type(reason).__name__}")
        if not (port is None or type(port) is int):
            raise TypeError(f"a port is an int, not {type(port).__name__}")
        _set(self, "time", _number("time", time, _YEAR_10000))
        _set(self, "id", _text("id", id))
        _set(self, "outcome", outcome)
        _set(self, "mechanism", _text("mechanism", mechanism))
        _set(self, "username", _text("username", username))
        _set(self, "authcid", _text("authcid", authcid))
        _set(self, "authzid", _text("authzid", authzid))
        _set(self, "reason", reason)
        _set(self, "detail", _text("detail", detail))
        _set(self, "service", _text("service", service))
        _set(self, "host", _text("host", host))
        _set(self, "port", port)
        _set(self, "remote", None if remote is None else _text("remote", remote))
        _set(self, "encrypted", _flag("encrypted", encrypted))
        _set(self, "bound", _flag("bound", bound))
        seconds = None if duration is None else _number("duration", duration, math.inf)
        _set(self, "duration", seconds)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a str, not {type(value).__name__}")
    # A new str, whatever a subclass of it does.
    text = str.__str__(value)
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "\u2026"


def _number(name: str, value: object, end: float) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{name} is a number, not {type(value).__name__}")
    # Compared before it becomes a float: 10**400 would not fit.
    if not 0 <= value < end:  # type: ignore[operator]  # an int or a float
        raise ValueError(f"{name} is a finite number of seconds, and none before 0")
    return float(value)  # type: ignore[arg-type]  # an int or a float


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, not {type(value).__name__}")
    return value
