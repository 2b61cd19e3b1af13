"""NTLM (MS-NLMP): its MIC, the channel's binding, and session security as a layer."""

from __future__ import annotations

import struct
import unittest
from typing import Any

import sasl_core as sasl
from sasl_core.mechanisms import _ntlm_math as math
from sasl_core.mechanisms import _ntlm_messages as messages

from .. import _accounts as accounts
from .._des import MAKERS
from ._both import client, reason
from ._ntlm import CLOCKED, NAME, POLICY, RAW, V1, Exchange, flags_as, served_v1

BINDING = sasl.ChannelBinding("tls-server-end-point", bytes(range(32)))
OTHER = sasl.ChannelBinding("tls-server-end-point", bytes(32))
UNIQUE = sasl.ChannelBinding("tls-unique", bytes(12))


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
        timeless = Exchange()
        self.assertEqual(timeless.proof.nt_response[24:32], bytes(8))
        # Who was told no time protects nothing more, and has an LMv2 response.
        self.assertEqual(timeless.proof.mic, b"")
        self.assertNotIn(messages.AV_FLAGS, timeless.pairs)
        self.assertNotEqual(timeless.proof.lm_response[:16], bytes(16))

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
        self.assertIn("another channel", event.detail)

    def test_a_server_may_demand_a_binding(self) -> None:
        """Of a client that has none, or of NTLMv1, it takes nothing."""
        strict = POLICY.replace(channel_binding="require")
        bound = accounts.channel(NAME, bindings=[BINDING])
        event = Exchange(offered=strict, mine=bound, theirs=bound).event
        self.assertTrue(event.bound)
        event = Exchange(offered=strict, theirs=bound).event
        self.assertIs(reason(event), sasl.Reason.BAD_CREDENTIALS)
        self.assertIn("does not say on which channel", event.detail)
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
            ("\ud800", "mail.example.org", False),
        ):
            with self.subTest(mine=mine, theirs=theirs):
                event = Exchange(
                    mine=accounts.channel(NAME, host=mine),
                    theirs=accounts.channel(NAME, host=theirs),
                ).event
                self.assertEqual(isinstance(event, sasl.Success), welcome)
                if isinstance(event, sasl.Failure):
                    self.assertIn("another host", event.detail)

    def test_whom_a_client_names(self) -> None:
        """The protocol's service, if the channel has none; nobody, where one is unknown."""
        raw = sasl.profiles.RAW
        for service, host, profile, expected in (
            ("smtp", "h", raw, "smtp/h"),
            ("", "h", raw.replace(service="imap"), "imap/h"),
            ("smtp", "h", raw.replace(service="imap"), "smtp/h"),
            ("", "h", raw, ""),
            ("smtp", "", raw, ""),
        ):
            asking = sasl.client(
                NAME,
                sasl.Credentials("user", accounts.PASSWORD),
                channel=sasl.Channel(True, service=service, host=host),
                policy=POLICY,
                profile=profile,
            )
            asking.start()
            answer = asking.step(Exchange().said[1])
            said = messages.read_authenticate(answer, messages.UNICODE)
            pairs = messages.read_pairs(said.nt_response[44:])
            with self.subTest(service=service, host=host, expected=expected):
                self.assertEqual(pairs[9], math.unicode(expected))

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

    def test_a_strength_that_was_not_granted(self) -> None:
        """What a client leaves out of its last flags may be too little."""
        sealed = policy("confidentiality")

        def weaker(message: bytes) -> bytes:
            said = messages.read_authenticate(message, messages.UNICODE)
            flags = said.flags & ~messages.KEY_128
            return messages.write_authenticate(said._replace(flags=flags))

        exchange = Exchange(wanted=sealed, offered=sealed, change={2: weaker})
        self.assertIs(reason(exchange.event), sasl.Reason.MALFORMED)
        self.assertIn("strength", exchange.event.detail)

    def test_ciphers_that_ntlm_lacks(self) -> None:
        """DIGEST-MD5's others are passed over, and are not enough."""
        word = "confidentiality"
        for ciphers, strong in ((MAKERS, True), ({"des": MAKERS["des"]}, False)):
            both = policy(word).replace(ciphers=ciphers)
            with self.subTest(strong):
                if strong:
                    self.check(Exchange(wanted=both, offered=both), word)
                    continue
                with self.assertRaises(sasl.ProtocolError):
                    Exchange(wanted=both, offered=both)

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
            self.assertEqual(iv, b"")
            return math.RC4(key)

        sealed = policy("confidentiality").replace(ciphers={"rc4": maker})
        self.check(Exchange(wanted=sealed, offered=sealed), "confidentiality")
        self.assertEqual((len(made), len(set(made))), (4, 2))


if __name__ == "__main__":
    unittest.main()
