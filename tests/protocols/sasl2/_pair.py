"""Two sessions of SASL2 and what goes between them, through XML and back."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import sasl_core as sasl
from sasl_core.protocols.sasl2 import STREAM, ClientSession, Element, ServerSession

from ... import _accounts as accounts

DEVICE = "d4565fa7-4d72-4749-b3d3-740edbf87770"
CHANNEL = sasl.Channel(
    True, service="xmpp", host="im.example.org", bindings=accounts.BINDINGS[:1]
)
SCRAM = "SCRAM-SHA-256-PLUS"
POLICY = sasl.Policy(iterations=(1, 5000), decoy=(accounts.ITERATIONS, 16))
PLAIN = sasl.Policy(allow=["PLAIN"])
PASSWORD = sasl.Credentials(accounts.USER, accounts.PASSWORD)
WRONG = sasl.Credentials(accounts.USER, "wrong")

Settle = Callable[[sasl.Request], Any]


def features(session: ServerSession, *spoiled: str) -> Element:
    """Return a stream's features as they come to a client, without what is spoiled."""
    written = bytes(Element("features", "", session.features(), namespace=STREAM))
    for text in spoiled:
        assert text.encode() in written
        written = written.replace(text.encode(), b"")
    return Element.of(ET.fromstring(written))


def server(channel: sasl.Channel = CHANNEL, **options: Any) -> ServerSession:
    return ServerSession(channel, **{"policy": POLICY} | options)


def client(
    theirs: ServerSession,
    credentials: sasl.Credentials = PASSWORD,
    *spoiled: str,
    **options: Any,
) -> ClientSession:
    """Make a client for what a server offers."""
    options = {"policy": POLICY, "channel": theirs.channel} | options
    return ClientSession(features(theirs, *spoiled), credentials, **options)


def say(session: ServerSession, element: Element, settle: Settle | None = None) -> Any:
    """Let a server take an element; return what it says."""
    settle = settle or accounts.Application().settle
    action = session.receive(Element.of(ET.fromstring(bytes(element))))
    while isinstance(action, sasl.Request):
        action = session.resume(settle(action))
    return action


def run(
    mine: ClientSession,
    theirs: ServerSession,
    settle: Settle | None = None,
    finish: Callable[[Element], Element] = lambda success: success,
) -> list[Element]:
    """Log in; return all that went over the stream. `finish` is what adds to success."""
    said: list[Element] = []
    element = mine.begin()
    while element is not None:
        reply = say(theirs, element, settle)
        if reply.name == "success":
            reply = finish(reply)
        said += [element, reply]
        element = mine.receive(Element.of(ET.fromstring(bytes(reply))))
    return said


def names(said: list[Element]) -> list[str]:
    return [element.name for element in said]


def failure(condition: str, text: str = "") -> Element:
    children = [
        Element(condition, namespace="urn:ietf:params:xml:ns:xmpp-sasl"),
        Element("text", text),
    ]
    return Element("failure", children=children)


def authenticate(mechanism: str, initial: str | None = None, *more: Element) -> Element:
    children = [] if initial is None else [Element("initial-response", initial)]
    name = {"mechanism": mechanism}
    return Element("authenticate", children=[*children, *more], attributes=name)
