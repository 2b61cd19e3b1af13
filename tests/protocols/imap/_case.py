"""What the tests of a server expect of its replies."""

from __future__ import annotations

import unittest

from sasl_core.protocols.imap import Reply


class Case(unittest.TestCase):
    def assert_reply(self, reply: Reply, start: str) -> None:
        """Expect one line that begins so, and the connection to stay open."""
        self.assertEqual(len(reply.lines), 1, reply)
        self.assertEqual(reply.lines[0][: len(start)], start)
        self.assertFalse(reply.close)

    def assert_end(self, reply: Reply, *starts: str) -> None:
        """Expect lines that begin so, and the connection to end."""
        found = tuple(
            line[: len(start)] for line, start in zip(reply.lines, starts, strict=True)
        )
        self.assertEqual(found, starts)
        self.assertTrue(reply.close)
