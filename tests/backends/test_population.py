"""Unknown users look like known ones: what is shown, and what is done for them."""

from __future__ import annotations

import hashlib
import unittest
from collections import Counter
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import ScramKeys, records
from sasl_core.backends import Account, Application, Population
from sasl_core.backends.memory import MemoryStore

from ._contract import keys

CHANNEL = sasl.Channel(True)
NAMES = 10_000


def scram(iterations: int, size: int) -> Account:
    """Make an account that costs nothing to make."""
    filler = bytes(32)
    return Account([ScramKeys("sha256", bytes(size), iterations, filler, filler)])


class PopulationTest(unittest.TestCase):
    """Read off a store."""

    def test_shapes(self) -> None:
        """In proportion, however many accounts there are."""
        mixed = [("a", scram(4096, 16))] * 3000 + [("b", scram(9000, 24))] * 1000
        population = Population.of(iter(mixed))
        self.assertEqual(len(population.shapes), 1024)
        drawn = Counter(population.scram("sha256", draw) for draw in range(1024))
        self.assertEqual(drawn, {(4096, 16): 768, (9000, 24): 256})

    def test_nothing_of_the_accounts_is_kept(self) -> None:
        """No salt, no key, no password."""
        made = records.derive(
            "pencil", ("PLAIN", "CRAM-MD5", "SCRAM-SHA-1"), iterations=2
        )
        population = Population.of([("alice", Account(made))])
        for record, decoy in zip(made, population.shapes[0], strict=True):
            self.assertEqual(record.scheme, decoy.scheme)
            self.assertNotEqual(record, decoy)
            self.assertFalse(decoy.verify("pencil"))

    def test_accounts_without_a_password_do_not_count(self) -> None:
        """They look like nobody themselves."""
        population = Population.of([("a", Account()), ("b", scram(9000, 24))])
        self.assertEqual(len(population.shapes), 1)

    def test_an_empty_store(self) -> None:
        """What a policy shows by default."""
        population = Population.of([])
        self.assertEqual(population.scram("sha256", 7), (4096, 16))
        (decoy,) = population.records(7)
        self.assertEqual((decoy.iterations, len(decoy.salt)), (4096, 16))

    def test_mechanisms(self) -> None:
        """Those that every account can use."""
        for accounts, expected in (
            ([Account([keys("x")])], {"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}),
            ([Account([keys("x")]), Account([keys("x", "sha1")])], set()),
            ([Account(records.derive("x", ("CRAM-MD5",)))], {"CRAM-MD5"}),
        ):
            found = Population.of(("u", account) for account in accounts).mechanisms
            self.assertEqual(found, expected | {"PLAIN", "LOGIN"})

    def test_what_is_drawn_is_stable(self) -> None:
        """For the same secret, over restarts; another secret draws otherwise."""
        mixed = [("a", scram(n, 16)) for n in range(4096, 4200)]
        shown = []
        for secret in (b"one", b"one", b"two"):
            policy = sasl.Policy(decoy=Population.of(mixed), decoy_secret=secret)
            shown.append([policy.decoy_terms("sha256", f"u{n}") for n in range(50)])
        self.assertEqual(shown[0], shown[1])
        self.assertNotEqual(shown[0], shown[2])


class StatisticsTest(unittest.TestCase):
    """Ten thousand names, half of them known."""

    def setUp(self) -> None:
        """Make a store of four kinds of accounts, one of each in the order of names."""
        kinds = [scram(4096, 16), scram(10_000, 16), scram(4096, 24), scram(4096, 16)]
        half = NAMES // 2
        accounts = {f"user-{n}": kinds[n % 4] for n in range(half)}
        self.app = Application(MemoryStore(accounts))
        self.policy = self.app.policy(decoy_secret=b"of this test")

    def test_messages_and_iterations_do_not_tell(self) -> None:
        """The sizes and counts of both halves are spread alike."""
        halves: list[Counter[tuple[int, bytes]]] = [Counter(), Counter()]
        salts = set()
        for number in range(NAMES):
            server = sasl.server(
                "SCRAM-SHA-256",
                channel=CHANNEL,
                policy=self.policy,
                profile=sasl.profiles.RAW,
                nonce=b"server",
            )
            request: Any = server.start(b"n,,n=user-%d,r=client" % number)
            event: Any = self.app.answer(request)
            _, salt, count = event.data.split(b",")
            halves[number >= NAMES // 2][len(event.data), count] += 1
            if number >= NAMES // 2:
                salts.add(salt)
        known, unknown = halves
        self.assertEqual(known.keys(), unknown.keys())
        # Chi-square with 2 degrees of freedom; 20 comes by chance once in 20,000 times,
        # and the draw is fixed.
        chi = sum((unknown[kind] - count) ** 2 / count for kind, count in known.items())
        self.assertLess(chi, 20)
        self.assertEqual(len(salts), NAMES // 2)

    def test_the_work_does_not_tell(self) -> None:
        """As many hash calls, of as many iterations, for unknown as for known."""
        spent: list[Counter[int]] = [Counter(), Counter()]
        done: list[int] = []

        def counted(
            name: str, password: bytes, salt: bytes, count: int, *_: Any
        ) -> bytes:
            done.append(count)
            return bytes(32)

        with mock.patch.object(hashlib, "pbkdf2_hmac", counted):
            for number in range(NAMES):
                server = sasl.server("PLAIN", channel=CHANNEL, policy=self.policy)
                text = sasl.profiles.BASE64.encode(b"\0user-%d\0wrong" % number)
                event = self.app.answer(server.start(text))
                self.assertIsInstance(event, sasl.Failure)
                self.assertEqual(len(done), 1)
                spent[number >= NAMES // 2][done.pop()] += 1
        known, unknown = spent
        self.assertEqual(known.keys(), unknown.keys())
        chi = sum((unknown[count] - n) ** 2 / n for count, n in known.items())
        self.assertLess(chi, 20)

    def test_a_store_of_clear_passwords(self) -> None:
        """Keys are derived for nobody, too."""
        app = Application(
            MemoryStore({"alice": Account([records.Plaintext("pencil")])})
        )
        policy = app.policy()
        calls = []
        for name in ("alice", "nobody"):
            with mock.patch.object(
                hashlib, "pbkdf2_hmac", wraps=hashlib.pbkdf2_hmac
            ) as hashed:
                server = sasl.server("SCRAM-SHA-1", channel=CHANNEL, policy=policy)
                text = sasl.profiles.BASE64.encode(b"n,,n=%b,r=abc" % name.encode())
                app.answer(server.start(text))
                calls.append([call.args[3] for call in hashed.call_args_list])
        self.assertEqual(calls, [[4096], [4096]])


if __name__ == "__main__":
    unittest.main()
