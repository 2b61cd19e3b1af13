"""Accounts in a directory: which connections are used again."""

from __future__ import annotations

import os
import unittest
from typing import Any
from unittest import mock

from sasl_core.backends import Account

from ._ldap import ALICE, DIGEST, Base, BrokenError, Fake, ResultError, result


class ConnectionTest(Base):
    """They are used again, unless they broke."""

    def test_one_after_the_other_uses_the_same(self) -> None:
        """Until the store is closed."""
        fake = Fake([ALICE], [], [ALICE])
        store = self.store_on(fake)
        for found in (Account([DIGEST]), None, Account([DIGEST])):
            self.assertEqual(store.find("alice"), found)
        self.assertEqual(fake.closed, 0)
        store.close()
        self.assertEqual(fake.closed, 1)

    def test_one_that_lay_idle_and_died(self) -> None:
        """Once more, with a new one; what lay there beside it is closed as well."""
        first, second = Fake([ALICE], BrokenError("cn=secret")), Fake([ALICE])
        third = Fake([ALICE])
        store = self.store_on(first, second, third)
        search = first.search
        others = iter(["bob"])

        def meanwhile(**asked: Any) -> Any:
            for name in others:
                store.find(name)  # as another thread would
            return search(**asked)

        first.search = meanwhile
        store.find("alice")
        self.assertEqual(store.find("alice"), Account([DIGEST]))
        self.assertEqual([fake.closed for fake in (first, second, third)], [1, 1, 0])

    def test_one_retry_only(self) -> None:
        """What is new and dead is Unavailable."""
        first = Fake([ALICE], BrokenError("cn=secret"))
        second = Fake(BrokenError("cn=secret"))
        store = self.store_on(first, second, Fake([ALICE]))
        store.find("alice")
        self.assertIn("BrokenError", self.unavailable(store))
        self.assertEqual((first.closed, second.closed), (1, 1))
        self.assertEqual(store.find("alice"), Account([DIGEST]))

    def test_no_connection(self) -> None:
        """The error's own text is not told."""
        for error in (OSError("secret"), BrokenError("secret"), ValueError("secret")):
            text = self.unavailable(self.store_on(error))
            self.assertIn(type(error).__name__, text)

    def test_one_that_is_not_bound(self) -> None:
        """To nobody a directory looks empty: every user would be unknown."""
        fake = Fake([], bound=False)
        self.assertIn("bound", self.unavailable(self.store_on(fake)))
        self.assertEqual((fake.asked, fake.closed), ([], 1))

    def test_results_that_are_no_answer(self) -> None:
        """busy, referral, sizeLimitExceeded, noSuchObject: never "unknown"."""
        for style in ("safe", "sync", "raising"):
            for number in (1, 3, 4, 10, 32, 50, 51, 52, 80):
                fake = Fake((result(number), [ALICE]), [ALICE], style=style)
                store = self.store_on(fake)
                self.assertIn(f"({number})", self.unavailable(store))
                # but the connection is as good as before
                self.assertEqual(store.find("alice"), Account([DIGEST]))

    def test_an_old_result_is_no_answer(self) -> None:
        """An exception that has a result, of which the connection knows nothing."""
        fake = Fake([ALICE], ResultError(32))
        store = self.store_on(fake, Fake(ResultError(32)))
        store.find("alice")
        self.unavailable(store)

    def test_asynchronous_strategies_are_refused(self) -> None:
        """Their answers come later: what stands there is of another question."""
        with self.assertRaises(TypeError):
            self.store_on(Fake([ALICE], style="async")).find("alice")

    def test_an_interrupted_one_is_not_used_again(self) -> None:
        """The answer to its question would be taken for that to the next."""
        first = Fake(KeyboardInterrupt())
        store = self.store_on(first, Fake([]))
        with self.assertRaises(KeyboardInterrupt):
            store.find("alice")
        self.assertEqual(first.closed, 1)
        self.assertIsNone(store.find("alice"))

    def test_no_more_than_so_many_are_kept(self) -> None:
        """None at all, if so wished."""
        fakes = Fake([ALICE]), Fake([ALICE])
        store = self.store_on(*fakes, idle=0)
        store.find("alice")
        store.find("alice")
        self.assertEqual([fake.closed for fake in fakes], [1, 1])

    def test_a_fork_shares_none(self) -> None:
        """Neither used nor unbound: it is the parent's."""
        first, second = Fake([ALICE], [ALICE]), Fake([])
        store = self.store_on(first, second)
        store.find("alice")
        with mock.patch("os.getpid", return_value=os.getpid() + 1):
            self.assertIsNone(store.find("alice"))
            store.close()
        self.assertEqual((first.closed, len(first.asked)), (0, 1))
        self.assertEqual(second.closed, 1)


if __name__ == "__main__":
    unittest.main()
