"""The server's session: what it answers, and what it leaves to the application."""

from __future__ import annotations

import unittest
from base64 import b64encode

import sasl_core as sasl
from sasl_core.protocols.irc import Command, Reply

from ... import _accounts as accounts
from ..._hypothesis import given, settings, st
from ._peer import CLEAR, SECURE, Network

RIGHT = b"AUTHENTICATE AHVzZXIAcGVuY2ls\r\n"
WRONG = b"AUTHENTICATE AHVzZXIAd3Jvbmc=\r\n"
PLAIN = b"AUTHENTICATE PLAIN\r\n"
PLAIN_ONLY = sasl.Policy(allow=["PLAIN"])


class Server(unittest.TestCase):
    def network(self, channel=SECURE, **options) -> Network:
        return Network(channel, **({"policy": PLAIN_ONLY} | options))

    def test_success(self) -> None:
        network = self.network(name="irc.example.org")
        network.session.nick, network.session.mask = "dan", "dan!d@host"
        network.feed(PLAIN)
        self.assertEqual(
            network.feed(RIGHT),
            b":irc.example.org 900 dan dan!d@host user :You are now logged in\r\n"
            b":irc.example.org 903 dan :SASL authentication successful\r\n",
        )

    def test_an_account_that_is_no_parameter(self) -> None:
        for name in ("a b", ":x", "a\u2028b"):
            network = self.network(
                application=accounts.Application(username=name, password="p")
            )
            network.feed(PLAIN)
            message = b64encode(f"\0{name}\0p".encode())
            said = network.feed(b"AUTHENTICATE " + message + b"\r\n")
            with self.subTest(name):
                self.assertNotIn(name.encode(), said)
                self.assertEqual(b" 903 " in said, network.session.identity is not None)

    def test_numerics(self) -> None:
        for lines, numeric in {
            (b"AUTHENTICATE\r\n",): b"461",
            (b"AUTHENTICATE :\r\n",): b"461",
            (b"AUTHENTICATE *\r\n",): b"906",
            (b"AUTHENTICATE NTLM\r\n",): b"908",
            (b"AUTHENTICATE " + b"A" * 401 + b"\r\n",): b"905",
            (b"AUTHENTICATE " + b"A" * 9000 + b"\r\n",): b"905",
            (PLAIN, b"AUTHENTICATE " + b"A" * 401 + b"\r\n"): b"905",
            (PLAIN, b"AUTHENTICATE *\r\n"): b"906",
            (PLAIN, b"AUTHENTICATE !\r\n"): b"904",
            (PLAIN, b"AUTHENTICATE +\r\n"): b"904",
            (PLAIN, PLAIN): b"904",
            (PLAIN, WRONG): b"904",
            (PLAIN, RIGHT, PLAIN): b"907",
            (PLAIN, b"AUTH\0ENTICATE x\r\n"): b"421",
            (b"\xc3\xa9\r\n",): b"421",
            (b"\r\n",): b"421",
            (b"PRIVMSG #a :" + b"x" * 600 + b"\r\n",): b"417",
            (b"PRIVMSG #a :" + b"x" * 9000 + b"\r\n",): b"417",
        }.items():
            network = self.network()
            said = [network.feed(line) for line in lines][-1]
            with self.subTest(lines):
                self.assertEqual(said.split(b" ")[1], numeric)
                self.assertFalse(network.closed)
                if numeric != b"907":
                    self.assertIsNone(network.session.identity)
                    network.feed(b"AUTHENTICATE *\r\n")
                    network.feed(PLAIN)
                    self.assertIn(b" 903 ", network.feed(RIGHT))

    def test_tags_are_beside_the_limit(self) -> None:
        network = self.network()
        tagged = b"@a=" + b"x" * 3000 + b" :me PRIVMSG #a :hello\r\n"
        self.assertEqual(network.feed(tagged), b"")
        self.assertEqual(network.commands[-1].verb, "PRIVMSG")
        self.assertEqual(network.feed(b"@x=y " + PLAIN), b"AUTHENTICATE +\r\n")

    def test_an_unknown_mechanism_is_told_the_known_ones(self) -> None:
        network = self.network(policy=sasl.Policy(allow=["PLAIN", "SCRAM-SHA-256"]))
        self.assertEqual(
            network.feed(b"AUTHENTICATE NTLM\r\n"),
            b":irc 908 * SCRAM-SHA-256,PLAIN :are available SASL mechanisms\r\n"
            b":irc 904 * :SASL authentication failed\r\n",
        )
        network = self.network(CLEAR)
        said = network.feed(b"AUTHENTICATE NTLM\r\n")
        self.assertEqual(said, b":irc 904 * :SASL authentication failed\r\n")

    def test_no_password_in_the_clear(self) -> None:
        network = self.network(CLEAR)
        self.assertEqual(network.session.capabilities(), ())
        said = network.feed(PLAIN)
        self.assertEqual(said, b":irc 904 * :SASL authentication failed\r\n")
        self.assertIs(network.session.failure, None)

    def test_capabilities(self) -> None:
        session = self.network().session
        self.assertEqual(session.capabilities(), ("sasl=PLAIN",))
        session = self.network(CLEAR, starttls=True).session
        self.assertEqual(session.capabilities(), ("tls",))
        network = self.network()
        network.feed(PLAIN + RIGHT)
        self.assertEqual(network.session.capabilities(), ())

    def test_other_commands_in_the_middle_of_an_exchange(self) -> None:
        network = self.network()
        network.feed(PLAIN)
        network.feed(b"NICK dan\r\nPING x\r\n")
        self.assertEqual([c.verb for c in network.commands], ["NICK", "PING"])
        self.assertIn(b" 903 dan ", network.feed(RIGHT))

    def test_a_registration_that_is_completed_aborts(self) -> None:
        network = self.network()
        network.feed(PLAIN)
        said = network.feed(b"CAP END\r\n")
        self.assertEqual(
            said.splitlines(),
            [b":irc 906 * :SASL authentication aborted", b":irc 001 * :Welcome"],
        )
        self.assertIs(network.session.failure.reason, sasl.Reason.ABORTED)
        self.assertEqual(network.session.registered(), Reply())

    def test_a_chunk_that_is_left_over_is_forgotten(self) -> None:
        network = self.network()
        network.feed(PLAIN)
        self.assertEqual(network.feed(b"AUTHENTICATE " + b"A" * 400 + b"\r\n"), b"")
        self.assertIn(b" 906 ", network.feed(b"AUTHENTICATE *\r\n"))
        network.feed(PLAIN)
        self.assertIn(b" 903 ", network.feed(RIGHT))

    def test_more_than_the_policy_takes(self) -> None:
        network = self.network(policy=PLAIN_ONLY.replace(max_message=500))
        network.feed(PLAIN)
        chunk = b"AUTHENTICATE " + b"A" * 400 + b"\r\n"
        self.assertEqual(network.feed(chunk), b"")
        self.assertIn(b" 905 ", network.feed(chunk))
        self.assertIs(network.session.failure.reason, sasl.Reason.TOO_LONG)

    def test_too_many_failures(self) -> None:
        network = self.network(max_failures=2)
        for _ in range(2):
            network.feed(PLAIN)
            self.assertIn(b" 904 ", network.feed(WRONG))
        said = network.feed(PLAIN)
        self.assertEqual(said, b"ERROR :Too many failed attempts\r\n")
        self.assertTrue(network.closed)
        self.assertTrue(network.session.receive(PLAIN).close)

    def test_an_application_that_cannot_tell(self) -> None:
        session = self.network().session
        session.receive(PLAIN)
        self.assertIsInstance(session.receive(RIGHT), sasl.CheckPassword)
        self.assertIn("904", session.unavailable("no database").lines[0])
        self.assertIs(session.failure.reason, sasl.Reason.UNAVAILABLE)

    def test_timeout(self) -> None:
        self.assertTrue(self.network().session.timed_out.close)

    def test_a_command_shows_its_line(self) -> None:
        network = self.network()
        network.feed(b":me PRIVMSG #a :hello  there\r\n")
        command = network.commands[0]
        self.assertEqual(command.parameters, (b"#a", b"hello  there"))
        self.assertEqual(command.line, b":me PRIVMSG #a :hello  there")


_WORD = st.one_of(
    st.sampled_from(
        [b"PLAIN", b"+", b"*", b"", b"SCRAM-SHA-256", b"A" * 400, b"A" * 401, b"AAAA"]
    ),
    st.sampled_from([WRONG[13:-2], b"AHVzZXI=", b"\0", b"\xff", b"=", b":x y"]),
    st.binary(max_size=8),
)
_LINE = st.one_of(
    st.builds(b"AUTHENTICATE %b\r\n".__mod__, _WORD),
    st.sampled_from(
        [b"PING x\r\n", b"CAP END\r\n", b"CAP LS 302\r\n", b"STARTTLS\r\n", b"\r\n"]
    ),
    st.sampled_from([b"AUTHENTI", b"x" * 700 + b"\r\n", b"x" * 5000, b"\n", b"\r"]),
    st.binary(max_size=12),
)


class Anything(unittest.TestCase):
    @settings(max_examples=100)
    @given(st.lists(_LINE, max_size=8))
    def test_no_line_raises_or_logs_in(self, lines) -> None:
        network = Network(policy=sasl.Policy(allow=["PLAIN", "SCRAM-SHA-256"]))
        for line in lines:
            said = network.feed(line)
            self.assertNotIn(b" 903 ", said)
            for one in said.split(b"\r\n")[:-1]:
                self.assertRegex(one, rb"^(:irc \d{3} |AUTHENTICATE |ERROR |:irc CAP )")
        self.assertIsNone(network.session.success)
        self.assertEqual(network.accounts.yes.count("CheckPassword"), 0)
        if not network.closed:  # and it can still be used
            network.feed(b"\r\nAUTHENTICATE *\r\n")
            network.feed(PLAIN)
            said = network.feed(RIGHT)
            self.assertTrue(network.closed or b" 903 " in said)

    def test_the_right_line_would(self) -> None:
        network = Network(policy=PLAIN_ONLY)
        network.feed(PLAIN + RIGHT)
        self.assertIsInstance(network.session.success, sasl.Success)
        self.assertEqual(network.accounts.yes, ["CheckPassword"])

    def test_a_command_is_the_applications(self) -> None:
        action = Network().session.receive(b"JOIN #a\r\n")
        self.assertEqual(action, Command("JOIN", (b"#a",), b"JOIN #a"))


if __name__ == "__main__":
    unittest.main()
