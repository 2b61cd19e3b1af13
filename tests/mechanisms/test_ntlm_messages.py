"""NTLM's messages (MS-NLMP, section 2.2): what is read, and what is refused."""

from __future__ import annotations

import unittest
from typing import Any

import sasl_core as sasl
from sasl_core._strict import Malformed
from sasl_core.mechanisms import _ntlm_messages as messages

from .._hypothesis import given, st
from .._nasty import mutations
from ._both import client, reason, server
from ._ntlm import NAME, Exchange


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
        later = b"\1\1\2\0b\0"
        found = messages.read_pairs(pair + later + bytes(4))
        self.assertEqual(found, {1: b"a\0", 257: b"b\0"})
        sized = (b"\6\0\3\0", b"\7\0\x07\0", b"\x0a\0\0\0", b"\0\0\1\0")
        for octets in (pair + pair + bytes(4), pair, b"", b"\0\0\1\0", *sized):
            with self.subTest(octets), self.assertRaises(Malformed):
                messages.read_pairs(octets)
        for head in sized:  # and with room for it
            with self.subTest(head), self.assertRaisesRegex(Malformed, "wrong size"):
                messages.read_pairs(head + bytes(12))
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

    def test_the_heads_of_messages(self) -> None:
        """Signature, number, size, and a character set: without, it is none."""
        negotiate = messages.write_negotiate(messages.UNICODE)
        empty = bytes(4) + b"\x20\0\0\0"
        self.assertEqual(negotiate, b"NTLMSSP\0\1\0\0\0\1\0\0\0" + empty + empty)
        said = messages.Challenge(messages.UNICODE, "", bytes(range(8)), None)
        challenge = messages.write_challenge(said)[:32]
        self.assertEqual(messages.read_challenge(challenge), said)
        self.assertEqual(len(messages.write_challenge(said)), 48)
        # A payload may begin where newer servers tell of target info.
        named = challenge[:12] + b"\2\0\2\0\x20\0\0\0" + challenge[20:] + b"a\0"
        self.assertEqual(messages.read_challenge(named).target_name, "a")
        with_info = challenge[:22] + b"\x80" + challenge[23:] + bytes(16)
        self.assertEqual(messages.read_challenge(with_info).target_info, b"")
        with self.assertRaises(Malformed):
            messages.read_challenge(with_info[:47])
        readers = (
            (messages.read_negotiate, negotiate, 12),
            (messages.read_challenge, challenge, 20),
        )
        for read, message, flags_at in readers:
            for wrong in (
                message[:-1] if read is messages.read_challenge else message[:15],
                message[:7] + b"x" + message[8:],
                message[:8] + b"\3" + message[9:],
                message[:flags_at] + b"\0" + message[flags_at + 1 :],
            ):
                with self.subTest(wrong), self.assertRaises(Malformed):
                    read(wrong)

    def test_where_a_mic_stands(self) -> None:
        """Where there is room for it, behind a version or in its place."""
        head = b"NTLMSSP\0\3\0\0\0" + bytes(16)
        for start, at in (
            (64, 0),
            (79, 0),
            (80, 64),
            (87, 64),
            (88, 72),
            (100, 72),
        ):
            field = b"\1\0\1\0" + start.to_bytes(4, "little")
            message = head + field + bytes(28) + bytes(range(start - 63))
            said = messages.read_authenticate(message, messages.OEM)
            with self.subTest(start):
                self.assertEqual(said.mic_at, at)
                self.assertEqual(said.mic, message[at : at + 16] if at else b"")
                self.assertEqual(len(said.domain), 1)
        empty = head + bytes(36)
        self.assertEqual(messages.read_authenticate(empty, 0).mic, b"")
        with self.assertRaises(Malformed):
            messages.read_authenticate(empty[:-1], 0)

    def test_what_is_too_long(self) -> None:
        """A field has two octets for its size."""
        said = messages.Challenge(messages.OEM, "x" * 65535, bytes(8), None)
        read = messages.read_challenge(messages.write_challenge(said))
        self.assertEqual(read, said)
        with self.assertRaises(Malformed):
            messages.write_challenge(said._replace(target_name="x" * 65536))

    def test_a_name_that_is_not_supplied_is_not_looked_at(self) -> None:
        """Section 2.2.1.1; one that is supplied lies behind the fields, inside."""
        fields = b"\1\0\1\0%c\0\0\0\2\0\2\0\x20\0\0\0"
        for more, offset, found in (
            (0, 99, (b"", b"")),
            (messages.OEM_DOMAIN_SUPPLIED, 34, (b"c", b"")),
            (messages.OEM_WORKSTATION_SUPPLIED, 99, (b"", b"ab")),
            (messages.OEM_DOMAIN_SUPPLIED, 35, None),  # one octet, behind the end
            (messages.OEM_DOMAIN_SUPPLIED, 31, None),
            (messages.OEM_WORKSTATION_SUPPLIED, 0, None),
        ):
            message = messages.write_negotiate(messages.UNICODE | more)[:16]
            message += fields % offset + b"abc"
            if not offset:  # of the workstation, then
                message = message[:28] + b"\x1f" + message[29:]
            with self.subTest(more=more, offset=offset):
                if found is None:
                    with self.assertRaises(Malformed):
                        messages.read_negotiate(message)
                else:
                    self.assertEqual(messages.read_negotiate(message)[1:], found)
                short = messages.read_negotiate(message[:31])
                self.assertEqual(short[1:], (b"", b""))
                if more:
                    with self.assertRaises(Malformed):
                        messages.read_negotiate(message[:32])

    def test_fields_do_not_reach_into_the_fields(self) -> None:
        """Whoever points there would have one octet read in two ways."""
        asking, answering = client(NAME), server(NAME)
        challenge = answering.start(asking.start()).data
        proof = asking.step(challenge)
        for message, places, read in (
            # Older servers have no target info: their payload may begin where it is.
            (challenge, {12: 32, 40: 48}, messages.read_challenge),
            (
                proof,
                dict.fromkeys((12, 20, 28, 36), 64),
                lambda given: messages.read_authenticate(given, messages.UNICODE),
            ),
        ):
            read(message)
            for at, least in places.items():
                offset = (least - 1).to_bytes(4, "little")
                moved = message[: at + 4] + offset + message[at + 8 :]
                with self.subTest(at=at, least=least):
                    self.assertNotEqual(message[at : at + 2], b"\0\0")
                    with self.assertRaisesRegex(Malformed, "in the payload"):
                        read(moved)

    def test_the_type_of_an_answer(self) -> None:
        """NTLMv2's have one, and nobody is asked about another (2.2.2.7)."""
        for at in (16, 17, None):

            def turned(message: bytes, at: int | None = at) -> bytes:
                said = messages.read_authenticate(message, messages.UNICODE)
                nt = said.nt_response
                nt = nt[:43] if at is None else nt[:at] + b"\2" + nt[at + 1 :]
                return messages.write_authenticate(said._replace(nt_response=nt))

            exchange = Exchange(change={2: turned})
            self.assertIs(reason(exchange.event), sasl.Reason.MALFORMED)
            self.assertIsNone(exchange.asked)

    def test_names_that_are_no_text(self) -> None:
        """A half of a pair of surrogates; what is no UTF-8; what cannot be prepared."""
        for flags, name, problem in (
            (messages.UNICODE, b"\0\xd8", "not UTF-16"),
            (messages.UNICODE, b"a\0b", "not UTF-16"),
            (messages.OEM, b"\xff", "not UTF-8"),
            (messages.UNICODE, "\u2028".encode("utf-16-le"), "cannot be prepared"),
        ):
            answering = server(NAME)
            answering.start(messages.write_negotiate(flags | messages.NTLM))
            placed = (88).to_bytes(4, "little")
            field = len(name).to_bytes(2, "little") * 2 + placed
            proof = bytes(16) + b"\1\1" + bytes(26) + bytes(4)
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
                event: Any = answering.step(message)
                self.assertIs(reason(event), sasl.Reason.MALFORMED)
                self.assertIn(problem, event.detail)


if __name__ == "__main__":
    unittest.main()
