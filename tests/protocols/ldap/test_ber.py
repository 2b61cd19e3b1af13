"""Octets that are not what LDAP's rules of encoding allow."""

from __future__ import annotations

import unittest

from sasl_core._strict import Malformed
from sasl_core.protocols.ldap import _ber as ber
from sasl_core.protocols.ldap import _messages as messages
from sasl_core.protocols.ldap._words import MessageBuffer

from ..._hypothesis import given, settings, st
from ._peer import PLAIN, SCRAM, START_TLS, UNBIND


class Numbers(unittest.TestCase):
    def test_written_and_read(self) -> None:
        for value in (0, 1, 127, 128, 255, 256, 65535, 0x7FFFFFFF):
            self.assertEqual(ber.Reader(ber.number(value)).number(), value)

    def test_known_octets(self) -> None:
        self.assertEqual(ber.number(127), b"\x02\x01\x7f")
        self.assertEqual(ber.number(128), b"\x02\x02\x00\x80")

    def test_refused(self) -> None:
        for content in (
            b"",
            b"\xff",
            b"\x00\x01",
            b"\x00\x80\x00\x00\x00",
            b"\x01" * 9,
        ):
            with self.subTest(content), self.assertRaises(Malformed):
                ber.Reader(ber.tlv(ber.INTEGER, content)).number()

    def test_flags(self) -> None:
        for content, value in ((b"\x00", False), (b"\xff", True)):
            self.assertIs(ber.Reader(ber.tlv(ber.BOOLEAN, content)).flag(), value)
        for content in (b"", b"\x01", b"\xff\xff"):
            with self.subTest(content), self.assertRaises(Malformed):
                ber.Reader(ber.tlv(ber.BOOLEAN, content)).flag()


class Lengths(unittest.TestCase):
    def test_the_shortest_is_written(self) -> None:
        for size, head in (
            (0, b"\x04\x00"),
            (127, b"\x04\x7f"),
            (128, b"\x04\x81\x80"),
            (256, b"\x04\x82\x01\x00"),
        ):
            self.assertEqual(ber.tlv(ber.OCTET_STRING, bytes(size))[: len(head)], head)

    def test_longer_ones_are_read(self) -> None:
        """As Active Directory writes them."""
        for head in (b"\x81\x01", b"\x82\x00\x01", b"\x84\x00\x00\x00\x01"):
            reader = ber.Reader(b"\x04" + head + b"x")
            self.assertEqual(reader.take(ber.OCTET_STRING), b"x")

    def test_refused(self) -> None:
        for octets in (
            b"\x04\x80x\0\0",  # indefinite
            b"\x04\x85\0\0\0\0\x01x",  # of five octets
            b"\x1f\x01x",  # a tag of more octets
            b"\x04\xff",
            b"\x04\x02x",  # more than is there
            b"\x04\x82\x01",
            b"\x04",
            b"",
        ):
            with self.subTest(octets), self.assertRaises(Malformed):
                reader = ber.Reader(octets)
                reader.take(reader.tag)


class Frames(unittest.TestCase):
    def frames(self, *parts: bytes, limit: int = 100) -> list[bytes]:
        buffer, found = MessageBuffer(limit), []
        for part in parts:
            buffer.feed(part)
            while (frame := buffer.next()) is not None:
                found.append(frame)
        self.left = buffer.pending
        return found

    def test_in_pieces_and_in_heaps(self) -> None:
        whole = PLAIN + SCRAM + UNBIND
        self.assertEqual(self.frames(whole), [PLAIN, SCRAM, UNBIND])
        pieces = [whole[i : i + 1] for i in range(len(whole))]
        self.assertEqual(self.frames(*pieces), [PLAIN, SCRAM, UNBIND])
        self.assertFalse(self.left)

    def test_what_can_be_none_comes_out_at_once(self) -> None:
        for octets in (b"GET / HTTP/1.1\r\n", b"\x30\x80", b"\x30\x85", b"\x31\x00"):
            self.assertEqual(self.frames(octets), [octets])
            with self.subTest(octets), self.assertRaises(Malformed):
                messages.read(octets)

    def test_over_the_limit(self) -> None:
        for octets in (
            b"\x30\x63" + bytes(50),
            b"\x30\x84\x7f\xff\xff\xff" + bytes(50),
        ):
            found = self.frames(octets, limit=20)
            self.assertEqual(len(found[0]), 21)
            with self.subTest(octets), self.assertRaises(Malformed):
                messages.read(found[0])

    def test_not_whole(self) -> None:
        for size in range(len(PLAIN)):
            self.assertEqual(self.frames(PLAIN[:size]), [])
            self.assertEqual(self.left, size > 0)


class Messages(unittest.TestCase):
    def test_known_octets(self) -> None:
        """A simple bind as OpenLDAP's client writes it, and an unbind."""
        octets = bytes.fromhex("300c020101600702010304008000")
        self.assertEqual(messages.simple_request(1, "", b""), octets)
        self.assertEqual(UNBIND, bytes.fromhex("30050201014200"))
        read = messages.read_bind(messages.read(octets).body)
        self.assertEqual(read, (3, b"", None, b"", True))

    def test_absent_is_not_empty(self) -> None:
        for credentials in (None, b""):
            octets = messages.bind_request(1, "EXTERNAL", credentials)
            read = messages.read_bind(messages.read(octets).body)
            self.assertEqual(read, (3, b"", b"EXTERNAL", credentials, False))
            octets = messages.bind_response(1, 14, "", credentials)
            read = messages.read_result(messages.read(octets).body)
            self.assertEqual(read, (14, "", credentials))

    def test_an_authentication_of_an_unknown_kind(self) -> None:
        body = ber.number(3) + ber.string("") + ber.tlv(0x89, b"NTLM")
        self.assertEqual(messages.read_bind(body), (3, b"", None, None, False))

    def test_trailing_components_are_ignored(self) -> None:
        """RFC 4511, section 4: so that the protocol can be extended."""
        more = ber.tlv(0x99, b"x")
        body = messages.result(49, "no") + ber.tlv(0xA3, b"") + more
        self.assertEqual(messages.read_result(body), (49, "no", None))
        frame = messages.read(PLAIN)
        extended = ber.tlv(0x30, ber.number(1), ber.tlv(frame.tag, frame.body), more)
        self.assertEqual(messages.read(extended), frame)
        with self.assertRaises(Malformed):
            messages.read(ber.tlv(0x30, ber.number(1), PLAIN[5:], b"\x99\x05x"))

    def test_critical_controls(self) -> None:
        oid = ber.string("1.2.3")
        yes, no = ber.tlv(1, b"\xff"), ber.tlv(1, b"\0")
        for parts, expected in (
            ([oid], False),
            ([oid + yes], True),
            ([oid + no], False),
            ([oid + ber.string("value")], False),
            ([oid, oid + yes + ber.string("value"), oid], True),
        ):
            controls = b"".join(ber.tlv(0x30, part) for part in parts)
            octets = bytes(messages.Message(1, messages.UNBIND, b"", controls))
            self.assertIs(messages.read(octets).critical, expected)

    def test_the_password_is_not_shown(self) -> None:
        self.assertNotIn("pencil", repr(messages.read(PLAIN)))

    def test_the_search_for_the_root_dse(self) -> None:
        asked = messages.read(messages.root_dse_request(1, "supportedSASLMechanisms"))
        found = messages.read_root_dse_request(asked.body)
        self.assertEqual(found, (["supportedsaslmechanisms"], False))
        octets = messages.entry(7, "", {"a": ("1",), "B": ("2", "3"), "c": ()})
        body = messages.read(octets).body
        self.assertEqual(messages.read_entry(body, "b"), ["2", "3"])
        self.assertEqual(messages.read_entry(body, "d"), [])

    @settings(max_examples=100)
    @given(
        st.sampled_from([PLAIN, SCRAM, START_TLS, messages.root_dse_request(1, "a")]),
        st.data(),
    )
    def test_nothing_but_malformed(self, frame: bytes, data: st.DataObject) -> None:
        """Any octets in the place of any."""
        at = data.draw(st.integers(0, len(frame) - 1))
        octets = data.draw(st.binary(max_size=4))
        changed = frame[:at] + octets + frame[at + data.draw(st.integers(0, 4)) :]
        try:
            body = messages.read(changed).body
        except Malformed:
            body = changed
        for read in (
            messages.read_bind,
            messages.read_extended,
            messages.read_root_dse_request,
            messages.read_result,
            lambda body: messages.read_entry(body, "a"),
        ):
            try:
                read(body)
            except Malformed:
                continue
