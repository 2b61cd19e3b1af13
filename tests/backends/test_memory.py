"""Accounts in a dict."""

from __future__ import annotations

import unittest

from sasl_core.backends.memory import MemoryStore

from ._contract import WONDER, Contract


class MemoryStoreTest(Contract, unittest.TestCase):
    """All that is true of stores; there is nothing more to it."""

    def setUp(self) -> None:
        """Begin with none."""
        self.store = MemoryStore()

    def make(self) -> MemoryStore:
        """Return the only one there is."""
        return self.store

    def test_it_begins_with_what_it_is_given(self) -> None:
        """A copy: the caller's dict is the caller's."""
        given = {"alice": WONDER}
        store = MemoryStore(given)
        store.replace("alice", WONDER, None)
        self.assertEqual(given, {"alice": WONDER})


if __name__ == "__main__":
    unittest.main()
