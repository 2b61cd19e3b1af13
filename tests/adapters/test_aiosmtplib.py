"""The adapter of aiosmtplib, by a stand-in for its SMTP; tests/interop has the real one."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import unittest
from types import SimpleNamespace

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters.aiosmtplib import authenticate, login

from ._loopback import ALWAYS, HOST, Case, needs_tls, secrets_shown

USER = sasl.Credentials("user", "pencil")
GREETING = b"220 mail.example.com ESMTP\r\n"
CRAM = b"250-x\r\n250 AUTH CRAM-MD5\r\n"


class Disconnected(ConnectionError):
    """As aiosmtplib's."""


class SMTP:
    """As much of aiosmtplib.SMTP as the adapter uses, over asyncio's streams."""

    def __init__(self, port: int, hostname: str | None = HOST) -> None:
        self.hostname = hostname
        self.last_ehlo_response = None
        self._port = port

    async def connect(self, tls=None) -> None:
        self._reader, self._writer = await asyncio.open_connection(HOST, self._port)
        self.transport = self._writer.transport
        await self._reply()
        if tls is not None:
            await self.execute_command(b"EHLO x")
            await self.execute_command(b"STARTTLS")
            await self._writer.start_tls(tls, server_hostname="localhost")
        self.transport = self._writer.transport
        self.protocol = self.transport.get_protocol()

    @property
    def is_ehlo_or_helo_needed(self) -> bool:
        return self.last_ehlo_response is None

    async def ehlo(self):
        self.last_ehlo_response = await self.execute_command(b"EHLO x")
        return self.last_ehlo_response

    async def execute_command(self, *args: bytes):
        if self.transport.is_closing():
            raise Disconnected("not connected")
        self.transport.write(b" ".join(args) + b"\r\n")
        return await self._reply()

    def get_transport_info(self, key: str):
        return self.transport.get_extra_info(key)

    def close(self) -> None:
        self.transport.abort()

    async def _reply(self):
        lines = []
        while not lines or lines[-1][3:4] == b"-":
            try:
                lines.append(await self._reader.readline())
            except sasl.ProtocolError as error:  # that the connection was lost by
                raise Disconnected("connection lost") from error
            if not lines[-1]:
                self.close()
                raise Disconnected("connection lost")
        text = b"\n".join(line[4:].strip(b" \t\r\n") for line in lines)
        return SimpleNamespace(
            code=int(lines[-1][:3]), message=text.decode("utf-8", "surrogateescape")
        )


class AdapterCase(Case):
    def log_in(self, server, credentials=USER, *, tls=None, **options) -> str:
        async def act() -> str:
            smtp = SMTP(server.port)
            await smtp.connect(tls)
            with contextlib.closing(smtp):
                return await login(smtp, credentials, **({"policy": ALWAYS} | options))

        return asyncio.run(act())


class Login(AdapterCase):
    def test_every_mechanism(self) -> None:
        token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2"):
            who = USER if name != "XOAUTH2" else sasl.Credentials("user", token=token)
            policy = sasl.Policy(allow=[name], cleartext="always", iterations=(1, 5000))
            server = self.serve(policy=policy)
            with self.subTest(name):
                self.assertEqual(self.log_in(server, who, policy=policy), name)
                self.assertEqual(server.wait().session.success.mechanism, name)

    def test_no_password_in_the_clear(self) -> None:
        server = self.serve(policy=sasl.Policy(cleartext="always", allow=["PLAIN"]))
        with self.assertRaises(sasl.NoMechanism):
            self.log_in(server, policy=sasl.Policy())

    def test_after_starttls_it_binds_to_the_channel(self) -> None:
        serving, trusting = needs_tls()
        der = trusting.get_ca_certs(binary_form=True)[0]
        server = self.serve(
            tls=serving,
            starttls=True,
            secured=lambda tls: sasl.Channel.from_ssl(tls, certificate=der),
        )
        policy = sasl.Policy(allow=["SCRAM-SHA-256-PLUS"], iterations=(1, 5000))
        name = self.log_in(server, tls=trusting, policy=policy)
        self.assertEqual(name, "SCRAM-SHA-256-PLUS")
        self.assertTrue(server.mailboxes[-1].session.success.bound)

    def test_a_wrong_password_is_one_attempt(self) -> None:
        server = self.serve(policy=ALWAYS)
        policy = sasl.Policy(cleartext="always", allow=["PLAIN", "LOGIN"])
        with self.assertRaises(sasl.AuthenticationError) as caught:
            self.log_in(server, sasl.Credentials("user", "wrong"), policy=policy)
        self.assertIs(caught.exception.reason, sasl.Reason.BAD_CREDENTIALS)
        self.assertEqual(server.wait().accounts.asked, ["CheckPassword"])

    def test_an_unsupported_mechanism_moves_on(self) -> None:
        offer = b"250-x\r\n250 AUTH CRAM-MD5 PLAIN\r\n"
        server = self.script(GREETING, offer, b"504 no\r\n", b"235 ok\r\n", None)
        self.assertEqual(self.log_in(server), "PLAIN")

    def test_a_token_from_a_coroutine_function_is_asked_again_once(self) -> None:
        asked = []

        async def source(error) -> str:
            asked.append(error and error.status)
            return f"token-{len(asked)}"

        server = self.script(
            GREETING,
            b"250-x\r\n250 AUTH XOAUTH2\r\n",
            b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n",
            b"535 5.7.8 no\r\n",
            b"235 ok\r\n",
            None,
        )
        who = sasl.Credentials("user", token=source)
        self.assertEqual(self.log_in(server, who), "XOAUTH2")
        self.assertEqual(asked, [None, "401"])

    def test_aiosmtpds_own_prompts(self) -> None:
        server = self.script(
            GREETING,
            b"250-x\r\n250 AUTH LOGIN\r\n",
            b"334 VXNlciBOYW1lAA==\r\n",  # "User Name", and a NUL
            b"334 UGFzc3dvcmQA\r\n",
            b"235 ok\r\n",
            None,
        )
        self.assertEqual(self.log_in(server), "LOGIN")
        self.assertEqual(server.heard[-2:], [b"dXNlcg==\r\n", b"cGVuY2ls\r\n"])

    def test_early_success_is_none(self) -> None:
        server = self.script(GREETING, CRAM, b"235 ok\r\n", None)
        with self.assertRaises(sasl.ServerNotAuthenticated):
            self.log_in(server)

    def test_a_challenge_that_is_none(self) -> None:
        for steps in ((b"334 !\r\n", b"501 ok\r\n", None), (b"334 !\r\n", None)):
            server = self.script(GREETING, CRAM, *steps)
            with self.subTest(steps), self.assertRaises(sasl.ProtocolError):
                self.log_in(server)
            self.assertEqual(server.heard[2], b"*\r\n")

    def test_a_server_that_hangs_up(self) -> None:
        server = self.script(GREETING, CRAM, None)
        with self.assertRaises(Disconnected):
            self.log_in(server)

    def test_a_server_without_esmtp(self) -> None:
        server = self.script(GREETING, b"250 AUTH PLAIN\r\n", None)
        with self.assertRaises(sasl.NoMechanism):
            self.log_in(server)

    def test_a_cancellation_ends_the_connection(self) -> None:
        """What came next would be taken for the rest of the exchange."""
        server = self.serve(policy=ALWAYS)

        async def act() -> bool:
            smtp = SMTP(server.port)
            await smtp.connect()
            await smtp.ehlo()
            said: asyncio.Queue[bytes] = asyncio.Queue()

            async def hang(*args: bytes) -> None:
                said.put_nowait(args[0])
                await asyncio.Event().wait()

            smtp.execute_command = hang
            work = asyncio.ensure_future(login(smtp, USER, policy=ALWAYS))
            self.assertEqual((await said.get())[:5], b"AUTH ")
            work.cancel()
            await asyncio.wait([work])
            return work.cancelled() and smtp.transport.is_closing()

        self.assertTrue(asyncio.run(act()))

    def test_no_secret_is_in_the_traceback(self) -> None:
        who = sasl.Credentials("user", "hunter2")
        for last in (b"535 no\r\n", b"334 !\r\n", b"250 no\r\n"):
            for name in (b"PLAIN", b"CRAM-MD5", b"LOGIN"):
                offer = b"250-x\r\n250 AUTH " + name + b"\r\n"
                server = self.script(GREETING, offer, last, b"501 no\r\n", None)
                act = functools.partial(self.log_in, server, who)
                with self.subTest(last, name=name):
                    self.assertEqual(secrets_shown(act, "hunter2"), [])


class Authenticate(AdapterCase):
    def test_one_mechanism(self) -> None:
        for password in ("pencil", "wrong"):
            client = sasl.client(
                "PLAIN",
                sasl.Credentials("user", password),
                channel=sasl.Channel(True),
                profile=profiles.SMTP,
            )
            server = self.serve(policy=ALWAYS)

            async def act(client=client, port=server.port) -> None:
                smtp = SMTP(port)
                await smtp.connect()
                with contextlib.closing(smtp):
                    await smtp.ehlo()
                    await authenticate(smtp, client)

            with self.subTest(password):
                if password == "pencil":
                    asyncio.run(act())
                    self.assertEqual(server.wait().session.identity.authcid, "user")
                else:
                    with self.assertRaises(sasl.AuthenticationError):
                        asyncio.run(act())


if __name__ == "__main__":
    unittest.main()
