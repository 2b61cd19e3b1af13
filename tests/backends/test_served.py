"""An Application behind a real connection: what the session tells, it hears of in time."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import threading
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.backends import Application, AsyncApplication
from sasl_core.backends.memory import MemoryStore
from sasl_core.backends.throttle import Limit, Throttle
from sasl_core.protocols import smtp

from ._contract import LOOKING, WONDER

CHANNEL = sasl.Channel(False, service="smtp", remote="192.0.2.1")


def reply(session: smtp.ServerSession, command: smtp.Command) -> smtp.Reply:
    """Answer all that is not about authentication."""
    if command.verb == "EHLO":
        return smtp.Reply(250, "localhost", *session.keywords())
    return smtp.Reply(221, "bye", close=True)


class DecisionTest(unittest.TestCase):
    """`ServerSession.decision`."""

    def test_it_is_told_once(self) -> None:
        """Of each exchange, however it ended."""
        session = smtp.ServerSession(
            CHANNEL, policy=sasl.Policy(allow=["PLAIN"], cleartext="always")
        )
        session.receive(b"EHLO x")
        self.assertIsNone(session.decision())
        for end, kind in (
            (lambda request: request.deny(), sasl.Failure),
            (lambda request: request.answer(True), sasl.Success),
        ):
            request: Any = session.receive(b"AUTH PLAIN AGEAYg==")
            self.assertIsNone(session.decision())
            session.resume(end(request))
            decision = session.decision()
            assert decision is not None
            exchange, outcome = decision
            self.assertEqual(exchange.name, "PLAIN")
            self.assertIsInstance(outcome, kind)
            self.assertIsNone(session.decision())

    def test_the_end_of_the_connection(self) -> None:
        """Aborts what goes on."""
        session = smtp.ServerSession(
            CHANNEL, policy=sasl.Policy(allow=["PLAIN"], cleartext="always")
        )
        session.receive(b"EHLO x")
        session.receive(b"AUTH PLAIN")
        session.closed()
        decision: Any = session.decision()
        self.assertIs(decision[1].reason, sasl.Reason.ABORTED)
        session.closed()
        self.assertIsNone(session.decision())


class ServedTest(unittest.TestCase):
    """Both adapters, with smtplib as the client."""

    def setUp(self) -> None:
        """Make what an Application is made of."""
        self.events: list[Any] = []
        self.parts: dict[str, Any] = {
            "store": MemoryStore({"alice": WONDER, "bob": LOOKING}),
            "audit": self.events.append,
            "throttle": Throttle(pair=Limit(1), clock=lambda: 1000.0),
        }

    def visit(self, port: int) -> list[int]:
        """Log in, rightly and wrongly; return the codes."""
        codes = []
        for user, password in (
            ("alice", "wonderland"),
            ("alice", "wrong"),
            ("alice", "wrong"),
            ("alice", "wonderland"),
            ("bob", "looking-glass"),
        ):
            with smtplib.SMTP("127.0.0.1", port, "x", timeout=10) as client:
                try:
                    codes.append(client.login(user, password)[0])
                except smtplib.SMTPAuthenticationError as error:
                    codes.append(error.smtp_code)
        with smtplib.SMTP("127.0.0.1", port, "x", timeout=10) as client:
            client.ehlo()
            client.docmd("AUTH", "PLAIN")  # and goes away
            client.close()
        return codes

    def check(self, codes: list[int]) -> None:
        """Expect what the throttle and the audit make of it."""
        self.assertEqual(codes, [235, 535, 535, 454, 235])
        outcomes = [event.outcome for event in self.events]
        expected = ["success", "failure", "failure", "throttled", "success", "aborted"]
        self.assertEqual(outcomes, expected)
        self.assertEqual({event.remote for event in self.events}, {"192.0.2.1"})

    def test_streams(self) -> None:
        """With AsyncApplication."""
        app = AsyncApplication(**self.parts)

        async def main() -> list[int]:
            policy = await app.policy(allow=["PLAIN"], cleartext="always")

            async def connected(reader: Any, writer: Any) -> None:
                session = smtp.ServerSession(CHANNEL, policy=policy)

                async def handle(command: smtp.Command, ask: Any) -> smtp.Reply:
                    return reply(session, command)

                greeting = smtp.Reply(220, "x")
                await streams.serve(
                    session,
                    reader,
                    writer,
                    app.answer,
                    handle,
                    decided=app.decided,
                    greeting=greeting,
                )
                writer.close()

            server = await asyncio.start_server(connected, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                codes = await asyncio.to_thread(self.visit, port)
                while len(self.events) < 6:  # noqa: ASYNC110  # a sink is a function
                    await asyncio.sleep(0.001)
                return codes

        self.check(asyncio.run(asyncio.wait_for(main(), 30)))

    def test_blocking(self) -> None:
        """With Application, a thread for each connection."""
        app = Application(**self.parts)
        policy = app.policy(allow=["PLAIN"], cleartext="always")
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            for _ in range(6):
                sock, _ = listener.accept()
                session = smtp.ServerSession(CHANNEL, policy=policy)
                with sock:
                    blocking.serve(
                        session,
                        sock,
                        app.answer,
                        lambda command, ask, session=session: reply(session, command),
                        decided=app.decided,
                        greeting=smtp.Reply(220, "x"),
                    )

        thread = threading.Thread(target=serve)
        thread.start()
        codes = self.visit(listener.getsockname()[1])
        thread.join()
        listener.close()
        self.check(codes)

    def test_a_failing_note_does_not_keep_the_reply(self) -> None:
        """It is logged; the client hears how it ended."""

        def decided(exchange: Any, outcome: Any) -> None:
            raise OSError("full")

        near, far = socket.socketpair()
        policy = sasl.Policy(allow=["PLAIN"], cleartext="always")
        session = smtp.ServerSession(CHANNEL, policy=policy)
        app = Application(MemoryStore({"alice": WONDER}))

        def serve() -> None:
            with self.assertLogs("sasl_core.adapters", "ERROR"):
                blocking.serve(
                    session,
                    far,
                    app.answer,
                    lambda command, ask: reply(session, command),
                    decided=decided,
                )
            far.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with near:
            near.sendall(b"EHLO x\r\nAUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\nQUIT\r\n")
            heard = b""
            while chunk := near.recv(4096):
                heard += chunk
        thread.join()
        self.assertIn(b"\r\n235 ", heard)


if __name__ == "__main__":
    unittest.main()
