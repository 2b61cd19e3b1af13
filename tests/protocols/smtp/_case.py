"""What the tests of a server expect of its replies."""

from __future__ import annotations

import unittest

from sasl_core.protocols.smtp import Reply

LONG = b"A" * 12287  # with CRLF, one octet over the limit


class Case(unittest.TestCase):
    def assert_reply(self, reply: Reply, start: str) -> None:
        """Expect one line that begins so, and the connection to stay open."""
        self.assertEqual(len(reply.lines), 1)
        self.assertEqual(f"{reply.code} {reply.lines[0]}"[: len(start)], start)
        self.assertFalse(reply.close)
