"""Every client that can bind against every server: types of binding, and downgrades."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any, NamedTuple

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.mechanisms import find

from . import _accounts as accounts
from ._accounts import NAMES, USER
from ._play import Outcome, play


class BindingTest(unittest.TestCase):
    """The -PLUS mechanisms and every type of channel binding."""

    plus = tuple(name for name in NAMES if find(name).plus and not find(name).binding)

    def run_with(self, name: str, mine: Any, theirs: Any) -> Outcome:
        """Run an exchange with the client's bindings and the server's."""
        return play(
            accounts.make_client(name, on=accounts.channel(name, bindings=mine)),
            accounts.make_server(name, on=accounts.channel(name, bindings=theirs)),
        )

    def test_every_type(self) -> None:
        """The client's preferred type is the one that is bound."""
        for name in self.plus:
            for binding in accounts.BINDINGS:
                outcome = self.run_with(name, [binding], accounts.BINDINGS)
                with self.subTest(name, type=binding.type):
                    self.assertTrue(outcome.succeeded)
                    self.assertTrue(outcome.event.bound)

    def test_a_type_that_the_server_does_not_have(self) -> None:
        """It fails: nothing else is bound in its place."""
        for name in self.plus:
            for index, binding in enumerate(accounts.BINDINGS):
                others = accounts.BINDINGS[:index] + accounts.BINDINGS[index + 1 :]
                outcome = self.run_with(name, [binding], others)
                with self.subTest(name, type=binding.type):
                    self.assertIsInstance(outcome.event, sasl.Failure)

    def test_somebody_in_the_middle(self) -> None:
        """Other octets of the same type: the two ends are of two connections."""
        for name in self.plus:
            for binding in accounts.BINDINGS:
                forged = sasl.ChannelBinding(binding.type, bytes(len(binding.data)))
                outcome = self.run_with(name, [binding], [forged])
                with self.subTest(name, type=binding.type):
                    self.assertIsInstance(outcome.event, sasl.Failure)

    def test_prefixes_are_not_equal(self) -> None:
        """Binding data is compared whole."""
        for cut in (accounts.BINDINGS[0].data[:-1], accounts.BINDINGS[0].data + b"\0"):
            forged = sasl.ChannelBinding("tls-exporter", cut)
            outcome = self.run_with(self.plus[0], accounts.BINDINGS, [forged])
            self.assertIsInstance(outcome.event, sasl.Failure)

    def test_no_binding_is_an_error(self) -> None:
        """A -PLUS mechanism without binding data is not run, by either side."""
        for name in self.plus:
            bare = accounts.channel(name, bindings=())
            with self.subTest(name):
                with self.assertRaises(sasl.NoMechanism):
                    accounts.make_client(name, on=bare)
                with self.assertRaises(sasl.NoMechanism):
                    accounts.make_server(name, on=bare)


class Downgrade(NamedTuple):
    """Who can bind, who wants to, and what the client gets to see."""

    client_binds: bool
    client_wish: str
    server_binds: bool
    server_wish: str
    stripped: bool


def downgrades() -> Iterator[Downgrade]:
    """Yield every combination."""
    for client_binds in (True, False):
        for client_wish in ("prefer", "disable", "require"):
            for server_binds in (True, False):
                for server_wish in ("prefer", "disable", "require"):
                    for stripped in (True, False):
                        yield Downgrade(
                            client_binds,
                            client_wish,
                            server_binds,
                            server_wish,
                            stripped,
                        )


class DowngradeTest(unittest.TestCase):
    """SCRAM-SHA-256 and its -PLUS, by what each side has and wants (RFC 5802, 6)."""

    names = ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")

    def channel(self, binds: bool) -> sasl.Channel:
        """Make a channel with a binding or without."""
        return sasl.Channel(True, bindings=accounts.BINDINGS[:1] if binds else ())

    def policy(self, wish: str) -> sasl.Policy:
        """Make a policy that allows both mechanisms."""
        return sasl.Policy(
            allow=self.names,
            channel_binding=wish,
            iterations=(accounts.ITERATIONS, accounts.ITERATIONS),
        )

    def test_every_combination(self) -> None:
        """Bound where both can; n, y or p= by the rules; a stripped list is noticed."""
        for case in downgrades():
            with self.subTest(**case._asdict()):
                self.check(case)

    def check(self, case: Downgrade) -> None:
        """Run one combination."""
        channel = self.channel(case.server_binds)
        policy = self.policy(case.server_wish)
        offered = sasl.offer(channel=channel, policy=policy)
        seen = [name for name in offered if not (case.stripped and "PLUS" in name)]
        try:
            client = sasl.client(
                seen,
                sasl.Credentials(USER, accounts.PASSWORD),
                channel=self.channel(case.client_binds),
                policy=self.policy(case.client_wish),
                profile=profiles.RAW,
            )
        except sasl.NoMechanism:
            self.assertFalse(self.possible(case, seen))
            return
        self.assertTrue(self.possible(case, seen))
        server = sasl.server(
            client.name, channel=channel, policy=policy, profile=profiles.RAW
        )
        self.check_outcome(case, offered, seen, play(client, server))

    def possible(self, case: Downgrade, seen: list[str]) -> bool:
        """Say whether the client can run anything of what it sees."""
        can_bind = case.client_binds and case.client_wish != "disable"
        if self.names[1] in seen and can_bind:
            return True
        return self.names[0] in seen and case.client_wish != "require"

    def check_outcome(
        self, case: Downgrade, offered: Any, seen: list[str], outcome: Outcome
    ) -> None:
        """Check the client's flag, and the end that follows from it."""
        can_bind = case.client_binds and case.client_wish != "disable"
        flag = b"n"
        if can_bind:
            flag = b"p=tls-exporter" if self.names[1] in seen else b"y"
        self.assertEqual(outcome.transcript[0][1].split(b",")[0], flag)
        attacked = flag == b"y" and self.names[1] in offered
        self.assertEqual(outcome.succeeded, not attacked)
        if not attacked:
            self.assertEqual(outcome.event.bound, flag[:1] == b"p")

    def test_the_combinations_that_matter_are_there(self) -> None:
        """The matrix has attacks, bound logins and refusals in it."""
        self.assertEqual(len(set(downgrades())), 72)
        attack = Downgrade(True, "prefer", True, "prefer", stripped=True)
        self.assertIn(attack, downgrades())

    def test_a_changed_flag_is_noticed(self) -> None:
        """Whoever changes n, y or p on the way fails at the proof, or before."""
        for name, on in ((self.names[0], False), (self.names[1], True)):
            for flag in (b"n", b"y", b"p=tls-exporter", b"p=tls-unique"):
                self.check_flag(name, self.channel(on), flag)

    def check_flag(self, name: str, channel: sasl.Channel, flag: bytes) -> None:
        """Replace the flag of one exchange."""

        def replace(_: Any, method: str, arguments: tuple[Any, ...]) -> Any:
            if method == "start" and arguments:
                honest, comma, rest = arguments[0].partition(b",")
                self.changed = honest != flag
                return (flag + comma + rest,)
            return None

        outcome = play(
            accounts.make_client(name, on=channel, profile=profiles.RAW),
            accounts.make_server(name, on=channel, profile=profiles.RAW),
            watch=replace,
        )
        with self.subTest(name, flag=flag):
            self.assertEqual(outcome.succeeded, not self.changed)


if __name__ == "__main__":
    unittest.main()
