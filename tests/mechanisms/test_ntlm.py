"""NTLM (MS-NLMP): names and domains, answers, both versions."""

from __future__ import annotations

import hashlib
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.mechanisms import _ntlm_math as math
from sasl_core.mechanisms import _ntlm_messages as messages
from sasl_core.records import NtHash, Secret

from .. import _accounts as accounts
from .._des import MAKERS
from ._both import client, reason, server
from ._ntlm import CLOCKED, NAME, POLICY, V1, Exchange, flags_as, served_v1


class NameTest(unittest.TestCase):
    """Who logs in, of which domain."""

    def test_what_a_client_says(self) -> None:
        r"""DOMAIN\user, user@domain, a realm; and the server's own without any."""
        for username, realm, expected in (
            ("user", None, ("user", "EXAMPLE")),
            ("user", "", ("user", "")),
            ("user", "HERE", ("user", "HERE")),
            (r"THERE\user", "HERE", ("user", "THERE")),
            (r"\user", "HERE", ("user", "")),
            ("user@example.org", "HERE", ("user@example.org", "")),
            ("us\u00e9r", "H\u00c9RE", ("us\u00e9r", "H\u00c9RE")),
        ):
            with self.subTest(username=username, realm=realm):
                said = Exchange(username, domain=realm).proof
                self.assertEqual((said.username, said.domain), expected)
                self.assertEqual(said.workstation, "")

    def test_what_a_server_says(self) -> None:
        """Whose it is, and its name in the forms of old and new."""
        for realm in ("EXAMPLE", "\u00c9X"):
            said = Exchange(realm=realm).challenge
            self.assertEqual(said.target_name, realm)
            self.assertEqual(
                messages.read_pairs(said.target_info or b""),
                {
                    2: math.unicode(realm),
                    1: math.unicode("MAIL"),
                    3: math.unicode("mail.example.org"),
                },
            )
        self.assertEqual(server(NAME).start(), sasl.Challenge(b""))
        # Fresh, and of eight octets, whatever else was asked for.
        challenges = [Exchange().challenge.server_challenge for _ in range(2)]
        self.assertEqual([len(octets) for octets in set(challenges)], [8, 8])

    def test_a_server_is_no_domain(self) -> None:
        """A target of another type is not taken for the user's domain (2.2.2.5)."""
        exchange = Exchange()
        server_type = exchange.challenge.flags & ~messages.TARGET_TYPE_DOMAIN
        challenge = exchange.challenge._replace(flags=server_type | 0x20000)
        asking = client(NAME)
        asking.start()
        answer = asking.step(messages.write_challenge(challenge))
        said = messages.read_authenticate(answer, server_type)
        self.assertEqual(said.domain, "")

    def test_whom_the_server_asks_for(self) -> None:
        """A domain of ours is a realm, another one is part of the name."""
        two = ("EXAMPLE", "Second")
        for realm, username, expected in (
            ("EXAMPLE", r"example\user", ("user", "EXAMPLE")),
            ("EXAMPLE", r"\user", ("user", "EXAMPLE")),
            ("EXAMPLE", "user@second", ("user@second", "EXAMPLE")),
            ("EXAMPLE", r"second\user", ("user@second", None)),
            (two, r"\user", ("user@EXAMPLE", "EXAMPLE")),
            (two, r"second\user", ("user@Second", "Second")),
            (two, r"third\user", ("user@third", None)),
            ("", "user", ("user", None)),
            (None, "user", ("user", accounts.HOST)),
        ):
            with self.subTest(realm=realm, username=username):
                exchange = Exchange(username, realm=realm)
                asked = exchange.asked
                self.assertIsNotNone(asked)
                self.assertEqual((asked.username, asked.realm), expected)
                self.assertEqual(exchange.event.identity, sasl.Identity(expected[0]))

    def test_names_that_cannot_be(self) -> None:
        """They are refused before anything is said."""
        for username in ("", "EXAMPLE\\", "us\0er", "\ud800", "E\nX\\user"):
            with self.subTest(username), self.assertRaises(sasl.SASLError):
                Exchange(username)
        for password in ("", "\ud800", "pen\0cil"):
            with self.subTest(password), self.assertRaises(sasl.SASLError):
                Exchange(password=password)

    def test_upper_case_keeps_the_length(self) -> None:
        """Windows has no capital sharp s; of one character none becomes two."""
        key = math.ntowf_v1("x")
        for one, other in (("stra\u00dfe", "STRA\u00dfE"), ("\u0149a", "\u0149A")):
            found = (math.ntowf_v2(key, name, "") for name in (one, other))
            self.assertEqual(len(set(found)), 1)
        self.assertNotEqual(
            math.ntowf_v2(key, "stra\u00dfe", ""), math.ntowf_v2(key, "STRASSE", "")
        )

    def test_an_oem_character_set(self) -> None:
        """Taken where a client knows no Unicode, as curl does not; ASCII only from us."""
        oem = messages.OEM | messages.NTLM
        exchange = Exchange(r"example\user", change={0: flags_as(oem)})
        self.assertEqual(exchange.challenge.flags & 3, messages.OEM)
        self.assertEqual(exchange.proof.flags & 3, messages.OEM)
        self.assertIn(b"EXAMPLE", exchange.said[1])
        self.assertIsInstance(exchange.event, sasl.Success)
        with self.assertRaises(sasl.ProtocolError):
            Exchange("us\u00e9r", change={0: flags_as(oem)})
        # Where a server has both, Unicode is it.
        both = exchange.challenge._replace(flags=messages.UNICODE | oem)
        both = both._replace(target_name="\u00c9X", target_info=bytes(4))
        both = both._replace(flags=both.flags | messages.TARGET_INFO)
        asking = client(NAME)
        asking.start()
        answer = asking.step(messages.write_challenge(both))
        said = messages.read_authenticate(answer, messages.UNICODE)
        self.assertEqual(said.flags & 3, messages.UNICODE)
        self.assertEqual(said.username, "user")
        # Nobody could read it: the client is told of no target then.
        exchange = Exchange(realm="\u00c9X", change={0: flags_as(oem)})
        self.assertEqual(exchange.challenge.target_name, "")
        self.assertIsInstance(exchange.event, sasl.Success)


class KeyTest(unittest.TestCase):
    """What protects the data (section 3.4.5.3)."""

    def test_the_keys_of_each_strength(self) -> None:
        for strength, octets in ((128, 16), (56, 7), (40, 5)):
            for of_client, way in (
                (True, "client-to-server"),
                (False, "server-to-client"),
            ):
                text = f"session key to {way} sealing key magic constant\0".encode()
                self.assertEqual(
                    math.seal_key(bytes(range(16)), strength, of_client=of_client),
                    hashlib.md5(bytes(range(octets)) + text).digest(),
                )


class AnswerTest(unittest.TestCase):
    """What the application answers."""

    def test_a_stored_hash(self) -> None:
        """It serves, and another one does not; nor does another mechanism's."""
        right, wrong = NtHash.derive(accounts.PASSWORD), NtHash.derive("pencil ")
        self.assertIsInstance(Exchange(answer=right).event, sasl.Success)
        self.assertIs(reason(Exchange(answer=wrong).event), sasl.Reason.BAD_CREDENTIALS)
        self.assertIsInstance(
            Exchange(answer=right, wanted=V1, offered=V1).event, sasl.Success
        )
        with self.assertRaises(sasl.StateError):
            Exchange(answer=Secret())

    def test_nobody(self) -> None:
        """No password, none at all, the wrong one: one failure in one set of words."""
        failures = {
            repr(Exchange(answer=answer, offered=offered).event)
            for answer in (None, "", "wrong")
            for offered in (POLICY, CLOCKED)
        }
        self.assertEqual(len(failures), 1)

    def test_every_answer_costs_one_md4(self) -> None:
        """A stored hash would save it: then nobody's would take longer."""
        known = NtHash.derive(accounts.PASSWORD)
        for answer in (accounts.PASSWORD, known, None):
            with mock.patch.object(math, "md4", wraps=math.md4) as counted:
                Exchange(answer=answer)
            self.assertEqual(counted.call_count, 2)  # the client's is one

    def test_a_lone_surrogate_that_is_stored(self) -> None:
        """Nobody can send it, and it breaks nothing."""
        event = Exchange(answer="\ud800").event
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)


class FirstVersionTest(unittest.TestCase):
    """NTLMv1 only where the policy has a DES."""

    def v1_challenge(self, more: int = 0) -> bytes:
        flags = messages.UNICODE | messages.NTLM | more
        return messages.write_challenge(
            messages.Challenge(flags, "", bytes(range(8)), None)
        )

    def answered(self, policy: sasl.Policy, challenge: bytes) -> messages.Authenticate:
        asking = client(NAME, ntlm_v1=policy.ntlm_v1, layers=policy.layers)
        asking.start()
        answer = asking.step(challenge)
        asking.finish()
        return messages.read_authenticate(answer, messages.UNICODE)

    def test_a_client(self) -> None:
        """It answers an old server so, with the same in place of the LM response."""
        with self.assertRaises(sasl.ProtocolError):
            self.answered(POLICY, self.v1_challenge())
        said = self.answered(V1, self.v1_challenge())
        self.assertEqual(len(said.nt_response), 24)
        self.assertEqual(said.lm_response, said.nt_response)
        self.assertEqual((said.session_key, said.mic), (b"", b""))

    def test_what_a_des_is_asked_for(self) -> None:
        """One block, and an IV that changes nothing."""
        made = []

        def maker(key: bytes, iv: bytes, *, encrypt: bool) -> Any:
            made.append((len(key), iv, encrypt))
            return MAKERS["des"](key, iv, encrypt=encrypt)

        math.desl(maker, bytes(16), bytes(8))
        self.assertEqual(made, [(8, bytes(8), True)] * 3)

    def test_a_newer_server_gets_the_second(self) -> None:
        """Even if the first one would do."""
        newer = messages.EXTENDED_SESSION_SECURITY
        said = self.answered(V1, self.v1_challenge(newer))
        self.assertGreater(len(said.nt_response), 24)
        self.assertGreater(len(Exchange(wanted=V1).proof.nt_response), 24)

    def test_it_gives_no_layer(self) -> None:
        """A client that needs one does not answer."""
        protected = V1.replace(layers=["integrity"])
        with self.assertRaises(sasl.ProtocolError):
            self.answered(protected, self.v1_challenge())

    def test_a_server(self) -> None:
        """With and without extended session security, and not at all unasked."""
        mine = bytes(range(8))
        plain = bytes(range(24)), bytes(8)
        session = mine + bytes(16), math.session_challenge(bytes(8), mine)
        for lm, asked in (plain, session):
            self.assertIsInstance(served_v1(V1, lm, asked), sasl.Success)
            self.assertIs(reason(served_v1(POLICY, lm, asked)), sasl.Reason.TOO_WEAK)
        event = served_v1(V1, session[0], bytes(8))
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)


if __name__ == "__main__":
    unittest.main()
