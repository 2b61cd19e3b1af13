"""Both sides of IRC's SASL against each other, the words on the wire, and the vectors."""

from __future__ import annotations

import unittest

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find
from sasl_core.protocols.irc import Reply, reason_of
from sasl_core.protocols.irc._words import CHUNK, Chunks, MessageBuffer, chunks, parse

from ... import _accounts as accounts
from ..._data import add_test, method_name, vectors
from ._peer import CLEAR, REGISTRATION, SECURE, Network, client, run


class Mechanisms(unittest.TestCase):
    def pair(self, name: str, **right) -> tuple:
        entry = accounts.TABLE[name]
        on = accounts.channel(name)
        policy = accounts.policy(name)
        mine = client(
            sasl.Credentials(**(entry.right | right)), channel=on, policy=policy
        )
        return mine, Network(on, policy=policy)

    def test_every_mechanism(self) -> None:
        for name in accounts.TABLE:
            with self.subTest(name):
                mine, network = self.pair(name)
                run(mine, network)
                self.assertTrue(mine.authenticated)
                self.assertEqual(mine.mechanism, name)
                self.assertEqual(network.session.success.mechanism, name)
                self.assertEqual(network.session.success.bound, find(name).plus)

    def test_every_wrong_credential(self) -> None:
        for name, entry in accounts.TABLE.items():
            if entry.wrong is None:
                continue
            with self.subTest(name):
                mine, network = self.pair(name, **entry.wrong)
                with self.assertRaises(sasl.AuthenticationError) as caught:
                    run(mine, network)
                self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
                self.assertFalse(mine.authenticated)
                self.assertIsNone(network.session.identity)

    def test_what_the_client_sends(self) -> None:
        policy = sasl.Policy(allow=["PLAIN"])
        mine = client(policy=policy, registration=REGISTRATION)
        network = Network(policy=policy)
        self.assertEqual(
            run(mine, network),
            [
                b"CAP LS 302\r\n",
                b"CAP REQ :sasl\r\n" + REGISTRATION,
                b"AUTHENTICATE PLAIN\r\n",
                b"AUTHENTICATE AHVzZXIAcGVuY2ls\r\n",
                b"CAP END\r\n",
            ],
        )
        self.assertEqual(network.session.nick, "dan")

    def test_long_messages_go_in_chunks(self) -> None:
        for length in (284, 285, 286, 287, 585, 2000):
            password = "p" * length
            account = accounts.Application(username="user", password=password)
            policy = sasl.Policy(allow=["PLAIN"])
            mine = client(sasl.Credentials("user", password), policy=policy)
            network = Network(policy=policy, application=account)
            with self.subTest(length):
                sent = run(mine, network)
                self.assertTrue(mine.authenticated)
                lines = sent[3].split(b"\r\n")[:-1]
                self.assertGreater(len(lines), 1 if length > 294 else 0)
                self.assertLessEqual(max(map(len, lines)), 400 + 13)

    def test_an_authorization_identity(self) -> None:
        who = sasl.Credentials(accounts.USER, accounts.PASSWORD, authzid=accounts.OTHER)
        mine, network = client(who), Network()
        run(mine, network)
        self.assertEqual(network.session.identity.authzid, accounts.OTHER)


class Words(unittest.TestCase):
    def test_messages(self) -> None:
        for line, expected in {
            b"PING x": ("PING", (b"x",)),
            b"ping :a b": ("PING", (b"a b",)),
            b":irc 903 n :done": ("903", (b"n", b"done")),
            b"@a=b;c :irc  CAP * LS :": ("CAP", (b"*", b"LS", b"")),
            b"AUTHENTICATE  + ": ("AUTHENTICATE", (b"+",)),
            b"": None,
            b" PING": None,
            b":irc": None,
            b"P\0NG": None,
            b"PING\rx": None,
            b"P-NG x": None,
            b"\xc3\xa9 x": None,
        }.items():
            with self.subTest(line):
                self.assertEqual(parse(line), expected)

    def test_chunks_and_back(self) -> None:
        for length in (1, 399, 400, 401, 800, 801):
            text = b"a" * length
            cut = chunks(text)
            with self.subTest(length):
                self.assertEqual(
                    [len(one) for one in cut[:-1]], [400] * (length // 400)
                )
                self.assertLess(len(cut[-1]), CHUNK)
                collected = Chunks(1000)
                for _ in range(2):  # nothing is left of the message before
                    *some, last = [collected.add(one) for one in cut]
                    self.assertEqual(some, [None] * len(some))
                    self.assertEqual(last, text)

    def test_an_empty_message_is_a_plus(self) -> None:
        self.assertEqual(chunks(profiles.IRC.encode(b"")), [b"+"])
        self.assertEqual(Chunks(9).add(b"+"), b"+")

    def test_too_much(self) -> None:
        with self.assertRaises(OverflowError):
            Chunks(1000).add(b"a" * 401)
        collected = Chunks(1000)
        collected.add(b"a" * 400)
        collected.add(b"a" * 400)
        with self.assertRaises(OverflowError):
            collected.add(b"a" * 201)
        self.assertEqual(collected.add(b"YQ=="), b"YQ==")

    def test_lines_in_pieces_and_none(self) -> None:
        buffer = MessageBuffer()
        buffer.feed(b"PING a\nPI")
        self.assertEqual(buffer.next()[0].line, b"PING a")
        self.assertIsNone(buffer.next())
        buffer.feed(b"NG b\r\n" + b"x" * 9000 + b"\r\nPING c\r\n")
        self.assertEqual(buffer.next()[0].line, b"PING b")
        self.assertEqual(buffer.next()[0].line, b"PING c")
        self.assertFalse(buffer.pending)

    def test_every_reason_has_its_numeric(self) -> None:
        expected = {
            sasl.Reason.TOO_LONG: "905",
            sasl.Reason.ABORTED: "906",
            sasl.Reason.UNSUPPORTED: "908",
            sasl.Reason.DISABLED: "902",
        }
        for reason in sasl.Reason:
            numeric = profiles.IRC.reply(reason)[:3]
            with self.subTest(reason):
                self.assertEqual(numeric, expected.get(reason, "904"))
                back = reason if reason in expected else sasl.Reason.BAD_CREDENTIALS
                self.assertIs(reason_of(numeric), back)
        self.assertIs(reason_of("907"), sasl.Reason.MALFORMED)
        self.assertIs(reason_of("999"), sasl.Reason.BAD_CREDENTIALS)


class Vectors(unittest.TestCase):
    """The vectors of the profile, with our server in the server's place."""

    def check(self, vector) -> None:
        lines = vector["wire"]["lines"]
        application = accounts.Application(username="jilles", password="sesame")
        network = Network(policy=sasl.Policy(allow=["PLAIN"]), application=application)
        if "SCRAM" in vector["mechanism"]:
            network = Network(
                policy=sasl.Policy(allow=["SCRAM-SHA-1"]),
                application=_Jilles(),
            )
            self.compare_shape(network, lines)
            return
        begun = lines[0] == f"C: AUTHENTICATE {vector['mechanism']}"
        oversize = vector["id"] == "irc-neg-chunk-401"
        if not begun and not oversize:
            self.assertEqual(network.line(b"AUTHENTICATE PLAIN"), b"AUTHENTICATE +\r\n")
        if vector.get("inputs"):
            text = profiles.IRC.encode(bytes.fromhex(vector["inputs"]["message_hex"]))
            mine = [f"C: AUTHENTICATE {chunk.decode()}" for chunk in chunks(text)]
            self.assertEqual(mine, lines)
            self.assertEqual(len(mine), vector["expect"]["chunks"])
            return
        said: list[str] = []
        for line in lines:
            if line.startswith("C: "):
                said += network.line(line[3:].encode()).decode().splitlines()
                continue
            answer = said.pop(0)
            wanted = line.removeprefix("S: ")
            self.assertIn(wanted, (answer, answer.split(" ")[1]))
        self.assertEqual(said, [])
        succeeded = vector["expect"]["outcome"] == "success"
        self.assertEqual(network.session.identity is not None, succeeded)
        if "authcid" in vector["expect"]:
            identity = network.session.identity
            self.assertEqual(identity.authcid, vector["expect"]["authcid"])
            self.assertEqual(identity.authzid, vector["expect"]["authzid"])

    def compare_shape(self, network, lines) -> None:
        """The nonces are random: what is the same is who speaks, and the empty end."""
        mine = client(
            sasl.Credentials("jilles", "sesame"),
            policy=sasl.Policy(allow=["SCRAM-SHA-1"]),
        )
        sent = run(mine, network)
        shape = [line[:16] for line in lines if line.startswith("C: ")]
        self.assertEqual(len(sent) - 3, len(shape))
        self.assertEqual(sent[-2], lines[-3].removeprefix("C: ").encode() + b"\r\n")
        self.assertTrue(mine.authenticated)


class _Jilles(accounts.Application):
    def answer_to(self, request):
        return sasl.ScramKeys.derive("sesame", "sha1", iterations=4096)


for _vector in vectors("smtp_profile"):
    if _vector.get("profile") == "irc":
        add_test(
            Vectors,
            method_name(_vector["id"]),
            lambda self, vector=_vector: self.check(vector),
        )


class StartTLS(unittest.TestCase):
    def test_it_clears_what_was_learnt(self) -> None:
        policy = sasl.Policy(allow=["PLAIN"])
        mine = client(channel=CLEAR, starttls="require", policy=policy)
        network = Network(CLEAR, starttls=True, policy=policy)
        sent = run(mine, network)
        self.assertEqual(sent[1:3], [b"STARTTLS\r\n", b""])
        self.assertEqual(sent[3], b"CAP LS 302\r\n")
        self.assertTrue(mine.authenticated)

    def test_required_and_not_there(self) -> None:
        mine = client(channel=CLEAR, starttls="require")
        with self.assertRaises(sasl.NoMechanism):
            run(mine, Network(CLEAR))

    def test_refused(self) -> None:
        for starttls in ("require", "opportunistic"):
            mine = client(channel=CLEAR, starttls=starttls)
            mine.receive(b"CAP * LS :tls sasl=PLAIN\r\n")
            with self.subTest(starttls):
                if starttls == "require":
                    with self.assertRaises(sasl.NoMechanism):
                        mine.receive(b":irc 691 * :no\r\n")
                else:
                    self.assertEqual(mine.receive(b":irc 903 * :x\r\n"), b"")
                    said = mine.receive(b":irc NOTICE * :x\r\n:irc 691 * :no\r\n")
                    self.assertEqual(said, b"CAP REQ :sasl\r\n")

    def test_injected_behind_the_yes(self) -> None:
        mine = client(channel=CLEAR, starttls="require")
        mine.receive(b"CAP * LS :tls sasl=PLAIN\r\n")
        with self.assertRaises(sasl.ProtocolError):
            mine.receive(b":irc 670 * :ok\r\nCAP * LS :sasl=PLAIN\r\n")

    def test_injected_behind_the_command(self) -> None:
        network = Network(CLEAR, starttls=True)
        said = network.feed(b"STARTTLS\r\nAUTHENTICATE PLAIN\r\n")
        self.assertEqual(said, b"ERROR :Nothing may follow STARTTLS\r\n")
        self.assertTrue(network.closed)

    def test_the_server_forgets(self) -> None:
        network = Network(CLEAR, starttls=True)
        network.feed(b"AUTHENTICATE PLAIN\r\nAUTHENTICATE AHVzZXIAcGVuY2ls\r\n")
        self.assertIsNotNone(network.session.identity)
        self.assertIn(b" 670 ", network.feed(b"STARTTLS\r\n"))
        network.session.secured(SECURE)
        self.assertIsNone(network.session.identity)
        self.assertNotIn("tls", network.session.capabilities())

    def test_not_now(self) -> None:
        for network in (Network(CLEAR), Network(SECURE, starttls=True)):
            self.assertIn(b" 691 ", network.feed(b"STARTTLS\r\n"))
        network = Network(CLEAR, starttls=True)
        network.feed(b"AUTHENTICATE PLAIN\r\n")
        self.assertIn(b" 691 ", network.feed(b"STARTTLS\r\n"))


class Replies(unittest.TestCase):
    def test_a_reply_is_lines(self) -> None:
        self.assertEqual(bytes(Reply("a", "b")), b"a\r\nb\r\n")
        with self.assertRaises(ValueError):
            Reply("a\r\nb")


if __name__ == "__main__":
    unittest.main()
