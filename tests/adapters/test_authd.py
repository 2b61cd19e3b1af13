"""The service at its sockets: many at once, half lines, vanishing clients, the end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import stat
import tempfile
import unittest
from pathlib import Path

import sasl_core as sasl
from sasl_core.adapters import dovecot, saslauthd
from sasl_core.adapters.authd import Service
from sasl_core.mechanisms import find
from sasl_core.protocols.dovecot import (
    Found,
    Logins,
    MasterClient,
    Refused,
    Verified,
)
from sasl_core.protocols.forwarding import Forward

from .._accounts import NAMES, TABLE, Application, channel, policy
from ..protocols.dovecot._pair import POLICY
from ..protocols.test_saslauthd import shown

HELLO = b"VERSION\t1\t2\nCPID\t7\n"
AUTH = b"AUTH\t%d\tPLAIN\tservice=smtp\tsecured\trip=192.0.2.1\tresp=AHVzZXIAcGVuY2ls\n"


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Case(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.path = self.directory / "auth"
        self.mux = self.directory / "mux"
        self.application = Application()
        self.decisions = []
        self.gate = asyncio.Event()
        self.gate.set()
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    async def answer(self, request: sasl.Request) -> sasl.Event:
        await self.gate.wait()
        return self.application.settle(request)

    async def decided(self, exchange, outcome) -> None:
        self.decisions.append((exchange.name, outcome))

    async def serve(self, **options) -> Service:
        options = {"decided": self.decided, "policy": POLICY} | options
        service = Service(options.pop("answer", self.answer), **options)
        self.addAsyncCleanup(service.stop, 0)
        await service.dovecot(self.path)
        await service.saslauthd(self.mux)
        return service

    async def connect(self):
        reader, writer = await asyncio.open_unix_connection(self.path)
        self.addCleanup(writer.close)
        writer.write(HELLO)
        await reader.readuntil(b"DONE\n")
        return reader, writer

    async def verify(self, username="user", password="pencil", **options):
        return await saslauthd.verify_async(self.mux, username, password, **options)


class Dovecot(Case):
    async def test_a_login(self) -> None:
        await self.serve()
        reader, writer = await self.connect()
        writer.write(AUTH % 1)
        self.assertEqual(await reader.readline(), b"OK\t1\tuser=user\n")
        self.assertEqual([name for name, _ in self.decisions], ["PLAIN"])

    async def test_a_plain_function_runs_in_a_thread(self) -> None:
        loop = asyncio.get_running_loop()

        def answer(request):
            with self.assertRaises(RuntimeError):
                asyncio.get_running_loop()
            self.assertTrue(loop.is_running())
            return self.application.settle(request)

        await self.serve(answer=answer, decided=lambda *_: None)
        reader, writer = await self.connect()
        writer.write(AUTH % 1)
        self.assertEqual(await reader.readline(), b"OK\t1\tuser=user\n")

    async def test_a_thousand_at_once_on_one_connection(self) -> None:
        self.gate.clear()
        await self.serve()
        reader, writer = await self.connect()
        for number in range(1, 1001):
            writer.write(AUTH % number)
        await asyncio.sleep(0.05)
        self.assertFalse(reader._buffer)
        self.gate.set()
        found = {await reader.readline() for _ in range(1000)}
        self.assertEqual(found, {b"OK\t%d\tuser=user\n" % n for n in range(1, 1001)})
        self.assertEqual(len(self.decisions), 1000)

    async def test_no_more_are_answered_at_a_time(self) -> None:
        busy, most = 0, 0

        async def answer(request):
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0)
            busy -= 1
            return self.application.settle(request)

        await self.serve(answer=answer, at_once=3)
        reader, writer = await self.connect()
        writer.write(b"".join(AUTH % number for number in range(1, 61)))
        for _ in range(60):
            await reader.readline()
        self.assertEqual(most, 3)

    async def test_half_lines(self) -> None:
        await self.serve()
        reader, writer = await self.connect()
        for octet in AUTH % 1:
            writer.write(bytes([octet]))
            await asyncio.sleep(0)
        self.assertEqual(await reader.readline(), b"OK\t1\tuser=user\n")

    async def test_an_application_that_fails(self) -> None:
        async def answer(request):
            raise RuntimeError("the database is dead")

        await self.serve(answer=answer)
        reader, writer = await self.connect()
        writer.write(AUTH % 1)
        self.assertEqual(await reader.readline(), b"FAIL\t1\ttemp\tcode=temp_fail\n")
        refused = await self.verify()
        self.assertEqual(refused.detail, "temporarily unavailable")
        reasons = [outcome.reason for _, outcome in self.decisions]
        self.assertEqual(reasons, [sasl.Reason.UNAVAILABLE] * 2)

    async def test_a_decision_that_cannot_be_noted_changes_nothing(self) -> None:
        async def decided(exchange, outcome):
            raise RuntimeError("the disk is full")

        await self.serve(decided=decided)
        reader, writer = await self.connect()
        writer.write(AUTH % 1)
        self.assertEqual(await reader.readline(), b"OK\t1\tuser=user\n")

    async def test_cancelled_while_it_is_answered(self) -> None:
        self.gate.clear()
        await self.serve()
        reader, writer = await self.connect()
        writer.write(AUTH % 1 + b"CANCEL\t1\n" + AUTH % 2)
        await asyncio.sleep(0.02)
        self.gate.set()
        self.assertEqual(await reader.readline(), b"OK\t2\tuser=user\n")
        reasons = [type(outcome).__name__ for _, outcome in self.decisions]
        self.assertEqual(reasons, ["Failure", "Success"])

    async def test_a_client_that_vanishes(self) -> None:
        self.gate.clear()
        service = await self.serve()
        _, writer = await self.connect()
        writer.write(AUTH % 1 + b"AUTH\t2\tPLAIN\tservice=smtp\tsecured\n")
        await asyncio.sleep(0.02)
        writer.close()
        await asyncio.sleep(0.02)
        outcomes = [outcome.reason for _, outcome in self.decisions]
        self.assertEqual(outcomes, [sasl.Reason.ABORTED] * 2)
        self.assertEqual(service._connections, set())

    async def test_what_is_no_line_ends_only_its_connection(self) -> None:
        await self.serve()
        reader, writer = await self.connect()
        other, its = await self.connect()
        writer.write(b"nonsense\n")
        self.assertEqual(await reader.read(), b"")
        its.write(AUTH % 1)
        self.assertEqual(await other.readline(), b"OK\t1\tuser=user\n")

    async def test_slow_ones(self) -> None:
        await self.serve(timeout=0.05)
        reader, writer = await asyncio.open_unix_connection(self.path)
        self.addCleanup(writer.close)
        await reader.readuntil(b"DONE\n")
        self.assertEqual(await asyncio.wait_for(reader.read(), 2), b"")
        reader, writer = await self.connect()
        writer.write(b"AUTH\t1\tPLAIN\tservice=smtp\tsecured\n")
        self.assertEqual(await reader.readline(), b"CONT\t1\t\n")
        late = await asyncio.wait_for(reader.readline(), 2)
        self.assertTrue(late.startswith(b"FAIL\t1\t"))

    async def test_no_more_connections_than_the_limit(self) -> None:
        await self.serve(connections=1)
        _, first = await self.connect()
        reader, writer = await asyncio.open_unix_connection(self.path)
        self.addCleanup(writer.close)
        with self.assertRaises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        first.close()
        self.assertEqual(await asyncio.wait_for(reader.read(1), 2), b"V")


class Sockets(Case):
    async def test_who_may_ask(self) -> None:
        service = Service(self.answer)
        self.addAsyncCleanup(service.stop, 0)
        await service.dovecot(self.path)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        group = str(self.path.stat().st_gid)
        await service.saslauthd(self.mux, mode=0o660, group=None if group else group)
        self.assertEqual(stat.S_IMODE(self.mux.stat().st_mode), 0o660)

    async def test_a_socket_that_was_left(self) -> None:
        await self.serve()
        with self.assertRaises(OSError):
            await Service(self.answer).dovecot(self.path)
        dead = self.directory / "dead"
        service = Service(self.answer)
        await service.dovecot(dead)
        [(listener, task)] = service._listeners._sockets.values()
        task.cancel()
        listener.close()  # as a process that was killed leaves it
        again = Service(self.answer)
        self.addAsyncCleanup(again.stop, 0)
        await again.dovecot(dead)
        file = self.directory / "file"
        file.write_text("no socket")
        with self.assertRaises(OSError):
            await again.dovecot(file)
        self.assertEqual(file.read_text(), "no socket")

    async def test_nothing_is_left(self) -> None:
        gc.collect()
        before = descriptors()
        service = await self.serve()
        for _ in range(8):
            _, writer = await self.connect()
            writer.write(AUTH % 1)
            await self.verify()
            writer.close()
        await service.stop(0)
        self.assertEqual(list(self.directory.iterdir()), [])
        await asyncio.sleep(0.02)
        self.assertLessEqual(descriptors(), before)


class Stop(Case):
    async def test_what_is_open_may_end(self) -> None:
        self.gate.clear()
        service = await self.serve()
        reader, writer = await self.connect()
        writer.write(AUTH % 1)
        asked = asyncio.create_task(self.verify())
        await asyncio.sleep(0.02)
        stopping = asyncio.create_task(service.stop(5))
        await asyncio.sleep(0.02)
        self.assertFalse(self.path.exists())
        writer.write(AUTH % 2)
        self.assertEqual(await reader.readline(), b"FAIL\t2\ttemp\tcode=temp_fail\n")
        self.gate.set()
        self.assertEqual(await reader.readline(), b"OK\t1\tuser=user\n")
        self.assertIsInstance(await asked, Verified)
        await stopping
        self.assertEqual(await reader.read(), b"")

    async def test_what_does_not_end_fails_for_now(self) -> None:
        self.gate.clear()
        service = await self.serve()
        reader, writer = await self.connect()
        writer.write(AUTH % 1 + b"AUTH\t2\tPLAIN\tservice=smtp\tsecured\n")
        self.assertEqual(await reader.readline(), b"CONT\t2\t\n")
        asked = asyncio.create_task(self.verify())
        await asyncio.sleep(0.02)
        await service.stop(0.01)
        found = (await reader.read()).splitlines()
        self.assertEqual(found, [b"FAIL\t%d\ttemp\tcode=temp_fail" % n for n in (1, 2)])
        self.assertEqual((await asked).detail, "temporarily unavailable")
        reasons = {outcome.reason for _, outcome in self.decisions}
        self.assertEqual((len(self.decisions), reasons), (3, {sasl.Reason.UNAVAILABLE}))


class Saslauthd(Case):
    async def test_verdicts(self) -> None:
        await self.serve()
        self.assertEqual(await self.verify(), Verified(sasl.Identity("user")))
        for username, password in (("user", "wrong"), ("nobody@x", "pencil")):
            found = await self.verify(username, password)
            self.assertIs(found.reason, sasl.Reason.BAD_CREDENTIALS)
        blocking = await asyncio.to_thread(saslauthd.verify, self.mux, "user", "pencil")
        self.assertEqual(blocking, Verified(sasl.Identity("user")))
        self.assertEqual(len(self.decisions), 4)

    async def test_a_client_that_says_nothing(self) -> None:
        await self.serve(timeout=0.05)
        reader, writer = await asyncio.open_unix_connection(self.mux)
        self.addCleanup(writer.close)
        self.assertEqual(await asyncio.wait_for(reader.read(), 2), b"")

    async def test_a_client_that_vanishes(self) -> None:
        await self.serve()
        for said in (b"", b"\0\4us"):
            _, writer = await asyncio.open_unix_connection(self.mux)
            writer.write(said)
            writer.close()
        self.assertIsInstance(await self.verify(), Verified)

    async def test_a_service_that_is_not_there(self) -> None:
        nowhere = self.directory / "nowhere"
        for found in (
            saslauthd.verify(nowhere, "user", "pencil"),
            await saslauthd.verify_async(nowhere, "user", "pencil"),
        ):
            self.assertIs(found.reason, sasl.Reason.UNAVAILABLE)

    async def test_a_service_that_says_nothing_or_nonsense(self) -> None:
        says = [b""]

        async def silent(reader, writer):
            writer.write(says[0])
            await reader.readuntil(b"pencil")
            if not says[0]:
                await reader.read()  # until the client is gone
            writer.close()

        server = await asyncio.start_unix_server(silent, self.path)
        self.addCleanup(server.close)
        for says[0] in (b"", b"\0", b"\0\2OKOK", b"\xff\xff" + bytes(2000)):
            for found in (
                await asyncio.to_thread(
                    saslauthd.verify, self.path, "user", "pencil", timeout=0.05
                ),
                await saslauthd.verify_async(self.path, "user", "pencil", timeout=0.05),
            ):
                self.assertIs(found.reason, sasl.Reason.UNAVAILABLE)

    async def test_no_empty_password(self) -> None:
        for call in (saslauthd.verify, saslauthd.verify_async):
            for password in ("", "s3cret\0"):
                with self.assertRaises(sasl.CredentialsError) as caught:
                    await call(self.mux, "user", password)
                found = shown(caught.exception, "/saslauthd.py")
                self.assertNotIn("s3cret", found)


class Master(Case):
    async def ask(self, find, ask, logins=None):
        service = Service(self.answer)
        self.addAsyncCleanup(service.stop, 0)
        path = self.directory / "master"
        await service.master(path, find, logins=logins)
        reader, writer = await asyncio.open_unix_connection(path)
        self.addCleanup(writer.close)
        client = MasterClient()
        ask(client)
        writer.write(client.data_to_send())
        answers = []
        while not answers:
            answers = client.receive(await reader.read(1000))
        return answers[0]

    async def test_look_ups(self) -> None:
        def find(question):
            return Found(question.username, {"uid": "5"})

        found = await self.ask(find, lambda client: client.user("alice", "lmtp"))
        self.assertEqual(found.found, Found("alice", {"uid": "5"}))

    async def test_unknown_and_unavailable(self) -> None:
        async def nobody(question):
            return None

        found = await self.ask(nobody, lambda client: client.user("alice", "lmtp"))
        self.assertEqual((found.found, found.failed), (None, False))

    async def test_a_look_up_that_fails(self) -> None:
        async def dead(question):
            raise RuntimeError("the database is dead")

        found = await self.ask(dead, lambda client: client.user("alice", "lmtp"))
        self.assertTrue(found.failed)

    async def test_a_login_it_heard_of(self) -> None:
        logins = Logins()
        service = await self.serve()
        path = self.directory / "login"
        await service.dovecot(path, logins=logins)
        reader, writer = await asyncio.open_unix_connection(path)
        self.addCleanup(writer.close)
        writer.write(HELLO + AUTH % 1)
        said = await reader.readuntil(b"user=user\n")
        cookie = said.split(b"COOKIE\t")[1].split(b"\n")[0]

        async def find(question):
            return Found(question.username, {"login": question.login.authcid})

        found = await self.ask(
            find, lambda client: client.request(7, 1, cookie), logins
        )
        self.assertEqual(found.found, Found("user", {"login": "user"}))


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
