"""LineBuffer: whole lines, whatever the pieces, and never more memory than a line."""

from __future__ import annotations

import unittest

from sasl_core.protocols.smtp import LineBuffer

from .._hypothesis import given, st


def drain(buffer: LineBuffer) -> list[bytes]:
    """Return every line that is whole."""
    lines = []
    while (line := buffer.next()) is not None:
        lines.append(line)
    return lines


class Lines(unittest.TestCase):
    def test_a_line_comes_with_its_end(self) -> None:
        buffer = LineBuffer(64)
        buffer.feed(b"EHLO a\r\nNO")
        self.assertEqual(drain(buffer), [b"EHLO a\r\n"])
        buffer.feed(b"OP\r\n")
        self.assertEqual(drain(buffer), [b"NOOP\r\n"])
        self.assertFalse(buffer.pending)

    def test_a_line_end_in_two_pieces(self) -> None:
        buffer = LineBuffer(64)
        buffer.feed(b"NOOP\r")
        self.assertEqual(drain(buffer), [])
        buffer.feed(b"\n")
        self.assertEqual(drain(buffer), [b"NOOP\r\n"])

    def test_an_empty_line(self) -> None:
        buffer = LineBuffer(64)
        buffer.feed(b"\r\n\r\n")
        self.assertEqual(drain(buffer), [b"\r\n", b"\r\n"])

    def test_a_lone_lf_ends_no_line(self) -> None:
        buffer = LineBuffer(64)
        buffer.feed(b"NOOP\nQUIT\r\n")
        self.assertEqual(drain(buffer), [b"NOOP\nQUIT\r\n"])

    def test_a_lone_lf_ends_a_line_on_demand(self) -> None:
        buffer = LineBuffer(64, bare_lf=True)
        buffer.feed(b"220 a\n220 b\r\n")
        self.assertEqual(drain(buffer), [b"220 a\n", b"220 b\r\n"])

    def test_the_limit_counts_the_line_end(self) -> None:
        buffer = LineBuffer(8)
        buffer.feed(b"123456\r\n")
        self.assertEqual(drain(buffer), [b"123456\r\n"])
        buffer.feed(b"1234567\r\nNOOP\r\n")
        self.assertEqual(drain(buffer), [b"1234567\r\n", b"NOOP\r\n"])

    def test_a_look_takes_nothing(self) -> None:
        buffer = LineBuffer(64)
        buffer.feed(b"* OK\r\n")
        self.assertEqual((buffer.peek(2), buffer.peek()), (b"* ", b"* OK\r\n"))
        self.assertEqual(drain(buffer), [b"* OK\r\n"])

    def test_too_long_is_told_by_the_length(self) -> None:
        buffer = LineBuffer(8)
        buffer.feed(b"123456789012345\r\nNOOP\r\n")
        self.assertEqual(drain(buffer), [b"123456789", b"NOOP\r\n"])

    def test_too_long_is_told_at_once_and_once(self) -> None:
        buffer = LineBuffer(8)
        buffer.feed(b"x" * 9)
        self.assertEqual(drain(buffer), [b"x" * 9])
        for _ in range(5):
            buffer.feed(b"x" * 1000)
            self.assertEqual(drain(buffer), [])
        buffer.feed(b"\r\nNOOP\r\n")
        self.assertEqual(drain(buffer), [b"NOOP\r\n"])

    def test_the_rest_of_a_long_line_takes_no_memory(self) -> None:
        buffer = LineBuffer(8)
        for _ in range(100):
            buffer.feed(b"x" * 65536)
            drain(buffer)
        self.assertLess(len(buffer._buffer), 16)

    def test_a_line_end_right_at_the_cut(self) -> None:
        for length in range(1, 20):
            for cut in range(length + 3):
                with self.subTest(length=length, cut=cut):
                    stream = b"x" * length + b"\r\nNOOP\r\n"
                    buffer = LineBuffer(8)
                    buffer.feed(stream[:cut])
                    lines = drain(buffer)
                    buffer.feed(stream[cut:])
                    lines += drain(buffer)
                    self.assertEqual(len(lines), 2)
                    self.assertEqual(lines[1], b"NOOP\r\n")
                    self.assertEqual(len(lines[0]) <= 8, length <= 6)

    def test_pending_tells_of_half_a_line(self) -> None:
        buffer = LineBuffer(64)
        self.assertFalse(buffer.pending)
        buffer.feed(b"STARTTLS\r\nE")
        drain(buffer)
        self.assertTrue(buffer.pending)

    def test_pending_tells_of_a_line_being_swallowed(self) -> None:
        buffer = LineBuffer(2)
        buffer.feed(b"xxx")
        drain(buffer)
        self.assertTrue(buffer.pending)

    @given(
        st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\r\n", b""))),
        st.data(),
    )
    def test_pieces_do_not_matter(
        self, contents: list[bytes], data: st.DataObject
    ) -> None:
        stream = b"".join(content + b"\r\n" for content in contents)
        whole = LineBuffer(8)
        whole.feed(stream)
        expected = drain(whole)
        buffer, found = LineBuffer(8), []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            buffer.feed(stream[:size])
            stream = stream[size:]
            found += drain(buffer)
        self.assertEqual([line[:8] for line in found], [line[:8] for line in expected])
        self.assertFalse(buffer.pending)
