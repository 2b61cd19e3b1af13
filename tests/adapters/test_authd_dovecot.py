"""The service for Dovecot's clients: many at once, half lines, vanishing ones."""

from __future__ import annotations

import asyncio
import unittest

import sasl_core as sasl
from sasl_core.adapters.authd import Service
from sasl_core.protocols.dovecot import Found, Logins, MasterClient

from ._authd import AUTH, HELLO, Case


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


if __name__ == "__main__":
    unittest.main()
