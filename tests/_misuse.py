"""The request that most tests of misuse begin with."""

from __future__ import annotations

import sasl_core as sasl

from . import _accounts as accounts

PLAIN = b"AHVzZXIAcGVuY2ls"  # NUL user NUL pencil


def plain_request() -> sasl.CheckPassword:
    """Return the request of a PLAIN server that waits for its application."""
    request = accounts.make_server("PLAIN").start(PLAIN)
    if not isinstance(request, sasl.CheckPassword):
        raise AssertionError(f"no question about a password: {request!r}")
    return request
