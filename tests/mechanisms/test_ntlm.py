"""NTLM (MS-NLMP): names and domains, both versions, MIC, bindings, layers."""

from __future__ import annotations

import struct
import unittest
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core._strict import Malformed
from sasl_core.mechanisms import _ntlm_math as math
from sasl_core.mechanisms import _ntlm_messages as messages
from sasl_core.records import NtHash, Secret

from .. import _accounts as accounts
from .._des import MAKERS
from .._hypothesis import given, st
from ..test_states import mutations
from ._both import client, reason, server

NAME = "NTLM"
RAW = sasl.profiles.RAW
POLICY = sasl.Policy(allow=[NAME])
V1 = POLICY.replace(ntlm_v1=MAKERS["des"])
CLOCKED = POLICY.replace(clock=lambda: 1_800_000_000.0)
BINDING = sasl.ChannelBinding("tls-server-end-point", bytes(range(32)))
OTHER = sasl.ChannelBinding("tls-server-end-point", bytes(32))
UNIQUE = sasl.ChannelBinding("tls-unique", bytes(12))


class Exchange:
    """One exchange, run to its end: what was said, asked, and how it ended."""

    def __init__(
        self,
        username: str = accounts.USER,
        password: str = accounts.PASSWORD,
        *,
        answer: Any = accounts.PASSWORD,
        wanted: sasl.Policy = POLICY,
        offered: sasl.Policy = POLICY,
        mine: sasl.Channel | None = None,
        theirs: sasl.Channel | None = None,
        domain: str | None = None,
        realm: str | tuple[str, ...] | None = "EXAMPLE",
        change: dict[int, Any] | None = None,
    ) -> None:
        channel = accounts.channel(NAME)
        self.client = sasl.client(
            NAME,
            sasl.Credentials(username, password, realm=domain),
            channel=mine or channel,
            policy=wanted,
            profile=RAW,
        )
        self.server = sasl.server(
            NAME,
            channel=theirs or channel,
            policy=offered,
            profile=RAW,
            realm=realm,
        )
        changes = change or {}
        self.said = [self.client.start() or b""]
        event: Any = self.server.start(self.changed(changes))
        if isinstance(event, sasl.Challenge):
            self.said.append(event.data)
            self.said.append(self.client.step(self.changed(changes)))
            event = self.server.step(self.changed(changes))
        self.asked = event if isinstance(event, sasl.FindPassword) else None
        if self.asked is not None:
            event = event.answer(answer)
        self.event: sasl.Success | sasl.Failure = event
        if isinstance(event, sasl.Success):
            self.client.finish()

    def changed(self, changes: dict[int, Any]) -> bytes:
        """Return the last message, as the way to the other side changes it."""
        change = changes.get(len(self.said) - 1)
        return change(self.said[-1]) if change else self.said[-1]

    @property
    def challenge(self) -> messages.Challenge:
        """The server's message."""
        return messages.read_challenge(self.said[1])

    @property
    def proof(self) -> messages.Authenticate:
        """The client's second message."""
        return messages.read_authenticate(self.said[2], self.challenge.flags)

    @property
    def pairs(self) -> dict[int, bytes]:
        """What the client's proof says besides."""
        return messages.read_pairs(self.proof.nt_response[44:])


def flags_as(flags: int) -> Any:
    """Make a change of the flags of a NEGOTIATE_MESSAGE."""
    return lambda message: messages.write_negotiate(flags)


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
        self.assertIn(b"EXAMPLE", exchange.said[1])
        self.assertIsInstance(exchange.event, sasl.Success)
        with self.assertRaises(sasl.ProtocolError):
            Exchange("us\u00e9r", change={0: flags_as(oem)})
        # Nobody could read it: the client is told of no target then.
        exchange = Exchange(realm="\u00c9X", change={0: flags_as(oem)})
        self.assertEqual(exchange.challenge.target_name, "")
        self.assertIsInstance(exchange.event, sasl.Success)


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


def served_v1(
    offered: sasl.Policy, lm: bytes, asked: bytes, on: sasl.Channel | None = None
) -> Any:
    """Answer our server by NTLMv1."""
    answering = sasl.server(
        NAME,
        channel=on or accounts.channel(NAME),
        policy=offered,
        profile=RAW,
        nonce=bytes(8),
    )
    flags = messages.UNICODE | messages.NTLM
    if len(set(lm[8:])) == 1:
        flags |= messages.EXTENDED_SESSION_SECURITY
    answering.start(messages.write_negotiate(flags))
    nt = math.desl(MAKERS["des"], math.ntowf_v1(accounts.PASSWORD), asked)
    said = messages.Authenticate(flags, "", "user", "", lm, nt, b"", b"")
    event: Any = answering.step(messages.write_authenticate(said))
    if isinstance(event, sasl.FindPassword):
        event = event.answer(accounts.PASSWORD)
    return event


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


class IntegrityTest(unittest.TestCase):
    """The MIC, the channel's binding, and the host that was meant."""

    def test_with_a_clock_all_three_messages_are_protected(self) -> None:
        """Whatever bit is turned on the way, nobody gets in."""
        sound = Exchange(offered=CLOCKED)
        self.assertIsInstance(sound.event, sasl.Success)
        self.assertEqual(sound.pairs[messages.AV_FLAGS], b"\2\0\0\0")
        self.assertEqual(sound.proof.lm_response, bytes(24))
        for number in (0, 1, 2):
            for at in range(12, len(sound.said[number]), 3):

                def turn(message: bytes, at: int = at) -> bytes:
                    turned = bytes([message[at] ^ 0x40])
                    return message[:at] + turned + message[at + 1 :]

                with self.subTest(number=number, at=at):
                    self.refuses(number, turn)

    def refuses(self, number: int, change: Any) -> None:
        try:
            event = Exchange(offered=CLOCKED, change={number: change}).event
        except sasl.SASLError:
            return
        self.assertIsInstance(event, sasl.Failure)

    def test_the_time(self) -> None:
        """That of the server's clock, or the client's, or none."""
        wanted = (1_800_000_000 + 11_644_473_600) * 10_000_000
        for offered, mine in ((CLOCKED, POLICY), (POLICY, CLOCKED)):
            exchange = Exchange(offered=offered, wanted=mine)
            self.assertIsInstance(exchange.event, sasl.Success)
            time = exchange.proof.nt_response[24:32]
            self.assertEqual(int.from_bytes(time, "little"), wanted)
            has_it = offered is CLOCKED
            self.assertEqual(messages.TIMESTAMP in exchange.pairs, has_it)
        self.assertEqual(Exchange().proof.nt_response[24:32], bytes(8))

    def test_a_mic_without_room_for_it(self) -> None:
        """The flag is under the proof; what it promises must be there."""

        def cut(message: bytes) -> bytes:
            said = messages.read_authenticate(message, messages.UNICODE)
            return messages.write_authenticate(said._replace(mic=b""))

        event = Exchange(offered=CLOCKED, change={2: cut}).event
        self.assertEqual(
            event,
            sasl.Failure(sasl.Reason.MALFORMED, "no MIC, though there should be one"),
        )

    def test_a_mic_without_a_version(self) -> None:
        """Where no version was negotiated, pyspnego's MIC is in its place."""
        exchanged: list[bytes] = []

        def shifted(message: bytes) -> bytes:
            said = messages.read_authenticate(message, messages.UNICODE)
            self.assertEqual(said.mic_at, 72)
            nt_hash = math.ntowf_v1(accounts.PASSWORD)
            key = math.ntowf_v2(nt_hash, said.username, said.domain)
            session_key = math.HMAC_MD5(key, said.nt_response[:16])
            places = struct.unpack_from("<12I", message, 12)
            fields = [
                place - 8 if number % 2 else place
                for number, place in enumerate(places)
            ]
            start = message[:12] + struct.pack("<12I", *fields) + message[60:64]
            rest = message[88:]
            three = exchanged[0] + exchanged[1] + start + bytes(16) + rest
            return start + math.HMAC_MD5(session_key, three) + rest

        def turned(message: bytes) -> bytes:
            found = shifted(message)
            return found[:64] + bytes([found[64] ^ 1]) + found[65:]

        for change, welcome in ((shifted, True), (turned, False)):
            asked = sasl.server(
                NAME,
                channel=accounts.channel(NAME),
                policy=CLOCKED,
                profile=RAW,
            )
            asking = client(NAME)
            exchanged[:] = [asking.start() or b""]
            exchanged.append(asked.start(exchanged[0]).data)
            event: Any = asked.step(change(asking.step(exchanged[1])))
            if isinstance(event, sasl.FindPassword):
                event = event.answer(accounts.PASSWORD)
            with self.subTest(welcome):
                self.assertEqual(isinstance(event, sasl.Success), welcome, event)

    def test_bindings(self) -> None:
        """Bound where both have one; one side's alone is not compared."""
        off = POLICY.replace(channel_binding="disable")
        for mine, theirs, policy, bound in (
            (BINDING, BINDING, POLICY, True),
            (BINDING, None, POLICY, False),
            (None, BINDING, POLICY, False),
            (UNIQUE, UNIQUE, POLICY, False),
            (BINDING, OTHER, off, False),
        ):
            with self.subTest(mine=mine, theirs=theirs):
                exchange = Exchange(
                    mine=accounts.channel(NAME, bindings=[mine] if mine else []),
                    theirs=accounts.channel(NAME, bindings=[theirs] if theirs else []),
                    wanted=policy,
                    offered=policy,
                )
                self.assertIsInstance(exchange.event, sasl.Success)
                self.assertEqual(exchange.event.bound, bound)
        event = Exchange(
            mine=accounts.channel(NAME, bindings=[BINDING]),
            theirs=accounts.channel(NAME, bindings=[OTHER]),
        ).event
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)

    def test_a_server_may_demand_a_binding(self) -> None:
        """Of a client that has none, or of NTLMv1, it takes nothing."""
        strict = POLICY.replace(channel_binding="require")
        bound = accounts.channel(NAME, bindings=[BINDING])
        event = Exchange(offered=strict, mine=bound, theirs=bound).event
        self.assertTrue(event.bound)
        event = Exchange(offered=strict, theirs=bound).event
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)
        old = V1.replace(channel_binding="require")
        lm, asked = bytes(range(24)), bytes(8)
        event = served_v1(old, lm, asked, bound)
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)
        # Without one of its own it offers nothing, and a client cannot demand it.
        for channel in (accounts.channel(NAME), bound):
            offered = sasl.offer(channel=channel, policy=strict)
            self.assertEqual(offered, (NAME,) if channel is bound else ())
        for channel in (accounts.channel(NAME), bound):
            with self.assertRaises(sasl.NoMechanism):
                Exchange(wanted=strict, mine=channel)

    def test_what_was_meant_for_another_host(self) -> None:
        """It is what a man in the middle has; who names none is not asked."""
        for mine, theirs, welcome in (
            ("mail.example.org", "MAIL.example.org", True),
            ("mail.example.org:25", "mail.example.org", True),
            ("mail.example.org/realm", "mail.example.org", True),
            ("mail.example.org", "evil.example.org", False),
            ("mail.example.org", "", True),
            ("", "mail.example.org", True),
        ):
            with self.subTest(mine=mine, theirs=theirs):
                event = Exchange(
                    mine=accounts.channel(NAME, host=mine),
                    theirs=accounts.channel(NAME, host=theirs),
                ).event
                self.assertEqual(isinstance(event, sasl.Success), welcome)

    def test_wrong_passwords_are_told_before(self) -> None:
        """Of bindings and hosts only he hears who knows the password."""
        event = Exchange(
            answer="another", theirs=accounts.channel(NAME, host="evil.example.org")
        ).event
        self.assertEqual(event, Exchange(answer="another").event)


def policy(*layers: str, ciphers: tuple[str, ...] = ("rc4",)) -> sasl.Policy:
    """Make a policy of layers, the preferred one first, and RC4s."""
    return POLICY.replace(layers=layers, ciphers=dict.fromkeys(ciphers))


class LayerTest(unittest.TestCase):
    """Session security, and what it is agreed upon by."""

    def check(self, exchange: Exchange, word: str) -> None:
        """Both sides have the same layer, and it carries data both ways."""
        self.assertIsInstance(exchange.event, sasl.Success)
        mine, theirs = exchange.client.layer, exchange.event.layer
        self.assertEqual(mine is None, word == "none")
        self.assertEqual(theirs is None, word == "none")
        if mine is None or theirs is None:
            return
        self.assertEqual(mine.confidential, word == "confidentiality")
        for one, other in ((mine, theirs), (theirs, mine)):
            for data in (b"hello", b"x" * 100_000, b"again"):
                wrapped = one.wrap(data)
                self.assertEqual(
                    data in wrapped, not mine.confidential and len(data) < 9
                )
                self.assertEqual(other.unwrap(wrapped), data)

    def test_choices(self) -> None:
        """The client's first that the server grants."""
        every = ("confidentiality", "integrity", "none")
        for wanted, offered, word in (
            (every, every, "confidentiality"),
            (every, ("none",), "none"),
            (("none",), every, "none"),
            (every, ("integrity", "none"), "integrity"),
            (("integrity", "confidentiality"), every, "integrity"),
            (("none", "integrity"), ("integrity",), None),
            (("integrity",), ("none",), None),
            (("none",), ("integrity",), None),
        ):
            with self.subTest(wanted=wanted, offered=offered):
                asking = {"wanted": policy(*wanted), "offered": policy(*offered)}
                if word is not None:
                    self.check(Exchange(**asking), word)
                    continue
                try:
                    event = Exchange(**asking).event
                except sasl.ProtocolError:
                    continue
                self.assertIs(reason(event), sasl.Reason.MALFORMED)

    def test_flags(self) -> None:
        """A client asks for what it may need, and says what it took; no more."""
        every = policy("none", "confidentiality", ciphers=("rc4", "rc4-56"))
        asked = Exchange().said[0]
        self.assertEqual(messages.read_negotiate(asked).flags, 0x00088207)
        exchange = Exchange(wanted=every, offered=every)
        asked = messages.read_negotiate(exchange.said[0]).flags
        self.assertEqual(asked, 0xE0088237)
        self.assertEqual(exchange.challenge.flags, 0xE0898235)
        self.assertEqual(exchange.proof.flags, 0x00888205)
        sealed = policy("confidentiality")
        exchange = Exchange(wanted=sealed, offered=sealed)
        self.assertEqual(exchange.proof.flags, 0x60888235)

    def test_strengths(self) -> None:
        """The strongest that both have; where there is none, no layer."""
        sealed = "confidentiality"
        for mine, theirs, flag in (
            (("rc4", "rc4-56", "rc4-40"), ("rc4-56", "rc4"), messages.KEY_128),
            (("rc4", "rc4-56"), ("rc4-56",), messages.KEY_56),
            (("rc4-40",), ("rc4-40",), 0),
        ):
            exchange = Exchange(
                wanted=policy(sealed, ciphers=mine),
                offered=policy(sealed, ciphers=theirs),
            )
            with self.subTest(mine):
                self.check(exchange, sealed)
                strong = messages.KEY_128 | messages.KEY_56
                self.assertEqual(exchange.proof.flags & strong, flag)
        with self.assertRaises(sasl.ProtocolError):
            Exchange(wanted=policy(sealed), offered=policy(sealed, ciphers=("rc4-40",)))

    def test_nothing_without_extended_session_security(self) -> None:
        """Its checksum would be a CRC32; nor half of what belongs together."""
        wanted = messages.UNICODE | messages.NTLM | messages.KEY_EXCH | messages.KEY_128
        both = policy("confidentiality", "none")
        extended = messages.EXTENDED_SESSION_SECURITY
        for more in (messages.SIGN | messages.SEAL, messages.SEAL | extended):
            exchange = Exchange(
                wanted=both, offered=both, change={0: flags_as(wanted | more)}
            )
            with self.subTest(more):
                self.check(exchange, "none")
                self.assertFalse(exchange.challenge.flags & messages.SEAL)

    def test_a_session_key_of_another_size(self) -> None:
        """It is refused before anybody is asked."""
        sealed = policy("confidentiality")

        def shorten(message: bytes) -> bytes:
            said = messages.read_authenticate(message, messages.UNICODE)
            short = said._replace(session_key=bytes(15), mic=b"")
            return messages.write_authenticate(short)

        exchange = Exchange(wanted=sealed, offered=sealed, change={2: shorten})
        self.assertIs(reason(exchange.event), sasl.Reason.MALFORMED)
        self.assertIsNone(exchange.asked)

    def test_what_was_changed_ends_it(self) -> None:
        """Left out, sent twice, cut, or changed in any octet."""
        for word in ("confidentiality", "integrity"):
            exchange = Exchange(wanted=policy(word), offered=policy(word))
            first, second = (exchange.client.layer.wrap(b"data") for _ in range(2))
            changed = [second, first + first, (3).to_bytes(4) + b"abc"]
            for at in range(4, len(first)):
                turned = bytes([first[at] ^ 1])
                changed.append(first[:at] + turned + first[at + 1 :])
            for data in changed:
                exchange = Exchange(wanted=policy(word), offered=policy(word))
                with self.subTest(word), self.assertRaises(sasl.ProtocolError):
                    exchange.event.layer.unwrap(data)

    def test_a_maker_of_the_policy_s(self) -> None:
        """RC4 by what the program has."""
        made: list[bytes] = []

        def maker(key: bytes, iv: bytes, *, encrypt: bool) -> Any:
            made.append(key)
            self.assertTrue(encrypt)  # which is the same as to decrypt
            return math.RC4(key)

        sealed = policy("confidentiality").replace(ciphers={"rc4": maker})
        self.check(Exchange(wanted=sealed, offered=sealed), "confidentiality")
        self.assertEqual((len(made), len(set(made))), (4, 2))


class ReadingTest(unittest.TestCase):
    """Any octets, and those that are nearly right."""

    @given(st.binary(max_size=200))
    def test_any_octets(self, octets: bytes) -> None:
        """They are read, or Malformed."""
        for kind in (b"", b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0"):
            message = (b"NTLMSSP\0" if kind else b"") + kind + octets
            for read in (
                messages.read_negotiate,
                messages.read_challenge,
                messages.read_pairs,
                lambda given: messages.read_authenticate(given, messages.UNICODE),
            ):
                try:
                    read(message)
                except Malformed as error:
                    self.assertNotIn(repr(message), str(error))

    def test_nearly_right(self) -> None:
        """Whatever is near to the client's last message, asks or fails."""
        asking, answering = client(NAME), server(NAME)
        challenge = answering.start(asking.start()).data
        for changed in list(mutations(asking.step(challenge)))[::7]:
            answering = server(NAME)
            answering.start(client(NAME).start())
            event = answering.step(changed)
            self.assertIsInstance(event, (sasl.FindPassword, sasl.Failure))

    def test_pairs(self) -> None:
        """What comes twice, or is too long to be written, is none."""
        pair = b"\1\0\2\0a\0"
        self.assertEqual(messages.read_pairs(pair + bytes(4)), {1: b"a\0"})
        self.assertEqual(messages.read_pairs(bytes(4) + b"rest"), {})
        for octets in (pair + pair + bytes(4), pair, b"", b"\0\0\1\0"):
            with self.subTest(octets), self.assertRaises(Malformed):
                messages.read_pairs(octets)
        long = {1: bytes(65535)}
        self.assertEqual(messages.read_pairs(messages.write_pairs(long)), long)
        with self.assertRaises(Malformed):
            messages.write_pairs({1: bytes(65536)})

    def test_a_field_of_no_length_may_point_anywhere(self) -> None:
        """Windows leaves offsets of empty fields at zero, others beyond the end."""
        message = messages.write_negotiate(messages.UNICODE)
        wild = message[:16] + b"\0\0\0\0\xff\xff\xff\xff" + message[24:]
        self.assertEqual(messages.read_negotiate(wild).domain, b"")
        short = messages.read_negotiate(message[:16])
        self.assertEqual(short, messages.Negotiate(messages.UNICODE, b"", b""))
        with self.assertRaises(Malformed):
            messages.read_negotiate(message[:15])
        with self.assertRaises(Malformed):  # one octet, behind the end
            messages.read_negotiate(message[:16] + b"\1\0\1\0\x20\0\0\0" + bytes(8))

    def test_names_that_are_no_text(self) -> None:
        """A half of a pair of surrogates; what is no UTF-8; what cannot be prepared."""
        for flags, name in (
            (messages.UNICODE, b"\0\xd8"),
            (messages.OEM, b"\xff"),
            (messages.UNICODE, "\u2028".encode("utf-16-le")),
        ):
            answering = server(NAME)
            answering.start(messages.write_negotiate(flags | messages.NTLM))
            placed = (88).to_bytes(4, "little")
            field = len(name).to_bytes(2, "little") * 2 + placed
            proof = bytes(44) + bytes(4)
            at = (88 + len(name)).to_bytes(4, "little")
            message = (
                b"NTLMSSP\0\3\0\0\0"
                + bytes(8)
                + (len(proof)).to_bytes(2, "little") * 2
                + at
                + bytes(8)
                + field
                + bytes(16)
                + flags.to_bytes(4, "little")
                + bytes(24)
                + name
                + proof
            )
            with self.subTest(name):
                self.assertIs(reason(answering.step(message)), sasl.Reason.MALFORMED)


if __name__ == "__main__":
    unittest.main()
