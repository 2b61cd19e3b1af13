"""The service at its sockets: who may ask, saslauthd's clients, the end."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
import unittest

import sasl_core as sasl
from sasl_core.adapters import saslauthd
from sasl_core.adapters.authd import Service
from sasl_core.protocols.dovecot import Verified

from ..protocols.test_saslauthd import shown
from ._authd import AUTH, Case


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


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


if __name__ == "__main__":
    unittest.main()
