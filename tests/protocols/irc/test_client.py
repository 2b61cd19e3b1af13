"""The client's session, by what a server may say."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core.protocols.irc import ClientSession

from ..._hypothesis import given, settings, st
from ._peer import CLEAR, SECURE, client

BOTH = b"CAP * LS :sasl=PLAIN,CRAM-MD5\r\n"
ACK = b"CAP * ACK :sasl\r\n"
PLUS = b"AUTHENTICATE +\r\n"


def begun(*names: str, **options) -> ClientSession:
    """Make a client that has just sent AUTHENTICATE with the first mechanism."""
    policy = sasl.Policy(allow=names, iterations=(1, 5000))
    mine = client(**({"policy": policy} | options))
    mine.receive(f"CAP * LS :sasl={','.join(names)}\r\n".encode())
    mine.receive(ACK)
    return mine


class Negotiation(unittest.TestCase):
    def test_a_list_in_pieces(self) -> None:
        mine = client(policy=sasl.Policy(allow=["PLAIN"]))
        self.assertEqual(mine.receive(b":irc CAP * LS * :multi-prefix\r\n:irc C"), b"")
        said = mine.receive(b"AP * LS :sasl=PLAIN batch\r\n")
        self.assertEqual(said, b"CAP REQ :sasl\r\n")
        self.assertEqual(mine.receive(ACK), b"AUTHENTICATE PLAIN\r\n")

    def test_a_server_that_does_not_offer_it(self) -> None:
        for line in (
            b"CAP * LS :\r\n",
            b"CAP * LS :sasl-x\r\n",
            b":irc 421 * CAP :Unknown command\r\n",
            b":irc 001 n :Welcome\r\n",
        ):
            with self.subTest(line), self.assertRaises(sasl.NoMechanism):
                client().receive(line)

    def test_a_server_that_takes_it_back(self) -> None:
        mine = client()
        mine.receive(BOTH)
        with self.assertRaises(sasl.NoMechanism):
            mine.receive(b"CAP * NAK :sasl\r\n")

    def test_no_mechanism_that_will_do(self) -> None:
        mine = client()
        mine.receive(b"CAP * LS :sasl=NTLM\r\n")
        with self.assertRaises(sasl.NoMechanism):
            mine.receive(ACK)

    def test_ping_and_others(self) -> None:
        mine = client(policy=sasl.Policy(allow=["PLAIN"]))
        said = mine.receive(b":irc NOTICE * :hello\r\nPING :a b\r\n" + BOTH)
        self.assertEqual(said, b"PONG :a b\r\nCAP REQ :sasl\r\n")
        self.assertEqual(mine.receive(b"CAP * NEW :x\r\nCAP\r\n"), b"")
        self.assertEqual(mine.others, [b":irc NOTICE * :hello"])
        self.assertEqual(mine.receive(b"PING\r\n" + ACK)[:8], b"PONG :\r\n")
        self.assertEqual(mine.receive(b"CAP * DEL :x\r\n"), b"")
        self.assertEqual(mine.receive(PLUS), b"AUTHENTICATE AHVzZXIAcGVuY2ls\r\n")

    def test_what_comes_behind_success(self) -> None:
        mine = begun("PLAIN")
        mine.receive(PLUS)
        said = mine.receive(b":irc 900 n m a :x\r\n:irc 903 n :ok\r\nPING z\r\n:x")
        self.assertEqual(said, b"CAP END\r\n")
        self.assertTrue(mine.authenticated)
        self.assertEqual(mine.unread(), b"PING z\r\n:x")
        self.assertEqual(mine.unread(), b"")
        mine = begun("PLAIN")
        mine.receive(PLUS)
        mine.receive(b":irc 903 n :ok\r\n" + b"x" * 100_000)
        self.assertEqual(len(mine.unread()), 100_000)
        with self.assertRaises(sasl.StateError):
            mine.receive(b"PING x\r\n")

    def test_the_lines_of_the_registration(self) -> None:
        with self.assertRaises(ValueError):
            client(registration=b"NICK x")


class Version31(unittest.TestCase):
    """A server that does not say which mechanisms it has."""

    FAILED = b":irc 904 n :SASL authentication failed\r\n"

    def begun(self) -> ClientSession:
        mine = client()
        mine.receive(b"CAP * LS :sasl\r\n")
        self.assertEqual(mine.receive(ACK), b"AUTHENTICATE SCRAM-SHA-512\r\n")
        return mine

    def test_it_is_told_after_the_first(self) -> None:
        mine = self.begun()
        self.assertEqual(mine.receive(b":irc 908 n LOGIN,X :are\r\n"), b"")
        self.assertEqual(mine.receive(self.FAILED), b"AUTHENTICATE LOGIN\r\n")

    def test_it_is_not_told(self) -> None:
        mine = self.begun()
        self.assertEqual(mine.receive(self.FAILED), b"AUTHENTICATE SCRAM-SHA-256\r\n")
        self.assertEqual(mine.receive(self.FAILED), b"AUTHENTICATE PLAIN\r\n")
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(self.FAILED)
        self.assertIs(caught.exception.reason, sasl.Reason.UNSUPPORTED)

    def test_none_of_the_list_will_do(self) -> None:
        mine = self.begun()
        mine.receive(b":irc 908 n NTLM :are\r\n")
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(self.FAILED)
        self.assertIs(caught.exception.reason, sasl.Reason.UNSUPPORTED)

    def test_no_password_in_the_clear(self) -> None:
        mine = client(channel=CLEAR, policy=sasl.Policy())
        mine.receive(b"CAP * LS :sasl\r\n")
        mine.receive(ACK)
        mine.receive(self.FAILED)
        with self.assertRaises(sasl.AuthenticationError):
            mine.receive(self.FAILED)


class Refusals(unittest.TestCase):
    def test_a_wrong_password_is_one_attempt(self) -> None:
        mine = begun("PLAIN", "LOGIN")
        mine.receive(PLUS)
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(b":irc 904 n :SASL authentication failed\r\n")
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertFalse(caught.exception.try_another)
        self.assertIn("904 SASL", str(caught.exception))

    def test_each_numeric(self) -> None:
        for numeric, reason in {
            "902": sasl.Reason.DISABLED,
            "905": sasl.Reason.TOO_LONG,
            "906": sasl.Reason.ABORTED,
            "907": sasl.Reason.MALFORMED,
        }.items():
            mine = begun("PLAIN")
            mine.receive(PLUS)
            with self.subTest(numeric), self.assertRaises(sasl.SASLError) as caught:
                mine.receive(f":irc {numeric}\r\n".encode())
            self.assertIs(caught.exception.reason, reason)

    def test_early_success(self) -> None:
        for name in ("PLAIN", "SCRAM-SHA-256", "CRAM-MD5"):
            mine = begun(name)
            with self.subTest(name), self.assertRaises(sasl.ServerNotAuthenticated):
                mine.receive(b":irc 903 n :ok\r\n")
            self.assertFalse(mine.authenticated)

    def test_what_is_no_challenge(self) -> None:
        for line in (b"AUTHENTICATE !\r\n", b"AUTHENTICATE YQ\r\n"):
            mine = begun("CRAM-MD5")
            self.assertEqual(mine.receive(line), b"AUTHENTICATE *\r\n")
            with self.assertRaises(sasl.ProtocolError):
                mine.receive(b":irc 906 n :aborted\r\n")
        for line in (
            b"AUTHENTICATE\r\n",
            b"AUTHENTICATE :\r\n",
            b"AUTHENTICATE " + b"A" * 401 + b"\r\n",
            (b"AUTHENTICATE " + b"A" * 400 + b"\r\n") * 200,
        ):
            with self.assertRaises(sasl.ProtocolError):
                begun("CRAM-MD5").receive(line)

    def test_a_challenge_in_pieces(self) -> None:
        mine = begun("CRAM-MD5")
        self.assertEqual(mine.receive(b"AUTHENTICATE " + b"YWFh" * 100 + b"\r\n"), b"")
        self.assertRegex(mine.receive(PLUS), rb"^AUTHENTICATE [A-Za-z0-9+/]+=*\r\n$")

    def test_the_server_closes(self) -> None:
        mine = begun("PLAIN")
        with self.assertRaises(sasl.AuthenticationError) as caught:
            mine.receive(b"ERROR :Closing link\r\n")
        self.assertIs(caught.exception.reason, sasl.Reason.UNAVAILABLE)
        self.assertIn("Closing link", str(caught.exception))
        mine = begun("CRAM-MD5")
        mine.receive(b"AUTHENTICATE !\r\n")
        with self.assertRaises(sasl.ProtocolError):
            mine.receive(b"ERROR :Closing link\r\n")
        mine = begun("PLAIN")
        self.assertIs(mine.closed().reason, sasl.Reason.UNAVAILABLE)

    def test_a_server_without_end(self) -> None:
        with self.assertRaises(sasl.ProtocolError):
            client().receive(b"NOTICE * :x\r\n" * 1001)
        mine = client()
        self.assertEqual(mine.receive(b"x" * 100_000), b"")


class Tokens(unittest.TestCase):
    def test_a_source_is_asked_again_once(self) -> None:
        who = sasl.Credentials("user", token=lambda error: "")
        mine = begun("OAUTHBEARER", credentials=who)
        self.assertTrue(mine.wants_token)
        self.assertEqual(mine.give_token("one"), b"AUTHENTICATE OAUTHBEARER\r\n")
        mine.receive(PLUS)
        challenge = b"AUTHENTICATE eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n"
        self.assertEqual(mine.receive(challenge), b"AUTHENTICATE AQ==\r\n")
        self.assertEqual(mine.receive(b":irc 904 n :no\r\nPING x\r\n"), b"")
        self.assertTrue(mine.wants_token)
        self.assertEqual(mine.token_error.status, "invalid_token")
        self.assertEqual(mine.give_token("two"), b"AUTHENTICATE OAUTHBEARER\r\n")
        # what came meanwhile has its turn with what comes next
        self.assertEqual(mine.receive(PLUS)[:22], b"PONG :x\r\nAUTHENTICATE ")


_LINE = st.one_of(
    st.sampled_from(
        [BOTH, ACK, PLUS, b"CAP * LS :sasl\r\n", b"CAP * LS * :tls\r\n", b"CAP\r\n"]
    ),
    st.sampled_from(
        [f":irc {n} * :x\r\n".encode() for n in (*range(900, 909), 421, 670, 691)]
    ),
    st.sampled_from([b"PING x\r\n", b"NOTICE x", b"\r\n", b"\0\r\n", b":\r\n", b"@ "]),
    st.sampled_from([b"AUTHENTICATE !\r\n", b"AUTHENTICATE YQ==\r\n"]),
    st.binary(max_size=12),
)


class Anything(unittest.TestCase):
    @settings(max_examples=100)
    @given(
        st.lists(_LINE, max_size=10),
        st.booleans(),
        st.sampled_from(["SCRAM-SHA-256", "CRAM-MD5", "OAUTHBEARER"]),
    )
    def test_only_our_errors_and_no_success(self, lines, begin, name) -> None:
        """None of these can prove what SCRAM demands; CRAM-MD5 demands an exchange."""
        who = sasl.Credentials("user", "pencil", token="t")
        if begin:
            mine = begun(name, credentials=who)
        else:
            policy = sasl.Policy(allow=["SCRAM-SHA-256"])
            mine = client(who, channel=SECURE, policy=policy)
        try:
            for line in lines:
                self.assertNotIn(b"pencil", mine.receive(line))
        except sasl.SASLError:
            with self.assertRaises(sasl.StateError):
                mine.receive(b"PING x\r\n")
        if mine.mechanism.startswith("SCRAM"):
            self.assertFalse(mine.authenticated)
        if mine.authenticated:
            self.assertIn(PLUS[:12], b"".join(lines))


if __name__ == "__main__":
    unittest.main()
