"""The adapter of the standard library's socketserver, over loopback."""

from __future__ import annotations

import contextlib
import smtplib
import socketserver
import ssl
import threading
import unittest

import sasl_core as sasl
from examples import socketserver_submission
from sasl_core.adapters.smtplib import login
from sasl_core.adapters.socketserver import RequestHandler
from sasl_core.protocols.smtp import Reply, ServerSession

from .._accounts import Application
from ._loopback import ALWAYS, GREETING, HOST, connect, needs_tls

RIGHT = sasl.Credentials("user", "pencil")
WRONG = sasl.Credentials("user", "wrong")


class Handler(RequestHandler[ServerSession]):
    """A submission service."""

    greeting = GREETING
    timeout = 5.0
    host = "localhost"
    policy = ALWAYS
    outcomes: list[object]

    def begin(self, channel):
        starttls = self.tls is not None and not self.implicit_tls
        return ServerSession(channel, policy=self.policy, starttls=starttls)

    def answer(self, request):
        return Application(username="user", password="pencil").settle(request)

    def respond(self, command, ask):
        match command.verb:
            case "EHLO":
                return Reply(250, "x", *self.session.keywords())
            case "QUIT":
                return Reply(221, "2.0.0 Bye", close=True)
        return Reply(250, f"{self.session.identity} at {self.session.channel.remote}")

    def decided(self, exchange, outcome) -> None:
        self.outcomes.append(outcome)


class Server(socketserver.ThreadingTCPServer):
    """One whose errors are the test's."""

    daemon_threads = True

    def handle_error(self, request, client_address) -> None:
        self.RequestHandlerClass.outcomes.append("error")


class SocketserverTest(unittest.TestCase):
    def serve(self, base: type = Handler, **attributes) -> int:
        """Start a server; return its port. What was decided goes to `outcomes`."""
        self.outcomes = attributes["outcomes"] = []
        server = Server((HOST, 0), type("Handler", (base,), attributes))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_address[1]

    def smtp(self, port: int) -> smtplib.SMTP:
        smtp = smtplib.SMTP("localhost", port, timeout=5)
        self.addCleanup(smtp.close)
        return smtp

    def test_in_the_clear(self) -> None:
        smtp = self.smtp(self.serve())
        policy = sasl.Policy(allow=["SCRAM-SHA-256"], iterations=(1, 5000))
        self.assertEqual(login(smtp, RIGHT, policy=policy), "SCRAM-SHA-256")
        said = smtp.noop()[1]
        self.assertIn(b"authcid='user'", said)
        self.assertIn(b"at 127.0.0.1", said)
        smtp.quit()
        self.assertIsInstance(self.outcomes[0], sasl.Success)

    def test_a_wrong_password(self) -> None:
        smtp = self.smtp(self.serve())
        policy = sasl.Policy(allow=["PLAIN"], cleartext="always")
        with self.assertRaises(sasl.AuthenticationError):
            login(smtp, WRONG, policy=policy)
        self.assertIs(self.outcomes[0].reason, sasl.Reason.BAD_CREDENTIALS)

    def test_starttls(self) -> None:
        serving, trusting = needs_tls()
        der = trusting.get_ca_certs(binary_form=True)[0]
        smtp = self.smtp(self.serve(tls=serving, certificate=der))
        smtp.starttls(context=trusting)
        policy = sasl.Policy(allow=["SCRAM-SHA-256-PLUS"], iterations=(1, 5000))
        login(smtp, RIGHT, policy=policy)
        smtp.quit()
        self.assertTrue(self.outcomes[0].bound)

    def test_implicit_tls(self) -> None:
        serving, trusting = needs_tls()
        plain = sasl.Policy(allow=["PLAIN"])
        port = self.serve(tls=serving, implicit_tls=True, policy=plain)
        smtp = smtplib.SMTP_SSL("localhost", port, timeout=5, context=trusting)
        self.addCleanup(smtp.close)
        self.assertEqual(login(smtp, RIGHT), "PLAIN")
        self.assertFalse(smtp.has_extn("starttls"))
        smtp.quit()

    def test_a_handshake_that_fails_is_no_error(self) -> None:
        serving, trusting = needs_tls()
        port = self.serve(tls=serving, implicit_tls=True)
        with connect(port) as sock:
            sock.sendall(b"EHLO me\r\n")
            with contextlib.suppress(ConnectionError):
                while sock.recv(100):
                    pass  # an alert
        with connect(port) as sock, self.assertRaises(ssl.SSLError):
            trusting.wrap_socket(sock, server_hostname="other.example")
        self.assertEqual(self.outcomes, [])

    def test_the_socket_is_closed_after_tls(self) -> None:
        serving, trusting = needs_tls()
        port = self.serve(tls=serving, implicit_tls=True)
        with trusting.wrap_socket(connect(port), server_hostname="localhost") as sock:
            sock.sendall(b"QUIT\r\n")
            said = b""
            while data := sock.recv(100):
                said += data
        self.assertTrue(said.endswith(b"221 2.0.0 Bye\r\n"))

    def test_without_answers_all_is_denied(self) -> None:
        answer = RequestHandler.answer
        smtp = self.smtp(self.serve(answer=answer))
        policy = sasl.Policy(allow=["PLAIN"], cleartext="always")
        with self.assertRaises(sasl.AuthenticationError):
            login(smtp, RIGHT, policy=policy)

    def test_a_handler_that_says_nothing(self) -> None:
        port = self.serve(RequestHandler)
        with connect(port) as sock:
            self.assertEqual(sock.recv(100), b"")
        self.assertEqual(self.outcomes, ["error"])

    def test_the_example(self) -> None:
        for password in ("wonderland", "Wonderland"):
            smtp = self.smtp(self.serve(socketserver_submission.Handler))
            who = sasl.Credentials("alice", password)
            if password == "wonderland":
                self.assertEqual(login(smtp, who), "SCRAM-SHA-256")
                self.assertIn(b"authcid='alice'", smtp.docmd("MAIL FROM:<a@b>")[1])
            else:
                with self.assertRaises(sasl.AuthenticationError):
                    login(smtp, who)
            smtp.quit()


if __name__ == "__main__":
    unittest.main()
