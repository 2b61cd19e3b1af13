"""What is true of both adapters that drive a server's session, asyncio's and blocking.

The class is mixed into test cases, each of which names its adapter.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time

import sasl_core as sasl

from ._loopback import ALWAYS, HOST, needs_tls

PLAIN = b"AUTH PLAIN AHVzZXIAcGVuY2ls"


class Servers:
    """Our server, over the adapter under test."""

    over = ""

    def start(self, **options):
        return self.serve(**{"over": self.over, "policy": ALWAYS} | options)

    def test_a_whole_session(self) -> None:
        server = self.start(require_auth=True)
        talk = self.talk(server)
        self.assertIn(b"AUTH ", talk.say(b"EHLO client.example"))
        self.assertEqual(talk.say(b"MAIL FROM:<a@b>")[:3], b"530")
        self.assertEqual(talk.say(PLAIN)[:3], b"235")
        self.assertEqual(talk.say(b"MAIL FROM:<a@b> AUTH=a@b")[:3], b"250")
        self.assertEqual(talk.say(PLAIN)[:3], b"503")
        self.assertEqual(talk.say(b"RCPT TO:<c@d>")[:3], b"250")
        self.assertEqual(talk.say(b"DATA")[:3], b"354")
        self.assertEqual(talk.say(b"Subject: x\r\n\r\nAUTH PLAIN\r\n.")[:3], b"250")
        self.assertEqual(talk.say(b"QUIT")[:3], b"221")
        self.assertEqual(talk.reply(), b"")
        mailbox = server.wait()
        self.assertEqual(
            mailbox.message, [b"Subject: x\r\n", b"\r\n", b"AUTH PLAIN\r\n"]
        )
        self.assertEqual(mailbox.commands[1].auth, "a@b")
        self.assertEqual(server.errors, [])

    def test_state_follows_what_the_application_answers(self) -> None:
        talk = self.talk(self.start())
        talk.say(b"EHLO x")
        talk.say(b"MAIL FROM:<a@b>")
        self.assertEqual(talk.say(PLAIN)[:3], b"503")
        talk.say(b"DATA")
        self.assertEqual(talk.say(b"Subject: x\r\n.")[:3], b"250")
        self.assertEqual(talk.say(PLAIN)[:3], b"235")

    def test_lines_in_pieces_and_in_heaps(self) -> None:
        talk = self.talk(self.start())
        for octet in b"EHLO x\r\n":
            talk.send(bytes([octet]))
        self.assertEqual(talk.reply()[:3], b"250")
        talk.send(b"NOOP\r\nNOOP\r\n" + PLAIN + b"\r\n")
        self.assertEqual([talk.reply()[:3] for _ in range(3)], [b"250", b"250", b"235"])

    def test_a_pipelined_command_is_not_run_in_an_exchange(self) -> None:
        server = self.start()
        talk = self.talk(server)
        talk.say(b"EHLO x")
        talk.send(b"AUTH PLAIN\r\nMAIL FROM:<a@b>\r\n")
        self.assertEqual(talk.reply(), b"334 \r\n")
        self.assertEqual(talk.reply()[:3], b"501")
        talk.close()
        self.assertEqual([c.verb for c in server.wait().commands], ["EHLO"])

    def test_a_line_over_the_limit(self) -> None:
        talk = self.talk(self.start())
        talk.say(b"EHLO x")
        self.assertEqual(talk.say(b"AUTH PLAIN")[:3], b"334")
        self.assertEqual(talk.say(b"A" * 200_000)[:9], b"500 5.5.6")
        self.assertEqual(talk.say(PLAIN)[:3], b"235")

    def test_so_many_failures_and_no_more(self) -> None:
        server = self.start(max_failures=2)
        talk = self.talk(server)
        talk.say(b"EHLO x")
        for _ in range(2):
            self.assertEqual(talk.say(b"AUTH PLAIN AHVzZXIAd3Jvbmc=")[:3], b"535")
        self.assertEqual(talk.say(PLAIN)[:3], b"421")
        self.assertEqual(talk.reply(), b"")
        self.assertIsNone(server.wait().session.identity)

    def test_an_application_that_raises(self) -> None:
        def answer(request: sasl.Request) -> object:
            raise OSError("the database is down")

        server = self.start(answer=answer)
        talk = self.talk(server)
        talk.say(b"EHLO x")
        with self.assertLogs("sasl_core", logging.ERROR) as logs:
            self.assertEqual(talk.say(PLAIN)[:9], b"454 4.7.0")
        self.assertNotIn("pencil", "".join(logs.output))
        self.assertEqual(talk.say(b"NOOP")[:3], b"250")
        self.assertEqual(server.mailboxes[0].session.failure.detail, "OSError")

    def test_an_application_that_raises_after_its_yes(self) -> None:
        def answer(request: sasl.Request) -> object:
            request.answer(True)
            raise OSError("the log is full")

        server = self.start(answer=answer)
        talk = self.talk(server)
        talk.say(b"EHLO x")
        with self.assertLogs("sasl_core", logging.ERROR):
            self.assertEqual(talk.say(PLAIN)[:3], b"454")
        self.assertIsNone(server.mailboxes[0].session.identity)

    def test_an_application_that_answers_nonsense(self) -> None:
        for nonsense in (None, True, "user"):
            server = self.start(answer=lambda request, given=nonsense: given)
            talk = self.talk(server)
            talk.say(b"EHLO x")
            with self.subTest(nonsense), self.assertLogs("sasl_core", logging.ERROR):
                self.assertEqual(talk.say(PLAIN)[:3], b"454")
            self.assertIsNone(server.mailboxes[0].session.identity)

    def test_a_client_that_says_nothing(self) -> None:
        server = self.start(timeout=0.05)
        talk = self.talk(server)
        self.assertEqual(talk.reply()[:9], b"421 4.4.2")
        self.assertEqual(talk.reply(), b"")
        server.wait()
        self.assertEqual(server.errors, [])

    def test_a_client_that_says_an_octet_at_a_time(self) -> None:
        server = self.start(timeout=0.1)
        talk = self.talk(server)
        ending = threading.Event()

        def drip() -> None:
            while not ending.wait(0.02):
                try:
                    talk.send(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        started = time.monotonic()
        self.assertEqual(talk.reply()[:3], b"421")
        self.assertLess(time.monotonic() - started, 1)
        ending.set()
        thread.join()

    def test_a_client_that_takes_no_reply(self) -> None:
        server = self.start(timeout=0.1)
        server.shrink()
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect((HOST, server.port))
        sock.settimeout(0.2)
        try:
            for _ in range(100):
                sock.sendall(b"EHLO x\r\n" * 100)
        except OSError:
            pass
        server.wait()
        self.assertEqual(server.errors, [])

    def test_a_client_that_vanishes_in_an_exchange(self) -> None:
        server = self.start()
        talk = self.talk(server)
        talk.say(b"EHLO x")
        talk.say(b"AUTH PLAIN")
        talk.close()
        failure = server.wait().session.failure
        self.assertIs(failure.reason, sasl.Reason.ABORTED)
        self.assertEqual(server.errors, [])

    def test_a_client_that_vanishes_in_a_message(self) -> None:
        server = self.start()
        talk = self.talk(server)
        talk.say(b"EHLO x")
        talk.say(b"DATA")
        talk.send(b"half a li")
        talk.close()
        server.wait()
        self.assertEqual(server.errors, [])

    def test_what_the_handler_raises_goes_through(self) -> None:
        def handle(command: object, ask: object) -> None:
            raise TimeoutError("the handler's own")

        server = self.start(handle=handle)
        talk = self.talk(server)
        talk.send(b"NOOP\r\n")
        self.assertEqual(talk.reply(), b"")
        server.wait()
        self.assertEqual([str(e) for e in server.errors], ["the handler's own"])

    def test_starttls(self) -> None:
        serving, trusting = needs_tls()
        server = self.start(tls=serving, starttls=True)
        talk = self.talk(server)
        self.assertIn(b"STARTTLS", talk.say(b"EHLO x"))
        self.assertEqual(talk.say(PLAIN)[:3], b"235")
        self.assertEqual(talk.say(b"STARTTLS")[:3], b"220")
        talk.start_tls(trusting)
        self.assertEqual(talk.say(b"MAIL FROM:<a@b>")[:3], b"503")
        self.assertEqual(talk.say(PLAIN)[:3], b"503")
        self.assertNotIn(b"STARTTLS", talk.say(b"EHLO x"))
        self.assertEqual(talk.say(b"STARTTLS")[:3], b"503")
        self.assertEqual(talk.say(PLAIN)[:3], b"235")
        self.assertEqual(talk.say(b"QUIT")[:3], b"221")
        self.assertTrue(server.wait().session.channel.encrypted)
        self.assertEqual(server.errors, [])

    def test_the_channel_after_starttls(self) -> None:
        serving, trusting = needs_tls()
        secure = sasl.Channel(True, external="alice")
        server = self.start(tls=serving, starttls=True, secured=lambda tls: secure)
        talk = self.talk(server)
        talk.say(b"EHLO x")
        talk.say(b"STARTTLS")
        talk.start_tls(trusting)
        self.assertIn(b"EXTERNAL", talk.say(b"EHLO x"))

    def test_a_command_injected_behind_starttls(self) -> None:
        serving, _ = needs_tls()
        for injected in (b"EHLO evil\r\n" + PLAIN + b"\r\n", b"E", b"\r\n", b"\n"):
            server = self.start(tls=serving, starttls=True)
            talk = self.talk(server)
            talk.say(b"EHLO x")
            talk.send(b"STARTTLS\r\n" + injected)
            with self.subTest(injected):
                self.assertEqual(talk.reply()[:3], b"503")
                self.assertEqual(talk.reply(), b"")
                mailbox = server.wait()
                self.assertEqual([c.verb for c in mailbox.commands], ["EHLO"])
                self.assertIsNone(mailbox.session.identity)

    def test_plaintext_in_place_of_the_handshake(self) -> None:
        serving, _ = needs_tls()
        server = self.start(tls=serving, starttls=True)
        talk = self.talk(server)
        talk.say(b"EHLO x")
        self.assertEqual(talk.say(b"STARTTLS")[:3], b"220")
        talk.send(b"EHLO evil\r\n" + PLAIN + b"\r\n")
        with contextlib.suppress(OSError):
            self.assertNotIn(b"235", talk.file.read())
        mailbox = server.wait()
        self.assertEqual([c.verb for c in mailbox.commands], ["EHLO"])
        self.assertEqual(server.errors, [])

    def test_starttls_that_was_not_offered(self) -> None:
        talk = self.talk(self.start())
        talk.say(b"EHLO x")
        self.assertEqual(talk.say(b"STARTTLS")[:3], b"502")
