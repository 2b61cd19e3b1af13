"""A client, and what a directory may say to it."""

from __future__ import annotations

import sasl_core as sasl
from sasl_core.protocols.ldap import ClientSession
from sasl_core.protocols.ldap import _messages as messages

from ._peer import TLS

USER = sasl.Credentials("user", "pencil")
QUICK = sasl.Policy(iterations=(1, 5000))


def session(on: sasl.Channel = TLS, **options) -> ClientSession:
    """Make a client."""
    options = {"policy": QUICK, "credentials": USER} | options
    return ClientSession(options.pop("credentials"), channel=on, **options)


def result(message_id: int, code: int, text: str = "", creds=None) -> bytes:
    """Write a BindResponse."""
    return messages.bind_response(message_id, code, text, creds)


def listed(message_id: int, *names: str) -> bytes:
    """Write the answer to the search for the mechanisms."""
    found = messages.entry(message_id, "", {"supportedSASLMechanisms": names})
    done = messages.Message(message_id, messages.DONE, messages.result(0))
    return found + bytes(done)


def extended(message_id: int, code: int, name: str = "") -> bytes:
    """Write an ExtendedResponse."""
    return messages.extended_response(message_id, code, "said", name=name)
