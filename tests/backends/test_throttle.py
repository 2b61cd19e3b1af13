"""Limits on guessing: charged before, given back after."""

from __future__ import annotations

import math
import unittest

from sasl_core.backends.throttle import Limit, MemoryState

from ._throttle import AWAY, HOME, Base


class RulesTest(Base):
    """Each rule."""

    def test_the_delay_grows(self) -> None:
        """Some are free, then each costs twice as long, up to the most."""
        self.assertEqual(self.tries(20, "alice"), 4)
        waits = []
        for _ in range(10):
            wait = self.throttle.ask("alice", HOME).wait
            waits.append(wait)
            self.clock.now += wait / 2
            self.assertGreater(self.throttle.ask("alice", HOME).wait, 0)
            self.clock.now += wait / 2 + 0.01
            self.assertEqual(self.guess("alice").wait, 0)
        self.assertEqual([round(wait) for wait in waits[:5]], [1, 2, 4, 8, 16])
        self.assertEqual(round(waits[-1]), 100)

    def test_it_is_forgotten(self) -> None:
        """After a day without."""
        self.tries(20, "alice")
        self.clock.now += 86401
        self.assertEqual(self.tries(20, "alice"), 4)

    def test_a_success_clears_the_pair(self) -> None:
        """A user who mistypes and then does not has a clean sheet."""
        for _ in range(5):
            self.assertEqual(self.tries(3, "alice"), 3)
            self.assertEqual(self.guess("alice", outcome="success").wait, 0)

    def test_parallel_guesses_do_not_all_pass(self) -> None:
        """Each is charged before it is looked at."""
        tickets = [self.throttle.ask("alice", HOME) for _ in range(1000)]
        self.assertEqual(sum(not ticket.wait for ticket in tickets), 4)

    def test_what_tested_no_password_costs_nothing(self) -> None:
        """An abort, a dead database."""
        for _ in range(50):
            self.assertEqual(self.guess("alice", outcome="neither").wait, 0)
        self.assertEqual(self.tries(20, "alice"), 4)

    def test_telling_twice_is_telling_once(self) -> None:
        """A charge is given back once."""
        self.tries(3, "alice")
        ticket = self.throttle.ask("alice", HOME)
        for _ in range(5):
            self.throttle.tell(ticket, "neither")
        self.assertEqual(self.tries(20, "alice"), 1)

    def test_a_botnet_does_not_lock_alice_out(self) -> None:
        """Where she has logged in before, only her own mistakes count."""
        self.guess("alice", outcome="success")
        for number in range(50):
            self.guess("alice", f"203.0.113.{number}")
        self.assertGreater(self.throttle.ask("alice", AWAY).wait, 0)
        self.assertEqual(self.throttle.ask("alice", HOME).wait, 0)
        self.clock.now += 30 * 86400
        self.guess("alice", outcome="success")  # trust ends, unless it is renewed

    def test_a_botnet_gets_few_guesses(self) -> None:
        """However many addresses it has."""
        done = sum(
            not self.guess("alice", f"203.0.113.{number}").wait for number in range(200)
        )
        self.assertEqual(done, 7)

    def test_a_neighbour_s_mistakes_are_his(self) -> None:
        """One user behind an address may fail for ever; the others log in."""
        for _ in range(50):
            self.guess("alice")
            self.clock.now += 101
        self.assertEqual(self.guess("bob", outcome="success").wait, 0)
        self.assertEqual(self.guess("carol", outcome="success").wait, 0)

    def test_a_spray_is_slowed(self) -> None:
        """One password for many users; who has logged in there is not concerned."""
        self.guess("bob", outcome="success")
        done = sum(not self.guess(f"user-{number}").wait for number in range(200))
        self.assertEqual(done, 11)
        self.assertEqual(self.guess("bob", outcome="success").wait, 0)
        self.assertEqual(self.throttle.ask("carol", AWAY).wait, 0)

    def test_one_s_own_success_forgives_nobody_else(self) -> None:
        """An attacker with an account does not reset the counters with it."""
        for number in range(11):
            self.guess(f"user-{number}")
            self.guess("mallory", outcome="success")
        self.assertGreater(self.throttle.ask("another", HOME).wait, 0)
        for number in range(7):
            self.guess("alice", f"203.0.113.{number}")
        self.guess("mallory", AWAY, "success")
        self.assertGreater(self.throttle.ask("alice", AWAY).wait, 0)

    def test_networks(self) -> None:
        """IPv6 by /64, mapped IPv4 as itself; what is no address is none."""
        for same in (
            ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3%eth0", "2001:db8::4%"),
            ("192.0.2.9", "::ffff:192.0.2.9"),
        ):
            self.throttle = self.make()
            done = [
                not self.guess(f"u{n}", same[n % len(same)]).wait for n in range(40)
            ]
            self.assertEqual(sum(done), 11)
        for other in ("2001:db8:0:1::1", "192.0.2.10"):
            self.assertEqual(self.throttle.ask("u99", other).wait, 0)
        self.throttle = self.make()
        for remote in (None, "/run/imap.sock", "", "192.0.2.1:25", "x" * 100_000):
            done = [not self.guess(f"u{n}", remote).wait for n in range(40)]
            self.assertEqual(sum(done), 40)
            self.throttle = self.make()

    def test_a_lock_out_is_a_choice(self) -> None:
        """And ends by hand only."""
        self.throttle = self.make(user=Limit(2, lock=4))
        for _ in range(4):
            self.clock.now += 1000
            self.assertEqual(self.guess("alice", AWAY).wait, 0)
        self.clock.now += 1_000_000
        ticket = self.throttle.ask("alice", AWAY)
        self.assertEqual(ticket.wait, math.inf)
        self.throttle.release("alice", AWAY)
        self.assertEqual(self.guess("alice", AWAY).wait, 0)

    def test_a_clock_that_goes_back(self) -> None:
        """Nobody waits longer than the most for it."""
        self.tries(20, "alice")
        self.clock.now -= 1_000_000
        wait = self.throttle.ask("alice", HOME).wait
        self.assertLessEqual(wait, 100)

    def test_before_a_name_is_known(self) -> None:
        """Each failure counts for the address, and for nobody else."""
        for outcome, passed in (("failure", 11), ("success", 30), ("neither", 30)):
            self.throttle = self.make()
            done = [not self.guess(None, HOME, outcome).wait for _ in range(30)]
            self.assertEqual(sum(done), passed)
            self.assertEqual(bool(self.guess("alice", HOME).wait), passed == 11)
            self.assertEqual(self.tries(9, "alice", AWAY), 4)
            self.assertEqual(self.tries(30, None, AWAY), 10)
        self.assertEqual(self.tries(30, None, None), 30)
        self.throttle.release(remote=AWAY)
        self.assertEqual(self.tries(30, None, AWAY), 11)

    def test_charges_at_once_before_a_name_is_known(self) -> None:
        """Only one's own is given back, and nothing that was forgotten since."""
        tickets = [self.throttle.ask(None, HOME) for _ in range(12)]
        self.assertEqual([bool(each.wait) for each in tickets], [False] * 11 + [True])
        for ticket in tickets[:9]:
            self.throttle.tell(ticket, "success")
        self.assertEqual(self.tries(30, None), 9)
        self.clock.now += 2 * 86400
        self.assertEqual(self.tries(30, None), 11)
        self.throttle.tell(tickets[9], "success")
        self.assertGreater(self.throttle.ask(None, HOME).wait, 0)

    def test_hostile_names(self) -> None:
        """They are only hashed."""
        for name in ("", "\0", "a\r\nb", "\ud800", "x" * 1_000_000, "'; --", "\u2028"):
            self.assertEqual(self.tries(10, name), 4)
            self.throttle = self.make()

    def test_no_names_lie_around(self) -> None:
        """Nor addresses; another secret makes other keys."""
        state = MemoryState()
        self.throttle = self.make(state)
        self.guess("alice", outcome="success")
        self.guess("bob")
        shown = repr(state._texts)
        for word in ("alice", "bob", HOME):
            self.assertNotIn(word, shown)
        before = set(state._texts)
        self.throttle = self.make(state, secret=b"of this site")
        self.guess("alice", outcome="success")
        self.assertEqual(len(set(state._texts) - before), len({"trust"}))

    def test_limits_that_limit_nothing(self) -> None:
        """They are refused."""
        for wrong in (
            {"free": -1},
            {"free": 1, "delay": 0},
            {"free": 1, "factor": 0.5},
            {"free": 1, "delay": 10, "most": 5},
            {"free": 1, "most": 10, "forget": 5},
        ):
            with self.assertRaises(ValueError):
                Limit(**wrong)


if __name__ == "__main__":
    unittest.main()
