"""The throttle's counts in Redis, with the package redis, plain and for asyncio."""

from __future__ import annotations

import asyncio
import math
import unittest
from typing import Any

from sasl_core.backends import Unavailable
from sasl_core.backends.throttle import (
    AsyncRedisState,
    AsyncThrottle,
    Limit,
    RedisState,
    Throttle,
)

from ..backends._guessers import guess_together
from .packages import need_package
from .peers.process import HOST
from .peers.redis import Redis

HOME = "192.0.2.1"


class RedisTest(unittest.IsolatedAsyncioTestCase):
    """A real server."""

    peer: Redis

    @classmethod
    def setUpClass(cls) -> None:
        """Start it."""
        cls.redis = need_package("redis")
        cls.peer = cls.enterClassContext(Redis())

    def setUp(self) -> None:
        """Begin with nothing in it."""
        self.client = self.redis.Redis(HOST, self.peer.port)
        self.addCleanup(self.client.close)
        self.client.flushall()

    def throttle(self, **settings: Any) -> Throttle:
        """Make a throttle."""
        settings = {"pair": Limit(3), "clock": lambda: 1000.0, **settings}
        return Throttle(RedisState(self.client), **settings)

    def test_the_rules(self) -> None:
        """Charged, given back, trusted."""
        throttle = self.throttle()
        tickets = [throttle.ask("alice", HOME) for _ in range(20)]
        good = [ticket for ticket in tickets if not ticket.wait]
        self.assertEqual(len(good), 4)
        throttle.tell(good[0], "success")
        self.assertEqual(throttle.ask("alice", HOME).wait, 0)

    def test_every_key_ends(self) -> None:
        """And none has a name in it."""
        throttle = self.throttle()
        throttle.tell(throttle.ask("alice", HOME), "success")
        throttle.ask("bob", HOME)
        keys = self.client.keys("*")
        self.assertGreaterEqual(len(keys), 4)
        for key in keys:
            self.assertGreater(self.client.ttl(key), 0)
            self.assertRegex(key.decode(), r"\A\{sasl\}:[0-9a-f]{32}\Z")

    def test_a_lock_does_not_end(self) -> None:
        """Not as soon as the rest does: it is for whoever releases it."""
        throttle = self.throttle(user=Limit(1, lock=2))
        for _ in range(5):
            throttle.ask("alice", HOME)
        (user,) = {throttle._rules.keys("alice", None)["user"]}
        self.assertGreater(self.client.ttl(f"{{sasl}}:{user}"), 9 * 365 * 86400)
        self.assertEqual(throttle.ask("alice", HOME).wait, math.inf)
        throttle.release("alice", HOME)
        self.assertEqual(throttle.ask("alice", HOME).wait, 0)

    def test_two_processes(self) -> None:
        """Together they get what one would."""
        state = "RedisState(redis.Redis(port=int(sys.argv[1])))"
        done = guess_together(state, str(self.peer.port), imports="import redis")
        self.assertEqual(done, 201)

    def test_decoded_responses(self) -> None:
        """The client may have been made either way."""
        client = self.redis.Redis(HOST, self.peer.port, decode_responses=True)
        self.addCleanup(client.close)
        throttle = Throttle(RedisState(client), pair=Limit(3), clock=lambda: 1000.0)
        done = sum(not throttle.ask("alice", HOME).wait for _ in range(20))
        self.assertEqual(done, 4)

    async def test_asyncio(self) -> None:
        """With redis.asyncio."""
        client = need_package("redis.asyncio").Redis(host=HOST, port=self.peer.port)
        throttle = AsyncThrottle(
            AsyncRedisState(client), pair=Limit(3), clock=lambda: 1000.0
        )
        tickets = [await throttle.ask("alice", HOME) for _ in range(20)]
        good = [ticket for ticket in tickets if not ticket.wait]
        self.assertEqual(len(good), 4)
        await throttle.tell(good[0], "success")
        self.assertEqual((await throttle.ask("alice", HOME)).wait, 0)
        tickets = await asyncio.gather(*(throttle.ask("bob", HOME) for _ in range(100)))
        self.assertEqual(sum(not ticket.wait for ticket in tickets), 4)
        await throttle.release("bob", HOME)
        self.assertEqual((await throttle.ask("bob", HOME)).wait, 0)
        await self.killed_in_between(throttle)
        await client.aclose()

    async def killed_in_between(self, throttle: AsyncThrottle) -> None:
        """Expect what the plain throttle does, too."""
        self.peer.kill()
        with self.assertLogs("sasl_core.backends.throttle", "WARNING"):
            with self.assertRaises(Unavailable):
                await throttle.ask("carol", HOME)
            self.peer.begin()
            self.assertEqual((await throttle.ask("carol", HOME)).wait, 0)

    def test_a_server_that_hangs(self) -> None:
        """It is unavailable, once the client's time is over."""
        client = self.redis.Redis(HOST, self.peer.port, socket_timeout=0.2, retry=None)
        self.addCleanup(client.close)
        throttle = Throttle(RedisState(client), unavailable="open")
        throttle.ask("alice", HOME)
        with self.peer.hanging(), self.assertLogs("sasl_core.backends.throttle"):
            self.assertTrue(throttle.ask("alice", HOME).unavailable)

    def test_killed_in_between(self) -> None:
        """As configured, and the log says so; after a restart it works again."""
        closed, opened = self.throttle(), self.throttle(unavailable="open")
        closed.ask("alice", HOME)
        self.peer.kill()
        with self.assertLogs("sasl_core.backends.throttle", "WARNING"):
            with self.assertRaises(Unavailable):
                closed.ask("alice", HOME)
            self.assertTrue(opened.ask("alice", HOME).unavailable)
            self.peer.begin()
            self.assertEqual(closed.ask("alice", HOME).wait, 0)


if __name__ == "__main__":
    unittest.main()
