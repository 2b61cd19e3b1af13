"""A server that leaves its logins to the service."""

from __future__ import annotations

import asyncio
import unittest

import sasl_core as sasl
from sasl_core.adapters import dovecot
from sasl_core.adapters.authd import Service
from sasl_core.mechanisms import find
from sasl_core.protocols.dovecot import Refused
from sasl_core.protocols.forwarding import Forward

from .._accounts import NAMES, TABLE, channel, policy
from ..protocols.dovecot._pair import POLICY
from ._authd import Case


class Delegating(Case):
    async def begin(self, name, credentials, delegate, *, cancel=False):
        """Run an exchange of ours by way of the delegate."""
        on = channel(name, service="smtp")
        [mechanism] = [m for m in await delegate.mechanisms() if m.name == name]
        profile = sasl.profiles.RAW
        server = sasl.server(
            mechanism, channel=on, policy=policy(name), profile=profile
        )
        client = sasl.client(
            name, credentials, channel=on, policy=policy(name), profile=profile
        )
        event = server.start(client.start())
        while not isinstance(event, sasl.Success | sasl.Failure):
            if isinstance(event, sasl.Request):
                event = await delegate.answer(event)
            elif cancel:
                event = server.abort()
            else:
                try:
                    event = server.step(client.step(event.data))
                except sasl.AuthenticationError:  # HT's refusal comes in a challenge
                    event = server.step(b"")
        await delegate.decided(server, event)
        if isinstance(event, sasl.Success):
            client.finish(event.data)
        return event

    async def delegate(self, **options) -> dovecot.Delegate:
        delegate = dovecot.Delegate(self.path, **options)
        self.addAsyncCleanup(delegate.close)
        return delegate

    async def serve_all(self) -> Service:
        service = Service(self.answer, policy=POLICY, decided=self.decided)
        self.addAsyncCleanup(service.stop, 0)
        await service.dovecot(self.path, external=True, binding=True)
        return service

    async def test_every_mechanism(self) -> None:
        await self.serve_all()
        delegate = await self.delegate()
        runs = [
            self.begin(name, sasl.Credentials(**TABLE[name].right), delegate)
            for name in NAMES
            if name in TABLE
        ]
        for event in await asyncio.gather(*runs):
            self.assertIsInstance(event, sasl.Success)
            self.assertEqual(event.bound, find(event.mechanism).plus)
        wrong = [
            self.begin(name, sasl.Credentials(**entry.wrong), delegate)
            for name, entry in TABLE.items()
            if entry.wrong
        ]
        for event in await asyncio.gather(*wrong):
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertTrue(delegate._notes.empty)

    async def test_as_another_only_where_the_service_says_so(self) -> None:
        await self.serve_all()
        delegate = await self.delegate()
        mine = sasl.Credentials("user", "pencil", authzid="boss,of=all\xe9")
        event = await self.begin("PLAIN", mine, delegate)
        self.assertEqual(event.identity.authzid, "boss,of=all\xe9")
        server = sasl.server("PLAIN", channel=sasl.Channel(True))
        request = server.start(b"Ym9zcwB1c2VyAHBlbmNpbA==").answer(True)
        self.assertIsInstance(request, sasl.Authorize)
        self.assertIs(
            (await delegate.answer(request)).reason, sasl.Reason.NOT_AUTHORIZED
        )

    async def test_questions_that_are_not_forwarded(self) -> None:
        delegate = await self.delegate()
        server = sasl.server("PLAIN", channel=sasl.Channel(True))
        event = await delegate.answer(server.start(b"AHVzZXIAcGVuY2ls"))
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)

    async def test_an_exchange_that_is_broken_off_is_cancelled(self) -> None:
        await self.serve_all()
        delegate = await self.delegate()
        mine = sasl.Credentials("user", "pencil")
        await self.begin("SCRAM-SHA-256", mine, delegate, cancel=True)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if self.decisions:
                break
        self.assertIs(self.decisions[0][1].reason, sasl.Reason.ABORTED)

    async def test_a_service_that_goes_and_comes_back(self) -> None:
        service = await self.serve_all()
        delegate = await self.delegate()
        mine = sasl.Credentials("user", "pencil")
        self.assertIsInstance(await self.begin("PLAIN", mine, delegate), sasl.Success)
        [mechanism] = [m for m in await delegate.mechanisms() if m.name == "PLAIN"]
        self.gate.clear()
        waiting = asyncio.create_task(self.begin("PLAIN", mine, delegate))
        await asyncio.sleep(0.02)
        await service.stop(0)
        self.assertIs((await waiting).reason, sasl.Reason.UNAVAILABLE)
        server = sasl.server(mechanism, channel=sasl.Channel(True, service="smtp"))
        event = await delegate.answer(server.start(b"AHVzZXIAcGVuY2ls"))
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)
        with self.assertRaises(OSError):
            await delegate.mechanisms()
        self.gate.set()
        await self.serve_all()
        self.assertIsInstance(await self.begin("PLAIN", mine, delegate), sasl.Success)

    async def test_a_service_that_is_slow(self) -> None:
        await self.serve_all()
        delegate = await self.delegate(timeout=0.05)
        self.gate.clear()
        mine = sasl.Credentials("user", "pencil")
        event = await self.begin("PLAIN", mine, delegate)
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)

    async def test_more_than_a_line_holds(self) -> None:
        await self.serve_all()
        delegate = await self.delegate()
        event = await self.begin(
            "PLAIN", sasl.Credentials("user", "p" * 20000), delegate
        )
        self.assertIs(event.reason, sasl.Reason.TOO_LONG)

    async def test_what_cannot_be_asked(self) -> None:
        """An exchange for no service, and one that the service no longer offers."""
        service = await self.serve_all()
        delegate = await self.delegate()
        mechanisms = {m.name: m for m in await delegate.mechanisms()}
        exchange = sasl.server(mechanisms["PLAIN"], channel=sasl.Channel(True))
        event = await delegate.answer(exchange.start(b"AHVzZXIAcGVuY2ls"))
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)
        await service.stop(0)
        other = Service(self.answer, policy=sasl.Policy(allow=["PLAIN"]))
        self.addAsyncCleanup(other.stop, 0)
        await other.dovecot(self.path)
        on = sasl.Channel(True, service="smtp")
        exchange = sasl.server(mechanisms["LOGIN"], channel=on)
        event = await delegate.answer(exchange.start())
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)

    async def test_blocking(self) -> None:
        service = await self.serve_all()
        delegates = []

        def begin(name, credentials):
            delegate = dovecot.BlockingDelegate(self.path)
            delegates.append(delegate)
            on = channel(name, service="smtp")
            [mechanism] = [m for m in delegate.mechanisms() if m.name == name]
            raw = sasl.profiles.RAW
            server = sasl.server(
                mechanism, channel=on, policy=policy(name), profile=raw
            )
            client = sasl.client(
                name, credentials, channel=on, policy=policy(name), profile=raw
            )
            event = server.start(client.start())
            while not isinstance(event, sasl.Success | sasl.Failure):
                if isinstance(event, sasl.Request):
                    event = delegate.answer(event)
                else:
                    event = server.step(client.step(event.data))
            delegate.decided(server, event)
            self.assertTrue(delegate._notes.empty)
            return event

        for name in ("PLAIN", "LOGIN", "SCRAM-SHA-256-PLUS", "OAUTHBEARER"):
            entry = TABLE[name]
            right, wrong = (
                sasl.Credentials(**entry.right),
                sasl.Credentials(**entry.wrong),
            )
            event = await asyncio.to_thread(begin, name, right)
            self.assertIsInstance(event, sasl.Success)
            event = await asyncio.to_thread(begin, name, wrong)
            self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        mine = sasl.Credentials("user", "pencil", authzid="boss,of=all\xe9")
        event = await asyncio.to_thread(begin, "PLAIN", mine)
        self.assertEqual(event.identity.authzid, "boss,of=all\xe9")
        long = sasl.Credentials("user", "p" * 20000)
        event = await asyncio.to_thread(begin, "PLAIN", long)
        self.assertIs(event.reason, sasl.Reason.TOO_LONG)

        # A service that is gone, and a question of somebody else's.
        await service.stop(0)
        delegate = delegates[0]
        [mechanism] = [m for m in delegate.mechanisms() if m.name == "PLAIN"]
        exchange = sasl.server(mechanism, channel=sasl.Channel(True, service="smtp"))
        event = delegate.answer(exchange.start(b"AHVzZXIAcGVuY2ls"))
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)
        other = sasl.server("PLAIN", channel=sasl.Channel(True))
        event = delegate.answer(other.start(b"AHVzZXIAcGVuY2ls"))
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        for each in delegates:
            each.close()
        with self.assertRaises(OSError):
            delegate.mechanisms()

    async def test_blocking_breaks_off_and_waits_no_longer(self) -> None:
        await self.serve_all()
        delegate = dovecot.BlockingDelegate(self.path, timeout=0.05)
        self.addCleanup(delegate.close)
        mechanisms = await asyncio.to_thread(delegate.mechanisms)
        [mechanism] = [m for m in mechanisms if m.name == "LOGIN"]
        on = sasl.Channel(True, service="smtp")
        exchange = sasl.server(mechanism, channel=on)
        event = await asyncio.to_thread(delegate.answer, exchange.start())
        self.assertIsInstance(event, sasl.Challenge)
        delegate.decided(exchange, exchange.abort())
        for _ in range(100):
            await asyncio.sleep(0.01)
            if self.decisions:
                break
        self.assertIs(self.decisions[0][1].reason, sasl.Reason.ABORTED)
        self.gate.clear()
        exchange = sasl.server(mechanism, channel=on)
        event = await asyncio.to_thread(delegate.answer, exchange.start(b"dXNlcg=="))
        event = await asyncio.to_thread(delegate.answer, exchange.step(b"eA=="))
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)

    async def test_a_service_that_is_none(self) -> None:
        said = b"HTTP/1.1 400\n"

        async def web(reader, writer):
            writer.write(said)
            writer.close()

        server = await asyncio.start_unix_server(web, self.path)
        self.addCleanup(server.close)
        delegate = await self.delegate()
        with self.assertRaises(sasl.ProtocolError):
            await delegate.mechanisms()
        said = b""
        with self.assertRaises(OSError):
            await delegate.mechanisms()

    async def test_a_service_that_turns_bad(self) -> None:
        async def bad(reader, writer):
            writer.write(b"VERSION\t1\t2\nMECH\tPLAIN\nCOOKIE\taa\nDONE\n")
            await reader.readuntil(b"AUTH")
            writer.write(b"OK\t1\tuser=root\nOK\t9\tuser=root\n")
            await reader.read()
            writer.close()

        server = await asyncio.start_unix_server(bad, self.path)
        self.addCleanup(server.close)
        delegate = await self.delegate()
        [mechanism] = await delegate.mechanisms()
        exchange = sasl.server(mechanism, channel=sasl.Channel(True, service="smtp"))
        request = exchange.start(b"AHVzZXIAcGVuY2ls")
        self.assertIsInstance(request, Forward)
        event = await delegate.answer(request)
        self.assertIs(event.reason, sasl.Reason.UNAVAILABLE)
        self.assertNotIsInstance(event, Refused)


if __name__ == "__main__":
    unittest.main()
