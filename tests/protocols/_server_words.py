"""What the cases of a server's session are asked with: a protocol's words, and helpers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import sasl_core as sasl
from sasl_core import Reason

RIGHT = b"AHVzZXIAcGVuY2ls"  # user, pencil


class ServerWords(NamedTuple):
    """What a client says in the protocol, and what our server answers."""

    peer: ModuleType  # the protocol's `_peer`
    profile: sasl.Profile
    auth: bytes  # the command, with %b for the mechanism
    initial: bytes  # what is put behind it, with %b for an initial response
    success: bytes  # the beginning of a yes
    prompt: bytes  # the empty challenge, for PLAIN or EXTERNAL
    noop: bytes  # a command that the application answers before a login
    already: bytes  # the beginning of a no after a login
    too_many: bytes  # the beginning of a no after which the connection ends
    goodbye: bytes  # the beginning of a reply after the end
    starttls: bytes
    go: bytes  # the beginning of the yes to it
    too_late: bytes  # the beginning of a no to what was put behind it
    refuse: Callable[[Any], Any]  # makes the application's no to it
    tag: bytes = b""  # before commands, and before their replies
    hello: bytes = b""  # to be said first, and again over TLS
    response: bytes = b"%b"  # how a client's message is written
    empty: bytes = b""  # the empty one
    empty_initial: bytes = b"="
    long_response: bytes = b"A" * 13_000
    begins_anew: bool = False  # STARTTLS may come after a login, which it takes back

    def server(self, *on: sasl.Channel, **options: Any) -> Any:
        """Make a server, of which one can say a login is next."""
        return self.greet(self.peer.server(*on, **options))

    def greet(self, peer: Any) -> Any:
        """Say what comes first on a connection."""
        if self.hello:
            peer.line(self.hello)
        return peer

    def command(self, name: bytes, initial: bytes | None = None) -> bytes:
        """Write the command that begins an exchange."""
        line = self.tag + self.auth % name
        return line if initial is None else line + self.initial % initial

    @property
    def plain(self) -> bytes:
        """The command that logs in."""
        return self.command(b"PLAIN", RIGHT)

    @property
    def wrong(self) -> bytes:
        """One with a wrong password."""
        return self.command(b"PLAIN", b64encode(b"\0user\0wrong"))

    def no(self, reason: Reason) -> bytes:
        """The line by which an exchange ends for this reason."""
        return self.tag + self.profile.reply(reason).encode() + b"\r\n"


def hear(session: Any, line: bytes) -> Any:
    """Let a session take a line; return its action."""
    session.incoming.feed(line + b"\r\n")
    return session.receive(session.incoming.next())


class ServerCase:
    """What the cases share; to mix into a TestCase."""

    words: ServerWords

    def assert_yes(self, reply: bytes) -> None:
        self.assertTrue(reply.startswith(self.words.success), reply)
        self.assertEqual(reply.count(b"\r\n"), 1)

    def assert_logged_in(self, peer: Any) -> None:
        """Expect a login to work, now."""
        self.assert_yes(peer.line(self.words.plain))
        self.assertEqual(peer.session.identity, sasl.Identity("user"))
        self.assertEqual(peer.session.success.mechanism, "PLAIN")

    def waiting(self) -> tuple[Any, Any]:
        """Return a session whose application is asked for a verdict, and the request."""
        session = self.words.server().session
        request = hear(session, self.words.plain)
        self.assertIsInstance(request, sasl.CheckPassword)
        return session, request
