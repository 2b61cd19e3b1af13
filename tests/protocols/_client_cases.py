"""What must be true of the client's session of every line protocol, whatever its words."""

from __future__ import annotations

import pickle
from copy import deepcopy
from typing import Any

import sasl_core as sasl
from sasl_core import Reason

from .._hypothesis import given, settings, st
from ._client_words import USER, ClientWords, feed

ANYHOW = sasl.Policy(cleartext="always")


class ClientCases:
    """The cases, to mix into a ClientCase."""

    words: ClientWords

    def test_from_the_greeting(self) -> None:
        client = self.words.make()
        for reply, sent in zip(self.words.offer, self.words.sent, strict=True):
            self.assertEqual(client.receive(reply), sent)
        self.assertFalse(client.authenticated)
        self.assertEqual(client.receive(self.words.yes), b"")
        self.assertTrue(client.authenticated)
        self.assertEqual(client.mechanism, "PLAIN")
        with self.assertRaises(sasl.StateError):
            client.receive(self.words.yes)

    def test_octet_by_octet(self) -> None:
        client, output = self.words.make(), b""
        for octet in b"".join(self.words.offer) + self.words.yes:
            output += client.receive(bytes([octet]))
        self.assertTrue(client.authenticated)
        self.assertEqual(output, b"".join(self.words.sent))

    # --- refusals

    def test_greetings_that_are_none(self) -> None:
        for greeting in self.words.not_greetings:
            with self.subTest(greeting):
                self.assert_raises(sasl.ProtocolError, greeting)

    def test_a_greeting_that_says_no(self) -> None:
        error = self.assert_raises(sasl.AuthenticationError, self.words.unavailable)
        self.assertIs(error.reason, Reason.UNAVAILABLE)

    def test_nothing_on_offer(self) -> None:
        self.assert_raises(sasl.NoMechanism, *self.words.bare)

    def test_nothing_acceptable(self) -> None:
        error = self.assert_raises(
            sasl.NoMechanism, *self.words.offer, encrypted=False, starttls="never"
        )
        self.assertIn("encrypted", str(error))

    def test_our_own_failure(self) -> None:
        """The exchange is cancelled, and then nothing counts but that."""
        client = self.words.make()
        feed(client, *self.words.cram_md5)
        self.assertEqual(client.receive(self.words.nonsense), self.words.cancel)
        self.assertIsInstance(deepcopy(client).closed(), sasl.ProtocolError)
        with self.assertRaises(sasl.ProtocolError):
            client.receive(self.words.yes)
        self.assertFalse(client.authenticated)

    def test_the_end_of_the_connection(self) -> None:
        client = self.words.make()
        feed(client, *self.words.offer)
        error = client.closed()
        self.assertIsInstance(error, sasl.AuthenticationError)
        self.assertIs(error.reason, Reason.UNAVAILABLE)
        with self.assertRaises(sasl.StateError):
            client.receive(self.words.yes)

    def test_a_server_that_speaks_out_of_turn(self) -> None:
        *before, last = self.words.offer
        yes = self.words.yes
        for more in (yes, yes[:1]):
            self.assert_raises(sasl.ProtocolError, *before, last + more)
        self.assert_raises(sasl.ProtocolError, *self.words.offer, yes + yes)
        for replies in self.words.out_of_turn:
            with self.subTest(replies):
                self.assert_raises(sasl.ProtocolError, *replies)

    def test_endless_replies(self) -> None:
        for replies in self.words.endless:
            self.assert_raises(sasl.ProtocolError, *replies)

    # --- STARTTLS

    def begun(self, **options: Any) -> Any:
        """Make a client whose server said yes to STARTTLS."""
        client = self.words.make(encrypted=False, **options)
        feed(client, *self.words.starttls, self.words.go)
        return client

    def test_starttls(self) -> None:
        client = self.words.make(encrypted=False)
        self.assertEqual(feed(client, *self.words.starttls), self.words.asks)
        self.assertFalse(client.wants_tls)
        self.assertEqual(client.receive(self.words.go), b"")
        self.assertTrue(client.wants_tls)
        tls = self.words.peer.TLS
        self.assertEqual(client.secured(tls), self.words.first)
        self.assertFalse(client.wants_tls)
        self.assertIs(client.channel, tls)
        self.assertEqual(feed(client, *self.words.again), self.words.sent[-1])

    def test_a_list_that_is_gone_after_tls(self) -> None:
        client = self.begun()
        client.secured(self.words.peer.TLS)
        with self.assertRaises(sasl.NoMechanism):
            feed(client, *self.words.again[:-1], self.words.gone)

    def test_no_second_starttls(self) -> None:
        client = self.words.make()
        self.assertEqual(feed(client, *self.words.starttls), self.words.sent[-1])

    def test_what_was_put_behind_the_yes(self) -> None:
        # CVE-2011-1926 and its like: read as if it had come over TLS.
        again = b"".join(self.words.again)
        for injected in (again, again[:1], b"\r\n", b"\n", self.words.yes):
            client = self.words.make(encrypted=False)
            feed(client, *self.words.starttls)
            with self.subTest(injected), self.assertRaises(sasl.ProtocolError):
                client.receive(self.words.go + injected)
            self.assertFalse(client.wants_tls)
            with self.assertRaises(sasl.StateError):
                client.secured(self.words.peer.TLS)

    def test_what_waits_in_the_connection(self) -> None:
        client = self.begun()
        with self.assertRaises(sasl.ProtocolError):
            client.start_tls(pending=True)
        with self.assertRaises(sasl.StateError):
            client.secured(self.words.peer.TLS)

    def test_octets_before_the_handshake(self) -> None:
        with self.assertRaises(sasl.StateError):
            self.begun().receive(self.words.again[0])

    def test_tls_that_is_required(self) -> None:
        """Not on offer, or refused: no other way is taken."""
        refused = [(*self.words.starttls, no) for no in self.words.refusals]
        for replies in (self.words.offer, *refused):
            error = self.assert_raises(
                sasl.NoMechanism, *replies, encrypted=False, policy=ANYHOW
            )
            with self.subTest(replies):
                self.assertIn("STARTTLS", error.refusals)

    def test_neither_yes_nor_no(self) -> None:
        self.assert_raises(
            sasl.ProtocolError,
            *self.words.starttls,
            self.words.no_reply,
            encrypted=False,
        )

    def test_opportunistic(self) -> None:
        """It goes on in the clear, with a policy that lets it."""
        refused = [(*self.words.starttls, no) for no in self.words.refusals]
        for replies in (self.words.offer, *refused):
            for policy in (ANYHOW, sasl.Policy()):
                client = self.words.make(
                    encrypted=False, starttls="opportunistic", policy=policy
                )
                feed(client, *replies[:-1])
                with self.subTest(replies, policy=policy):
                    if policy is ANYHOW:
                        output = client.receive(replies[-1])
                        self.assertEqual(output, self.words.sent[-1])
                        continue
                    with self.assertRaises(sasl.NoMechanism):
                        client.receive(replies[-1])

    def test_never(self) -> None:
        client = self.words.make(encrypted=False, starttls="never", policy=ANYHOW)
        self.assertEqual(feed(client, *self.words.starttls), self.words.sent[-1])

    def test_secured_out_of_order(self) -> None:
        with self.assertRaises(sasl.StateError):
            self.words.make(encrypted=False).secured(self.words.peer.TLS)
        with self.assertRaises(sasl.StateError):
            self.begun().secured(self.words.peer.CLEAR)

    def test_starttls_is_one_of_three(self) -> None:
        with self.assertRaises(ValueError):
            self.words.make(starttls="maybe")

    # --- the object

    def test_it_shows_no_secret(self) -> None:
        client = self.words.make()
        feed(client, *self.words.offer)
        self.assertNotIn("pencil", repr(client))
        with self.assertRaises(TypeError):
            pickle.dumps(client)

    def test_a_waiting_session_can_be_copied(self) -> None:
        client = self.words.make()
        feed(client, *self.words.offer[:-1])
        twin = deepcopy(client)
        last = self.words.offer[-1]
        self.assertEqual(twin.receive(last), client.receive(last))
        twin.receive(self.words.yes)
        self.assertTrue(twin.authenticated)
        self.assertFalse(client.authenticated)

    # --- whatever a server says

    def test_anything(self) -> None:
        """Nothing but SASLError; no success that nobody asked for and nobody gave."""
        check = given(st.data(), st.booleans())(self.check_anything)
        settings(max_examples=100)(check)()

    def check_anything(self, data: st.DataObject, encrypted: bool) -> None:
        words = self.words
        known = st.sampled_from(
            [
                *(*words.offer, *words.starttls, *words.cram_md5, *words.again),
                *(words.yes, words.go, words.nonsense, *words.refusals),
                *words.replies,
            ]
        )
        first = data.draw(st.sampled_from([words.offer[0], words.starttls[0]]) | known)
        replies = [first, *data.draw(st.lists(known | st.binary(max_size=40)))]
        client = words.make(encrypted, starttls="opportunistic")
        sent = b""
        try:
            for reply in replies:
                if client.authenticated:
                    break
                if client.wants_tls:
                    sent += client.secured(words.peer.TLS)
                    encrypted = True
                    continue
                sent += client.receive(reply)
                self.assertTrue(sent == b"" or sent.endswith(b"\r\n"))
        except sasl.SASLError as error:
            self.assertFalse(client.authenticated)
            self.assertTrue(str(error).isprintable())
        if client.authenticated:
            self.assertRegex(sent.decode(), words.logs_in)
            self.assertTrue(any(words.success in reply for reply in replies))
        if not encrypted:
            self.assertNotIn(b"cGVuY2ls", sent)
            self.assertNotIn(b"pencil", sent)

    # --- our server at the other end

    def test_our_server_over_starttls(self) -> None:
        peer = self.words.peer.server(
            self.words.peer.CLEAR, starttls=True, policy=sasl.Policy(allow=["PLAIN"])
        )
        client = self.words.make(encrypted=False)
        wire = self.words.peer.login(client, peer)
        self.assertIn(self.words.asks, wire)
        self.assertTrue(client.channel.encrypted)
        self.assertEqual(peer.session.identity.authcid, "user")

    def test_a_wrong_password_is_one_attempt(self) -> None:
        peer = self.words.peer.server(policy=sasl.Policy(allow=["PLAIN", "LOGIN"]))
        client = self.words.make(credentials=USER.replace(password="wrong"))
        with self.assertRaises(sasl.AuthenticationError):
            self.words.peer.login(client, peer)
        self.assertEqual(peer.application.asked, ["CheckPassword"])
