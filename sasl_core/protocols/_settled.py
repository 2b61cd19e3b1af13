"""What an application may give back for a request: words for the two usual mistakes."""

from __future__ import annotations

from .._errors import StateError
from .._events import Challenge, Failure, Request, Success


def must_be_settled(request: Request | None, event: object) -> None:
    """Raise StateError unless the request was answered, and that gave an event."""
    if request is None:
        raise StateError("no request waits for an answer")
    if not request.answered:
        name = type(request).__name__
        raise StateError(f"{name} still waits: its answer() or deny() gives the event")
    must_be_event(event)


def must_be_event(event: object) -> None:
    """Raise StateError for what no request gave."""
    if not isinstance(event, (Challenge, Success, Failure, Request)):
        name = type(event).__name__
        raise StateError(f"not {name}, but the event that answer() or deny() gave")
