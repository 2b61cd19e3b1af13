"""DIGEST-MD5 (RFC 2831): realms, characters, spellings, choices, layers."""

from __future__ import annotations

import copy
import pickle
import unittest
from collections.abc import Iterator
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.mechanisms import _digest_messages as messages
from sasl_core.memory import Memory
from sasl_core.protocols.smtp import Authentication
from sasl_core.records import DigestMd5Secret

from .. import _accounts as accounts
from .._des import MAKERS
from .._hypothesis import given, st
from ..test_states import mutations
from ._both import client, reason, server

NAME = "DIGEST-MD5"
CHALLENGE = b'nonce="n",algorithm=md5-sess,charset=utf-8'
PROTECTED = ("confidentiality", "integrity")


def exchange(
    offered: sasl.Policy | None = None,
    wanted: sasl.Policy | None = None,
    *,
    password: Any = accounts.PASSWORD,
    realm: str | tuple[str, ...] | None = None,
    realm_wanted: str | None = None,
    username: str = "user",
    password_typed: str = accounts.PASSWORD,
    authzid: str = "",
) -> tuple[sasl.Client, sasl.Success | sasl.Failure, list[bytes]]:
    """Run one; return the client, how it ended, and the messages."""
    default = sasl.Policy(allow=[NAME])
    common: dict[str, Any] = {
        "channel": accounts.channel(NAME),
        "profile": sasl.profiles.RAW,
    }
    asked = sasl.server(NAME, policy=offered or default, realm=realm, **common)
    mine = sasl.Credentials(
        username, password_typed, authzid=authzid, realm=realm_wanted
    )
    asking = sasl.client(NAME, mine, policy=wanted or default, **common)
    challenge = asked.start().data
    response = asking.step(challenge)
    event: Any = asked.step(response)
    said = [challenge, response]
    if isinstance(event, sasl.FindPassword):
        event = event.answer(password)
    if isinstance(event, sasl.Authorize):
        event = event.answer(True)
    if isinstance(event, sasl.Success):
        said.append(event.data or b"")
        asking.finish(event.data)
    return asking, event, said


def policy(*layers: Any, **more: Any) -> sasl.Policy:
    """Make a policy with these layers."""
    return sasl.Policy(allow=[NAME], layers=layers, **more)


# What most peers write, and what is less usual.
USUAL = (
    b'realm="r",nonce="n",qop="auth",charset=utf-8,algorithm=md5-sess',
    b'username="u",realm="r",nonce="n",cnonce="c",nc=00000001,digest-uri="a/b",response='
    + b"0" * 32
    + b",qop=auth,charset=utf-8",
)
UNUSUAL = (
    b'realm="r;s" realm="" realm="\xc3\xa9" realm="\xe9" realm="\\r" username="" nonce=""'
    b' username="\xc3\xa9" nonce="n,m" cnonce=c nc=0000000A response=0 qop="auth,auth-int"'
    b' charset=UTF-8 maxbuf=4096 authzid="a" x=y x="y '
).split(b" ")


def variants(usual: list[bytes]) -> Iterator[list[bytes]]:
    """Yield it, and it with one directive gone, twice, in other words or too much."""
    yield usual
    for index, directive in enumerate(usual):
        before, after = usual[:index], usual[index + 1 :]
        yield [*after, *before]
        yield [*usual, directive]
        for other in UNUSUAL:
            yield [*before, other, *after]
            yield [*before, other, *usual[index:]]


def outcome(read: Any, message: bytes) -> object:
    """Return what comes of a message: what it says, or why it is refused."""
    try:
        return read(message)
    except ValueError as error:
        return str(error)


class SpellingTest(unittest.TestCase):
    """What comes in other words, and means the same; and what does not."""

    def challenge(self, text: bytes) -> messages.Challenge:
        return messages.read_challenge(text)

    def test_quotes_and_white_space(self) -> None:
        """Either form of a value, white space between words, empty elements, case."""
        plain = self.challenge(
            b'nonce="abc",algorithm=md5-sess,qop="auth",charset=utf-8'
        )
        for text in (
            b'nonce=abc,algorithm="md5-sess",qop=auth,charset="utf-8"',
            b' nonce = "abc" ,\talgorithm=md5-sess,qop="auth", charset=utf-8 ',
            b',,nonce="abc",,algorithm=md5-sess, ,qop=" auth ,",charset=UTF-8,',
            b'Nonce="abc",ALGORITHM=MD5-Sess,qop="auth",Charset=utf-8',
            b'nonce="abc"\r\n ,\r\n\talgorithm=md5-sess,qop="auth",charset=utf-8',
            b'nonce="\\abc",algorithm=md5-sess,qop="\\a\\u\\t\\h",charset=utf-8',
            b'nonce="abc",algorithm=md5-sess,charset=utf-8,stale=true,x=y,x="z"',
        ):
            with self.subTest(text):
                self.assertEqual(self.challenge(text), plain)

    def test_sizes(self) -> None:
        """Leading zeros are nothing; 17 octets to 16 MB are a buffer."""
        good = b'nonce="a",algorithm=md5-sess,maxbuf='
        for digits, size in ((b"0065536", 65536), (b"17", 17), (b"16777215", 16777215)):
            self.assertEqual(self.challenge(good + digits).buffer, size)
        for digits in (b"0", b"000", b"16", b"16777216", b"+17", b"1e4", b'""'):
            with self.subTest(digits), self.assertRaises(ValueError):
                self.challenge(good + digits)

    def test_no_list_of_directives(self) -> None:
        """Each is refused, whatever else is in it."""
        good = b'nonce="a",algorithm=md5-sess'
        for text in (
            b"",
            b",",
            good + b",x",
            good + b",x=",
            good + b",=x",
            good + b"x=y",
            good + b' x="y"',
            good + b',a="x",,b="y"c=d',
            good + b',x="y',
            good + b',x="y\\',
            good + b',x=y"',
            good + b',x="y"z',
            good + b',x="\\\xc3\xa4"',
            good + b',x="\0"',
            good + b',x="\n"',
            good + b',x="\x7f"',
            good + b",x=y;z=a",
            good + b",x=\xc3\xa4",
            good + b"\n",
            good + b"\r\n",
            b"\r\n" + good,
            b"\0" + good,
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                self.challenge(text)

    def test_usual_messages(self) -> None:
        """Read at once, a message means what it does read one directive after another."""
        for usual, read in zip(
            USUAL, (messages.read_challenge, messages.read_response), strict=True
        ):
            whole = usual.split(b",")
            bare = [one for one in whole if not one.startswith(b"realm")]
            for directives in (*variants(whole), *variants(bare)):
                message = b",".join(directives)
                with mock.patch.object(messages, "_usual", return_value=None):
                    slowly = outcome(read, message)
                self.assertEqual(outcome(read, message), slowly, message)

    def test_written_is_read(self) -> None:
        """Quotes and backslashes in every value that may have them."""
        odd = 'a"b\\c,d=e '
        for charset in ("utf-8", "latin-1"):
            response = messages.Response(
                odd + "\xe9",
                odd,
                b'no"nce\\',
                b"0000000f",
                b"\\",
                b"auth-conf",
                b'a/"',
                b"0" * 32,
                17,
                b"rc4-40",
                b'"',
            )
            text = messages.write_response(response, charset)
            with self.subTest(charset):
                self.assertEqual(messages.read_response(text), response)

    def test_a_changed_challenge_fails_or_means_the_same(self) -> None:
        """A client that goes on has said what the honest server wants to hear."""
        asked = server(NAME)
        honest = asked.start().data
        counted = 0
        for changed in mutations(honest):
            asking = client(NAME)
            try:
                response = asking.step(changed)
            except sasl.SASLError:
                continue
            twin = copy.deepcopy(asked)
            event: Any = twin.step(response)
            if isinstance(event, sasl.Request):
                event = event.answer(accounts.PASSWORD)
            counted += isinstance(event, sasl.Success)
            if isinstance(event, sasl.Failure):
                with self.assertRaises(sasl.ServerNotAuthenticated):
                    asking.finish()
        self.assertGreater(counted, 5)

    @given(st.binary(max_size=60))
    def test_any_tail(self, tail: bytes) -> None:
        """Whatever comes behind a good message, the readers return or raise Malformed."""
        for read, good in (
            (messages.read_challenge, CHALLENGE),
            (messages.read_response, CHALLENGE),
            (messages.read_rspauth, b"rspauth=" + b"0" * 32),
        ):
            for text in (tail, good + tail, good + b"," + tail):
                try:
                    read(text)
                except ValueError as error:
                    self.assertNotIsInstance(error, UnicodeError)


class RealmTest(unittest.TestCase):
    """One, several, none; and what a client chooses."""

    def test_one(self) -> None:
        """The channel's host, if nothing else is said."""
        _, event, said = exchange()
        self.assertIn(b'realm="mail.example.org"', said[0])
        self.assertIn(b'realm="mail.example.org"', said[1])
        self.assertEqual(event.identity, sasl.Identity("user"))

    def test_none(self) -> None:
        """No word of it on either side: curl gives up on realm=""."""
        for realm in ("", ()):
            _, event, said = exchange(realm=realm)
            self.assertNotIn(b"realm", said[0] + said[1])
            self.assertIsInstance(event, sasl.Success)

    def test_an_empty_one(self) -> None:
        """Dovecot sends one: it is sent back, as RFC 2831 wants it, and taken."""
        response = client(NAME).step(b'realm="",' + CHALLENGE)
        self.assertIn(b',realm="",', response)
        asked = server(NAME, on=sasl.Channel(True, service="imap"))
        challenge = asked.start().data
        self.assertNotIn(b"realm", challenge)
        event: Any = asked.step(client(NAME).step(b'realm="",' + challenge))
        self.assertEqual(accounts.question(event)[1:], ("user", None))
        self.assertIsInstance(event.answer(accounts.PASSWORD), sasl.Success)

    def test_several(self) -> None:
        """The credentials' choice, the host's, the first; and two users of one name."""
        two = ("a.example", "b.example")
        for realms, wanted, chosen in (
            (two, None, "a.example"),
            (two, "b.example", "b.example"),
            ((*two, accounts.HOST), None, accounts.HOST),
        ):
            _, event, said = exchange(realm=realms, realm_wanted=wanted)
            with self.subTest(realms, wanted=wanted):
                self.assertIn(f'realm="{chosen}"'.encode(), said[1])
                self.assertEqual(event.identity.authcid, f"user@{chosen}")

    def test_one_that_was_not_offered(self) -> None:
        """A client may ask for it, our server has none but its own."""
        _, event, said = exchange(realm="a.example", realm_wanted="c.example")
        self.assertIn(b'realm="c.example"', said[1])
        self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_one_where_none_was_offered(self) -> None:
        """Who comes from there is not the user of that name here."""
        for wanted, authcid in (
            ("c.example", "user@c.example"),
            (accounts.HOST, "user"),
        ):
            _, event, said = exchange(realm="", realm_wanted=wanted)
            self.assertIn(f'realm="{wanted}"'.encode(), said[1])
            self.assertEqual(event.identity, sasl.Identity(authcid))
        _, event, _ = exchange(realm="", realm_wanted="c\x7f")
        self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_the_secret_of_a_realm(self) -> None:
        """It stands in for the password, there and for that user only."""
        for realm, user, password, welcome in (
            (accounts.HOST, "user", accounts.PASSWORD, True),
            ("elsewhere", "user", accounts.PASSWORD, False),
            (accounts.HOST, "boss", accounts.PASSWORD, False),
            (accounts.HOST, "user", "other", False),
        ):
            stored = DigestMd5Secret.derive(user, realm, password)
            _, event, _ = exchange(password=stored)
            with self.subTest(realm, user=user):
                self.assertEqual(isinstance(event, sasl.Success), welcome)


class CharacterTest(unittest.TestCase):
    """The rule of ISO 8859-1 (section 2.1.2.1)."""

    def test_names_and_passwords(self) -> None:
        """Within ISO 8859-1, beyond it, and one of each."""
        for username in ("j\xfcrgen", "j\u0151rgen"):
            for password in ("p\xe453w\xf6rd", "p\xe453w\u0151rd"):
                for stored in (
                    password,
                    DigestMd5Secret.derive(username, accounts.HOST, password),
                ):
                    _, event, _ = exchange(
                        username=username,
                        password_typed=password,
                        password=stored,
                        authzid="j\u0151",
                    )
                    with self.subTest(username, password=password):
                        self.assertEqual(event.identity.authcid, username)
                        self.assertEqual(event.identity.authzid, "j\u0151")

    def test_a_server_without_charset(self) -> None:
        """It takes ISO 8859-1, so we send that, or nothing."""
        challenge = b'nonce="n",algorithm=md5-sess'
        response = client(NAME, {"username": "j\xfc", "password": "p\xe4"}).step(
            challenge
        )
        self.assertIn(b'username="j\xfc"', response)
        self.assertNotIn(b"charset", response)
        for has in (
            {"username": "j\u0151", "password": "p"},
            {"username": "j", "password": "p\u0151"},
            {"username": "j", "password": "p", "realm": "\u0151"},
        ):
            with self.subTest(has), self.assertRaises(sasl.CredentialsError) as caught:
                client(NAME, has).step(challenge)
            self.assertNotIn("\u0151", str(caught.exception))

    def test_a_client_without_charset(self) -> None:
        """It means ISO 8859-1; the same user logs in."""
        asked = server(NAME)
        challenge = asked.start().data.replace(b",charset=utf-8", b"")
        response = client(NAME, {"username": "j\xfc", "password": "p\xe4"}).step(
            challenge
        )
        event: Any = asked.step(response)
        self.assertEqual(event.username, "j\xfc")
        self.assertIsInstance(event.answer("p\xe4"), sasl.Success)

    def test_what_cannot_be_sent(self) -> None:
        """Controls, lone surrogates, nothing; and a service that nobody knows."""
        for has in (
            {"username": "a\0", "password": "p"},
            {"username": "a", "password": "p\0"},
            {"username": "a", "password": "p\udc80"},
            {"username": "a", "password": "p", "realm": "r\n"},
            {"username": "a", "password": "p", "authzid": "\udc80"},
        ):
            with self.subTest(has), self.assertRaises(sasl.CredentialsError):
                client(NAME, has)
        for channel in (
            sasl.Channel(True, host="h"),
            sasl.Channel(True, service="imap"),
        ):
            with self.assertRaises(sasl.CredentialsError):
                client(NAME, on=channel)


class URITest(unittest.TestCase):
    """The digest-uri says where the client believes to be."""

    def event(self, uri: bytes, on: sasl.Channel, realm: str | None = None) -> Any:
        asked = sasl.server(
            NAME,
            channel=on,
            policy=accounts.policy(NAME),
            profile=sasl.profiles.RAW,
            realm=realm,
        )
        response = client(NAME).step(asked.start().data)
        return asked.step(response.replace(b"imap/mail.example.org", uri))

    def test_which_are_ours(self) -> None:
        """Service and host in any case, whatever its replicated name; or our realm."""
        here = sasl.Channel(True, service="imap", host="mail.example.org")
        for uri in (
            b"imap/mail.example.org",
            b"IMAP/Mail.Example.Org",
            b"imap/mail.example.org/example.org",
            b"imap/example.org",
        ):
            with self.subTest(uri):
                event = self.event(uri, here, "example.org")
                self.assertIsInstance(event, sasl.FindPassword)
        for uri in (
            b"smtp/mail.example.org",
            b"imap/evil.example",
            b"imap/evil.example/mail.example.org",
            b"imap",
            b"imap/",
            b"imap/mail.example.org/",
            b"imap/mail.example.org/x/y",
            b"/mail.example.org",
            b"\xff/\xff",
        ):
            with self.subTest(uri):
                failure = self.event(uri, here, "example.org")
                self.assertIs(reason(failure), sasl.Reason.BAD_CREDENTIALS)

    def test_what_the_channel_does_not_know(self) -> None:
        """It is not compared."""
        for channel in (
            sasl.Channel(True, service="imap"),
            sasl.Channel(True, host="mail.example.org"),
            sasl.Channel(True),
        ):
            event = self.event(b"imap/mail.example.org", channel)
            self.assertIsInstance(event, sasl.FindPassword)
            self.assertIsInstance(self.event(b"imap/", channel), sasl.Failure)


class AgainTest(unittest.TestCase):
    """Subsequent authentication (section 2.2): by a nonce that has served before."""

    def setUp(self) -> None:
        self.theirs = sasl.Policy(allow=[NAME], memory=Memory())
        self.mine = sasl.Policy(allow=[NAME], memory=Memory())
        self.who = sasl.Credentials("user", accounts.PASSWORD)

    def client(self, **more: Any) -> sasl.Client:
        return sasl.client(
            NAME,
            more.pop("who", self.who),
            channel=accounts.channel(NAME),
            policy=more.pop("policy", self.mine),
            profile=sasl.profiles.RAW,
        )

    def server(self) -> sasl.Server:
        return sasl.server(
            NAME,
            channel=accounts.channel(NAME),
            policy=self.theirs,
            profile=sasl.profiles.RAW,
        )

    def log_in(self, *, client: sasl.Client | None = None, initial: bool = True) -> int:
        """Log in; return how often the client spoke."""
        outcome = accounts.play(client or self.client(), self.server(), initial=initial)
        self.assertTrue(outcome.succeeded, outcome)
        self.spoken = [said for side, said in outcome.transcript if side == "C"]
        return len(self.spoken)

    def test_a_round_trip_is_saved(self) -> None:
        """Each time the count goes up by one."""
        for count in (1, 2, 3):
            self.log_in()
            self.assertIn(b"nc=%08x" % count, self.spoken[0])
        event = self.server().start(self.client().start())
        self.assertEqual(accounts.question(event)[:2], (sasl.FindPassword, "user"))

    def test_without_a_memory(self) -> None:
        """Each exchange has its own nonce, and an initial response gets a challenge."""
        self.log_in()
        initial = self.client().start()
        self.theirs = sasl.Policy(allow=[NAME])
        for text in (initial, b"", b"nonsense"):
            event: Any = self.server().start(text)
            self.assertIn(b"algorithm=md5-sess", event.data)
        self.assertIsNone(self.client(policy=self.theirs).start())

    def test_a_server_that_has_forgotten(self) -> None:
        """It sends a challenge, which is answered: nobody notices."""
        self.log_in()
        self.theirs = self.theirs.replace(memory=Memory())
        self.assertEqual(self.log_in(), 2)
        self.assertIn(b"nc=00000001", self.spoken[1])
        self.log_in()
        self.assertIn(b"nc=00000002", self.spoken[0])

    def test_a_protocol_without_initial_responses(self) -> None:
        """The server speaks first, and what was remembered is not used."""
        self.log_in()
        self.assertEqual(self.log_in(initial=False), 1)
        self.assertIn(b"nc=00000001", self.spoken[0])
        one = self.client()
        self.assertFalse(one.initial_optional)
        self.assertIsNotNone(one.start())
        self.assertTrue(one.initial_optional)

    def test_a_command_without_it(self) -> None:
        """Where the line has no room for it, the challenge is waited for."""
        self.log_in()
        profile = sasl.profiles.SMTP.replace(initial_response=False)
        client = sasl.client(
            NAME,
            self.who,
            channel=accounts.channel(NAME),
            policy=self.mine,
            profile=profile,
        )
        attempt = Authentication(client)
        self.assertEqual(attempt.command(), b"AUTH DIGEST-MD5")
        challenge = profile.encode(self.server().start().data)
        answer = attempt.reply(334, challenge)
        self.assertIn(b"nc=00000001", profile.decode(answer or b""))

    def test_a_replay(self) -> None:
        """The same response, or one with another count, gets a challenge, no more."""
        self.log_in()
        initial = self.client().start()
        event: Any = self.server().start(initial)
        # While its owner is asked about, the nonce is nobody's.
        self.assertIsInstance(self.server().start(initial), sasl.Challenge)
        self.assertIsInstance(event.answer(accounts.PASSWORD), sasl.Success)
        for text in (
            initial,
            initial.replace(b"nc=00000002", b"nc=00000001"),
            initial.replace(b"nc=00000002", b"nc=00000004"),
            initial.replace(b"nc=00000002", b"nc=ffffffff"),
        ):
            self.assertIsInstance(self.server().start(text), sasl.Challenge)
        # None of them has used it up.
        text = initial.replace(b"nc=00000002", b"nc=00000003")
        self.assertIsInstance(self.server().start(text), sasl.FindPassword)
        self.assertIs(
            reason(self.server().start(initial[:-1] + b'"')), sasl.Reason.MALFORMED
        )

    def test_a_wrong_response(self) -> None:
        """It gets a challenge, and does not count (section 2.2.2)."""
        self.log_in()
        right = self.client().start()
        start = right.index(b"response=") + 9
        proof = right[start : start + 32]
        wrong = self.server().start(right.replace(proof, proof[::-1]))
        self.assertIsInstance(wrong.answer(accounts.PASSWORD), sasl.Challenge)
        for old, new in (
            (b'username="user"', b'username="boss"'),  # who may know his own password
            (b'realm="mail.example.org"', b'realm="other.example"'),
            (b'digest-uri="imap/mail', b'digest-uri="imap/evil'),
            (b"qop=auth", b"qop=auth-int"),
            (b"qop=auth", b'qop=auth,authzid="\xff"'),
        ):
            self.assertIn(old, right)
            event = self.server().start(right.replace(old, new))
            self.assertIsInstance(event, sasl.Challenge)
        event = self.server().start(right)
        self.assertIsInstance(event.answer(accounts.PASSWORD), sasl.Success)

    def test_a_changed_password(self) -> None:
        """The old one gets no one in; the new one does, by the challenge."""
        self.log_in()
        old, new = self.client(), sasl.Credentials("user", "new")
        application = accounts.Application(password="new")
        outcome = accounts.play(old, self.server(), application)
        self.assertIs(reason(outcome.event), sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(application.asked, ["FindPassword"] * 2)
        outcome = accounts.play(self.client(who=new), self.server(), application)
        self.assertTrue(outcome.succeeded)

    def test_a_server_that_does_not_prove_itself(self) -> None:
        """A wrong proof is the end, and so is a challenge after the second answer."""
        self.log_in()
        one = self.client()
        one.start()
        with self.assertRaises(sasl.ServerNotAuthenticated):
            one.step(b"rspauth=" + b"0" * 32)
        self.log_in()
        one = self.client()
        one.start()
        one.step(self.server().start().data)
        with self.assertRaises(sasl.ProtocolError):
            one.step(self.server().start().data)

    def test_never_with_a_layer(self) -> None:
        """Its keys would be the same again."""
        for side in ("theirs", "mine"):
            layered = getattr(self, side).replace(layers=("integrity",))
            setattr(self, side, layered)
        for _ in range(2):
            self.assertEqual(self.log_in(), 1)
            self.assertIn(b"nc=00000001", self.spoken[0])
        self.assertIsNone(self.client().start())

    def test_the_memory_is_bounded(self) -> None:
        """The oldest is forgotten, each is had once, and there is room for one."""
        memory = Memory(2)
        for key in "abc":
            memory.put(key, key.upper())
        self.assertEqual([memory.take(key) for key in "abcc"], [None, "B", "C", None])
        self.assertEqual(repr(memory), "Memory(size=2)")
        with self.assertRaises(ValueError):
            Memory(0)

    def test_others_take_while_something_is_forgotten(self) -> None:
        """The last of it may be gone before the oldest is looked for."""

        class Emptied(dict[Any, Any]):
            def __iter__(self) -> Any:
                self.clear()
                return super().__iter__()

        memory = Memory(1)
        memory._items = Emptied(a=1)
        memory.put("b", 2)
        self.assertIsNone(memory.take("b"))


class LayerTest(unittest.TestCase):
    """What is agreed upon, and what goes through it."""

    def test_no_layer_by_default(self) -> None:
        """Neither offered nor taken."""
        asking, event, said = exchange(offered=policy("none", *PROTECTED))
        self.assertIn(
            b'qop="auth,auth-conf,auth-int",cipher="rc4",maxbuf=65536', said[0]
        )
        self.assertIsNone(asking.layer)
        self.assertIsNone(event.layer)
        with self.assertRaises(sasl.ProtocolError):
            exchange(offered=policy("integrity"))
        with self.assertRaises(sasl.ProtocolError):
            exchange(wanted=policy("integrity"))

    def test_the_clients_preference(self) -> None:
        """The first of the policy that the server has."""
        everything = policy("none", *PROTECTED, ciphers=MAKERS)
        for layers, ciphers, chosen in (
            (("confidentiality",), {"rc4-56": None}, "rc4-56"),
            (PROTECTED, MAKERS, "3des"),
            (("integrity", "confidentiality"), MAKERS, ""),
        ):
            wanted = policy(*layers, ciphers=ciphers)
            asking, event, _ = exchange(offered=everything, wanted=wanted)
            for layer in (asking.layer, event.layer):
                self.assertEqual(layer.cipher, chosen)
                self.assertEqual(layer.confidential, bool(chosen))
        with self.assertRaises(sasl.ProtocolError):  # no cipher in common
            exchange(
                offered=policy(*PROTECTED),
                wanted=policy("confidentiality", ciphers={"rc4-40": None}),
            )
        weaker = policy(*PROTECTED, ciphers={"rc4-40": None})
        asking, _, _ = exchange(offered=policy(*PROTECTED), wanted=weaker)
        self.assertFalse(asking.layer.confidential)

    def test_every_cipher_both_ways(self) -> None:
        """Data of all sizes, in turns."""
        for cipher in ("", *MAKERS):
            words: dict[str, Any] = (
                {"ciphers": {cipher: MAKERS[cipher]}} if cipher else {}
            )
            both = policy(PROTECTED[0] if cipher else PROTECTED[1], **words)
            asking, event, _ = exchange(offered=both, wanted=both)
            mine, theirs = asking.layer, event.layer
            for size in (1, 7, 8, 100, 0, 9):
                data = bytes(range(size))
                with self.subTest(cipher, size=size):
                    self.assertEqual(theirs.unwrap(mine.wrap(data)), data)
                    self.assertEqual(mine.unwrap(theirs.wrap(data)), data)
            self.assertEqual(cipher == "", b"plain text" in mine.wrap(b"plain text"))

    def test_buffers(self) -> None:
        """Each side cuts its data to what the other can take."""
        for layer, ciphers in (
            (PROTECTED[0], {"3des": MAKERS["3des"]}),
            (PROTECTED[1], {}),
        ):
            words: dict[str, Any] = {"ciphers": ciphers} if ciphers else {}
            small = policy(layer, max_buffer=100, **words)
            large = policy(layer, **words)
            asking, event, _ = exchange(offered=small, wanted=large)
            octets = asking.layer.wrap(bytes(1000))
            self.assertEqual(event.layer.unwrap(octets), bytes(1000))
            self.assertLessEqual(int.from_bytes(octets[:4]), 100)
            self.assertEqual(event.layer.receive_size, 100)
            with self.assertRaises(sasl.ProtocolError):
                event.layer.unwrap((101).to_bytes(4))
        tiny = policy("integrity", max_buffer=17)
        asking, event, _ = exchange(offered=tiny, wanted=tiny)
        self.assertEqual(event.layer.unwrap(asking.layer.wrap(b"abc")), b"abc")

    def test_a_buffer_without_room(self) -> None:
        """None is longer than the peer takes, or the exchange fails, on either side."""
        both = {name: MAKERS[name] for name in ("des", "3des", "rc4")}
        for cipher, least in (("des", 22), ("3des", 22), ("rc4", 17)):
            maker = {cipher: MAKERS[cipher]}
            large = policy(PROTECTED[0], ciphers=both)
            for size in {17, least - 1, least} - {16}:
                small = policy(PROTECTED[0], ciphers=maker, max_buffer=size)
                with self.subTest(cipher, size=size):
                    if size < least:
                        with self.assertRaisesRegex(sasl.ProtocolError, "no room"):
                            exchange(offered=small, wanted=large)
                        _, event, _ = exchange(offered=large, wanted=small)
                        self.assertIs(reason(event), sasl.Reason.MALFORMED)
                        continue
                    asking, event, _ = exchange(offered=small, wanted=large)
                    octets = asking.layer.wrap(b"ab")
                    self.assertEqual(int.from_bytes(octets[:4]), size)
                    self.assertEqual(event.layer.unwrap(octets), b"ab")

    def test_every_change_is_noticed(self) -> None:
        """Of any octet, of the order, of the length; and it is the end."""
        for cipher in ("", "rc4", "des"):
            words: dict[str, Any] = (
                {"ciphers": {cipher: MAKERS[cipher]}} if cipher else {}
            )
            both = policy(PROTECTED[0] if cipher else PROTECTED[1], **words)
            asking, event, _ = exchange(offered=both, wanted=both)
            one, other = asking.layer.wrap(b"first"), asking.layer.wrap(b"second")
            changed = [
                one[:at] + bytes([one[at] ^ 1]) + one[at + 1 :]
                for at in range(4, len(one))
            ]
            body = one[4:]
            shorter = [body[:size] for size in range(len(body))]
            changed += [len(text).to_bytes(4) + text for text in shorter]
            for octets in (*changed, other, one + one):
                layer = copy.deepcopy(event.layer)
                with self.assertRaises(sasl.ProtocolError):
                    layer.unwrap(octets)
                self.assertTrue(layer.closed)
            self.assertEqual(event.layer.unwrap(one + other), b"firstsecond")
            with self.assertRaises(sasl.ProtocolError):
                event.layer.unwrap(event.layer.wrap(b"reflected"))

    def test_required(self) -> None:
        """Where the policy has no "none", what gives no layer is not run."""
        strict = sasl.Policy(allow=[NAME, "PLAIN"], layers=PROTECTED)
        channel = accounts.channel(NAME)
        self.assertEqual(sasl.offer(channel=channel, policy=strict), (NAME,))
        who = sasl.Credentials("user", "pencil")
        with self.assertRaisesRegex(sasl.NoMechanism, "no security layer"):
            sasl.client(["PLAIN"], who, channel=channel, policy=strict)
        with self.assertRaises(sasl.NoMechanism):
            sasl.server("PLAIN", channel=channel, policy=strict)

    def test_ciphers_are_checked(self) -> None:
        """A name that RFC 2831 lacks, a block cipher without its maker, none at all."""
        for ciphers in ({"aes": MAKERS["des"]}, {"3des": None}, {}):
            with self.subTest(ciphers), self.assertRaises(ValueError):
                policy(*PROTECTED, ciphers=ciphers)
        self.assertEqual(policy("integrity", ciphers={}).ciphers, ())

    def test_rc4_of_somebody_else(self) -> None:
        """A maker of one's own is taken in place of what is built in."""
        made = []

        class Own:
            def __init__(self, key: bytes, iv: bytes, *, encrypt: bool) -> None:
                made.append((len(key), iv, encrypt))

            def update(self, data: bytes, /) -> bytes:
                return data

        both = policy("confidentiality", ciphers={"rc4-40": Own})
        asking, _, _ = exchange(offered=both, wanted=both)
        self.assertIn(b"open", asking.layer.wrap(b"open"))
        self.assertEqual(made, [(16, b"", True), (16, b"", False)] * 2)

    def test_keys_do_not_show(self) -> None:
        """Neither in text nor in a pickle."""
        both = policy(*PROTECTED)
        asking, _, _ = exchange(offered=both, wanted=both)
        self.assertEqual(
            repr(asking.layer),
            "DigestLayer(confidential=True, send_size=65508, receive_size=65536,"
            " closed=False)",
        )
        with self.assertRaises(TypeError):
            pickle.dumps(asking.layer)


if __name__ == "__main__":
    unittest.main()
