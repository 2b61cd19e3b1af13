"""What the tests of every protocol share: a server and its application, the wire between
two sessions, every mechanism from both sides, and a server under every line there is.
"""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import sasl_core as sasl
from sasl_core.mechanisms import find
from sasl_core.protocols._replies import BaseReply

from .._accounts import NAMES, TABLE, Application, channel, policy
from .._hypothesis import settings, st


class BasePeer:
    """A server session with a well-behaved application, which `answer` says more of."""

    def __init__(self, session: Any, application: Application | None = None) -> None:
        self.session = session
        self.application = application or Application()
        self.commands: list[Any] = []

    def answer(self, command: Any) -> Any:
        """Return the reply to a command that is not about authentication."""
        raise TypeError("a peer says what it answers")

    def settle(self, action: Any) -> Any:
        """Take an action to the reply that it ends in."""
        while isinstance(action, sasl.Request):
            action = self.session.resume(self.application.settle(action))
        if isinstance(action, BaseReply):
            return action
        self.commands.append(action)
        if self.session.wants_tls:
            return self.session.start_tls(pending=self.session.incoming.pending)
        reply = self.answer(action)
        self.session.replied(action, reply)
        return reply

    def say(self, line: bytes) -> Any:
        """Take a line, or a frame; return the reply to it."""
        return self.settle(self.session.receive(line))

    def line(self, line: bytes) -> bytes:
        """Take a line as it comes over the wire; return what is sent."""
        return self.feed(line + b"\r\n")

    def feed(self, octets: bytes) -> bytes:
        """Take octets as they come; return all that is sent."""
        self.session.incoming.feed(octets)
        sent = b""
        while (line := self.session.incoming.next()) is not None:
            reply = self.say(line)
            sent += bytes(reply)
            if reply.close:
                break
        return sent


def pieces(data: bytes, octets: int) -> list[bytes]:
    """Cut octets into pieces of one size (0: into one)."""
    size = octets or len(data) or 1
    return [data[i : i + size] for i in range(0, len(data), size)]


def join(
    client: Any, peer: BasePeer, greeting: bytes = b"", *, octets: int = 0
) -> list[bytes]:
    """Join two sessions until the client has logged in; return what went over the wire.

    `octets` is the size of the pieces in which each side gets the other's (0: whole).
    """
    wire = [greeting] if greeting else []
    said, output = greeting, client.connected()
    while True:
        if output:
            said = b"".join(map(peer.feed, pieces(output, octets)))
            wire += [output, said]
        if client.authenticated:
            return wire
        output = b""
        for piece in pieces(said, octets):
            output += client.receive(piece)
        if client.wants_tls:
            bindings = peer.session.channel.bindings
            secure = sasl.Channel(True, bindings=bindings)
            first = peer.session.secured(secure)
            output = client.secured(secure)
            if first is not None:  # the server speaks first over TLS, too
                said = bytes(first)
                wire.append(said)


class EveryMechanism:
    """Each mechanism, by both sides of a protocol: to mix into a TestCase."""

    peer: Any  # the protocol's `_peer`
    options: ClassVar[dict[str, Any]] = {}  # of the server
    sizes = (0, 7)  # of the pieces in which octets come

    def pair(self, name: str, who: sasl.Credentials) -> tuple[Any, BasePeer]:
        """Make a client and a server that run this mechanism alone."""
        on, terms = channel(name), policy(name)
        client = self.peer.ClientSession(who, channel=on, policy=terms)
        return client, self.peer.server(on, policy=terms, **self.options)

    def log_in(self, client: Any, peer: BasePeer, octets: int) -> list[bytes]:
        """Join them, as `join` does."""
        return self.peer.login(client, peer, octets=octets)

    def look(self, name: str, client: Any, peer: BasePeer, wire: list[bytes]) -> None:
        """Look at what is the protocol's own in a success."""

    def test_right(self) -> None:
        for name in NAMES:
            for octets in self.sizes:
                who = sasl.Credentials(**TABLE[name].right)
                client, peer = self.pair(name, who)
                with self.subTest(name, octets=octets):
                    wire = self.log_in(client, peer, octets)
                    success = peer.session.success
                    self.assertTrue(client.authenticated)
                    self.assertEqual(client.mechanism, name)
                    self.assertEqual(success.mechanism, name)
                    self.assertEqual(success.bound, find(name).plus)
                    self.look(name, client, peer, wire)

    def test_wrong(self) -> None:
        for name in NAMES:
            if TABLE[name].wrong is None:
                continue
            client, peer = self.pair(name, sasl.Credentials(**TABLE[name].wrong))
            with self.subTest(name):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    self.log_in(client, peer, 0)
                self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
                self.assertFalse(caught.exception.try_another)
                self.assertFalse(client.authenticated)
                self.assertIsNone(peer.session.identity)

    def test_temporary(self) -> None:
        for name in NAMES:
            if TABLE[name].by_fact:
                continue
            client, peer = self.pair(name, sasl.Credentials(**TABLE[name].right))
            peer.application.settle = lambda request: request.unavailable()
            with self.subTest(name):
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    self.log_in(client, peer, 0)
                self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)


class EveryLine(RuleBasedStateMachine):
    """Whatever a client says, in whatever order, and whatever is answered.

    A protocol says which its server is, looks at replies and commands in `check` and
    `check_command`, replies in `reply_to`, and adds the rules by which lines come, each by
    `hear` or `take`.
    """

    peer: Any  # the protocol's `_peer`
    options: ClassVar[dict[str, Any]] = {"max_failures": 6}  # of the server
    terms: ClassVar[dict[str, Any]] = {}  # of its policy
    keeps_identity = True  # only STARTTLS takes it back

    def __init__(self) -> None:
        super().__init__()
        self.session = self.begin()
        self.application = Application(token="x")
        self.request: sasl.Request | None = None
        self.command: Any = None
        self.ended = False
        self.said_yes = False

    def begin(self) -> Any:
        """Make the server's session."""
        terms = {"cleartext": "always", "decoy": (16, 16)}
        return self.peer.ServerSession(
            self.peer.CLEAR,
            policy=sasl.Policy(**terms | self.terms),
            starttls=True,
            **self.options,
        )

    def check(self, reply: Any) -> None:
        """Check a reply: its grammar, and no success unless somebody `said_yes`."""
        raise TypeError("a machine checks its replies")

    def check_command(self, command: Any) -> None:
        """Check what is handed to the application."""

    def reply_to(self, command: Any, yes: bool) -> Any:
        """Make the application's reply to a command."""
        raise TypeError("a machine replies to commands")

    def take(self, action: Any) -> None:
        self.request = self.command = None
        if isinstance(action, BaseReply):
            self.check(action)
            assert not self.ended or action.close
            self.ended = action.close
        elif isinstance(action, sasl.Request):
            assert not self.ended
            assert getattr(action, "password", "x")  # an empty one reaches nobody
            self.request = action
        else:
            assert not self.ended
            self.check_command(action)
            self.command = action

    def hear(self, *octets: bytes) -> None:
        """Take octets in these pieces, until the application has something to do."""
        incoming, before = self.session.incoming, self.session.identity
        self.command = None  # the application may also say nothing to it
        for piece in octets:
            incoming.feed(piece)
        while not self.request and self.command is None:
            line = incoming.next()
            if line is None:
                break
            self.take(self.session.receive(line))
        if before is not None and self.keeps_identity:
            assert self.session.identity is before

    @precondition(lambda self: self.request)
    @rule()
    def answer(self) -> None:
        yes = len(self.application.yes)
        event = self.application.settle(self.request)
        self.said_yes = self.said_yes or len(self.application.yes) > yes
        self.take(self.session.resume(event))

    @precondition(lambda self: self.request)
    @rule()
    def deny(self) -> None:
        self.take(self.session.resume(self.request.deny()))

    @precondition(lambda self: self.request)
    @rule(early=st.booleans())
    def fail(self, early: bool) -> None:
        if not early:
            self.application.settle(self.request)
        self.take(self.session.unavailable())

    @precondition(lambda self: self.command)
    @rule(yes=st.booleans())
    def reply(self, yes: bool) -> None:
        """Answer a command; STARTTLS, too, may be refused by the application."""
        command, self.command = self.command, None
        yes = yes and not self.session.wants_tls
        reply = self.reply_to(command, yes)
        self.session.replied(command, reply)
        self.ended = reply.close

    @precondition(lambda self: self.command and self.session.wants_tls)
    @rule(injected=st.booleans())
    def shake_hands(self, injected: bool) -> None:
        pending = injected or self.session.incoming.pending
        reply = self.session.start_tls(pending=pending)
        assert reply.close == pending
        self.take(reply)
        if not pending:
            first = self.session.secured(self.peer.TLS)
            assert self.session.identity is None
            self.said_yes = False
            if first is not None:
                self.check(first)

    @invariant()
    def nobody_without_a_yes(self) -> None:
        assert self.said_yes or self.session.identity is None

    def teardown(self) -> None:
        self.session.closed()


def run_machine(machine: type[EveryLine], examples: int, steps: int) -> None:
    """Run a machine, this often, in so many steps."""
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps)
    )
