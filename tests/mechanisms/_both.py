"""Short ways to a raw client and a raw server of a mechanism."""

from __future__ import annotations

from typing import Any

import sasl_core as sasl
from sasl_core import profiles

from .. import _accounts as accounts


def client(name: str, has: dict[str, Any] | None = None, **more: Any) -> sasl.Client:
    """Make a client without framing, of the credentials' fields given."""
    right = accounts.TABLE[name].right if has is None else has
    credentials = sasl.Credentials(**right)
    return accounts.make_client(
        name, credentials=credentials, profile=profiles.RAW, **more
    )


def server(name: str, **more: Any) -> sasl.Server:
    """Make a server without framing."""
    return accounts.make_server(name, profile=profiles.RAW, **more)


def reason(event: Any) -> sasl.Reason:
    """Return the reason of a failure, or say that it is none."""
    if not isinstance(event, sasl.Failure):
        raise AssertionError(f"no failure: {event!r}")
    return event.reason
