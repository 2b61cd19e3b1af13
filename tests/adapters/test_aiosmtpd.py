"""The handler for aiosmtpd, in a stand-in for its SMTP; tests/interop has the real one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import unittest
from base64 import b64encode
from types import SimpleNamespace

import sasl_core as sasl
from sasl_core.adapters import streams
from sasl_core.adapters.aiosmtpd import AuthHandler
from sasl_core.protocols.smtp import ClientSession

from .._accounts import Application
from ._loopback import ALWAYS, CLEAR, HOST, needs_tls

PLAIN = b64encode(b"\0user\0pencil").decode()
WRONG = b64encode(b"\0user\0wrong").decode()


class SMTP:
    """As much of aiosmtpd.smtp.SMTP as calls the handler, as it calls it."""

    def __init__(self, handler, reader, writer, tls) -> None:
        self._handler = handler
        self._reader = reader
        self._writer = writer
        self._tls = tls
        self._smtp_methods = {
            verb: getattr(self, verb) for verb in ("EHLO", "AUTH", "MAIL", "STARTTLS")
        }
        self._reset()

    @property
    def transport(self):
        return self._writer.transport

    async def push(self, status) -> None:
        text = status.encode("ascii") if isinstance(status, str) else status
        self._writer.write(text + b"\r\n")
        await self._writer.drain()

    def _reset(self) -> None:
        peer = self.transport.get_extra_info("peername")
        self.session = SimpleNamespace(peer=peer, authenticated=None, auth_data=None)
        self.envelope = SimpleNamespace(mail_from=None)

    async def run(self) -> None:
        await self.push("220 x ESMTP")
        while line := await self._reader.readline():
            verb, _, rest = line.decode().rstrip().partition(" ")
            await self._smtp_methods[verb.upper()](rest or None)

    async def EHLO(self, rest: str) -> None:
        self.envelope.mail_from = None
        said = ["250-x", "250-SIZE 1"]
        if not self.transport.get_extra_info("ssl_object") and self._tls:
            said.append("250-STARTTLS")
        said += ["250-AUTH LOGIN PLAIN", "250 HELP"]
        arguments = self, self.session, self.envelope, rest, said
        for line in await self._handler.handle_EHLO(*arguments):
            await self.push(line)

    async def AUTH(self, rest: str) -> None:
        name, *args = rest.split()
        if not hasattr(self._handler, f"auth_{name.replace('-', '__')}"):
            return await self.push("504 5.5.4 Unrecognized authentication type")
        args = [name, *args]
        status = await self._handler.handle_AUTH(
            self, self.session, self.envelope, args
        )
        return None if status is None else await self.push(status)

    async def MAIL(self, rest: str | None) -> None:
        if rest is None or "AUTH=" in rest.upper():
            await self.push("555 MAIL FROM parameters not recognized")
        else:
            self.envelope.mail_from = rest
            await self.push("250 OK")

    async def STARTTLS(self, rest: str) -> None:
        await self.push("220 go")
        await self._writer.start_tls(self._tls)
        self._reset()


class Talk:
    """A client by hand, in the same loop."""

    def __init__(self, reader, writer) -> None:
        self.reader, self.writer = reader, writer

    async def reply(self) -> list[str]:
        lines = [await self.reader.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(await self.reader.readline())
        return [line.decode().rstrip("\r\n") for line in lines]

    async def say(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return (await self.reply())[-1]

    async def offered(self) -> set[str]:
        self.writer.write(b"EHLO c\r\n")
        lines = await self.reply()
        return {name for line in lines if "AUTH" in line for name in line.split()[1:]}

    async def start_tls(self, context) -> None:
        await self.say("STARTTLS")
        await self.writer.start_tls(context, server_hostname="localhost")


class AiosmtpdCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.accounts = Application(username="user", password="pencil")
        self.servers: list[SMTP] = []
        self.decided: list[object] = []

    async def connect(self, *, tls=None, implicit=False, cls=AuthHandler, **options):
        """Start a server; return its port."""

        async def connected(reader, writer) -> None:
            smtp = SMTP(handler, reader, writer, None if implicit else tls)
            self.servers.append(smtp)
            gone = contextlib.suppress(asyncio.IncompleteReadError)
            with contextlib.closing(writer), gone:
                await smtp.run()

        options = {"answer": self.accounts.settle, "policy": ALWAYS} | options
        handler = cls(options.pop("answer"), decided=self.note, **options)
        context = tls if implicit else None
        # aiosmtpd's own limit: a response may be longer
        server = await asyncio.start_server(connected, HOST, 0, ssl=context, limit=1001)
        self.addCleanup(server.close)
        return server.sockets[0].getsockname()[1]

    async def note(self, exchange, outcome) -> None:
        self.decided.append(outcome)

    async def talk(self, **options) -> Talk:
        port = await self.connect(**options)
        talk = Talk(*await asyncio.open_connection(HOST, port))
        self.addAsyncCleanup(self.hang_up, talk)
        await talk.reply()
        return talk

    async def hang_up(self, talk: Talk) -> None:
        talk.writer.close()
        with contextlib.suppress(OSError):
            await talk.writer.wait_closed()


class Handler(AiosmtpdCase):
    async def test_every_mechanism_by_our_client(self) -> None:
        for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
            policy = sasl.Policy(allow=[name], cleartext="always", iterations=(1, 5000))
            port = await self.connect(policy=policy, answers=None)
            client = ClientSession(
                sasl.Credentials("user", "pencil"),
                channel=CLEAR,
                policy=policy,
                starttls="never",
            )
            reader, writer = await asyncio.open_connection(HOST, port)
            with self.subTest(name), contextlib.closing(writer):
                await streams.authenticate(client, reader, writer)
                session = self.servers[-1].session
                self.assertTrue(session.authenticated)
                self.assertEqual(session.auth_data.authcid, "user")

    async def test_the_answer_is_a_coroutine(self) -> None:
        async def answer(request):
            await asyncio.sleep(0)
            return self.accounts.settle(request)

        talk = await self.talk(answer=answer)
        await talk.offered()
        said = await talk.say(f"AUTH PLAIN {PLAIN}")
        self.assertEqual(said, "235 2.7.0 Authentication successful")

    async def test_an_authorization_identity_is_kept(self) -> None:
        self.accounts.may_act_as = ("boss",)
        talk = await self.talk()
        await talk.offered()
        message = b64encode(b"boss\0user\0pencil").decode()
        self.assertEqual((await talk.say(f"AUTH PLAIN {message}"))[:3], "235")
        identity = self.servers[-1].session.auth_data
        self.assertEqual((identity.authcid, identity.authzid), ("user", "boss"))

    async def test_no_password_is_shown_in_the_clear(self) -> None:
        policy = sasl.Policy(allow=["PLAIN", "SCRAM-SHA-256"])
        talk = await self.talk(policy=policy)
        self.assertEqual(await talk.offered(), {"SCRAM-SHA-256"})
        self.assertEqual((await talk.say(f"AUTH PLAIN {PLAIN}"))[:3], "538")
        self.assertEqual(self.accounts.asked, [])

    async def test_nothing_on_offer_is_no_line(self) -> None:
        talk = await self.talk(policy=sasl.Policy(allow=["PLAIN"]))
        talk.writer.write(b"EHLO c\r\n")
        self.assertEqual(await talk.reply(), ["250-x", "250-SIZE 1", "250 HELP"])

    async def test_failures(self) -> None:
        for line, reply in {
            f"AUTH PLAIN {WRONG}": "535",
            "AUTH PLAIN !": "501",
            "AUTH PLAIN a b": "501",
            "AUTH NTLM": "504",
            "AUTH EXTERNAL =": "504",
        }.items():
            talk = await self.talk(max_failures=9)
            await talk.offered()
            with self.subTest(line):
                self.assertEqual((await talk.say(line))[:3], reply)
                self.assertFalse(self.servers[-1].session.authenticated)

    async def test_responses(self) -> None:
        for line, reply in {
            "*": "501",
            "=": "501",
            "AUTH PLAIN": "501",
            WRONG: "535",
            "é": "501",
            "A" * 3000: "501",
            "A" * 20000: "500",
            b64encode(b"\0user\0" + b"x" * 900).decode(): "535",
        }.items():
            talk = await self.talk()
            await talk.offered()
            self.assertEqual(await talk.say("AUTH PLAIN"), "334 ")
            with self.subTest(line[:20]):
                self.assertEqual((await talk.say(line))[:3], reply)
                self.assertEqual((await talk.say(f"AUTH PLAIN {PLAIN}"))[:3], "235")

    async def test_a_line_that_ends_in_a_lone_lf_is_no_response(self) -> None:
        talk = await self.talk()
        await talk.offered()
        await talk.say("AUTH PLAIN")
        talk.writer.write(PLAIN.encode() + b"\n")
        self.assertEqual((await talk.reply())[0][:3], "501")

    async def test_no_login_in_a_mail_transaction(self) -> None:
        talk = await self.talk()
        await talk.offered()
        await talk.say("MAIL FROM:<a@b>")
        said = await talk.say(f"AUTH PLAIN {PLAIN}")
        self.assertEqual(said, "503 5.5.1 No AUTH during a mail transaction")
        await talk.offered()
        self.assertEqual((await talk.say(f"AUTH PLAIN {PLAIN}"))[:3], "235")

    async def test_mail_may_say_who_sends_it(self) -> None:
        talk = await self.talk()
        for login in (False, True):
            if login:
                await talk.offered()
                await talk.say(f"AUTH PLAIN {PLAIN}")
            for parameter, identity in {
                "": None,
                " AUTH=<>": "",
                " SIZE=1 auth=c+2Bd@e": "c+d@e" if login else "",
                " BODY=7BIT": None,
            }.items():
                await talk.offered()
                with self.subTest(parameter, login=login):
                    said = await talk.say(f"MAIL FROM:<a@b>{parameter}")
                    self.assertEqual(said, "250 OK")
                    envelope = self.servers[-1].envelope
                    self.assertEqual(envelope.mail_auth, identity)
                    self.assertNotIn("AUTH", envelope.mail_from.upper())
        for line in ("MAIL FROM:<a@b> AUTH=a", "MAIL FROM:a@b> AUTH=a=b", "MAIL"):
            await talk.offered()
            with self.subTest(line):
                self.assertIn((await talk.say(line))[:3], ("501", "555"))
                self.assertIsNone(self.servers[-1].envelope.mail_from)

    async def test_too_many_failures_end_the_connection(self) -> None:
        talk = await self.talk(max_failures=2)
        await talk.offered()
        for reply in ("535", "535", "421"):
            self.assertEqual((await talk.say(f"AUTH PLAIN {WRONG}"))[:3], reply)
        self.assertEqual(await talk.reader.read(), b"")
        self.assertEqual(self.accounts.asked, ["CheckPassword"] * 2)

    async def test_decisions_are_heard(self) -> None:
        talk = await self.talk()
        await talk.offered()
        await talk.say(f"AUTH PLAIN {WRONG}")
        await talk.say(f"AUTH PLAIN {PLAIN}")
        kinds = [type(outcome) for outcome in self.decided]
        self.assertEqual(kinds, [sasl.Failure, sasl.Success])

    async def test_a_client_that_leaves_has_aborted(self) -> None:
        talk = await self.talk()
        await talk.offered()
        await talk.say("AUTH PLAIN")
        talk.writer.write_eof()
        await talk.reader.read()
        self.assertEqual([o.reason for o in self.decided], [sasl.Reason.ABORTED])

    async def test_an_application_that_fails(self) -> None:
        def answer(request):
            raise OSError("no database")

        talk = await self.talk(answer=answer)
        await talk.offered()
        with self.assertLogs("sasl_core.adapters", logging.ERROR):
            said = await talk.say(f"AUTH PLAIN {PLAIN}")
        self.assertEqual(said[:3], "454")


class Certified(AuthHandler):
    """Takes it that whoever speaks TLS is the user."""

    def channel(self, tls, remote):
        channel = super().channel(tls, remote)
        return channel.over_tls(tls, external="user") if tls else channel


class TLS(AiosmtpdCase):
    async def connect(self, **options):
        serving, _ = needs_tls()
        return await super().connect(tls=serving, **options)

    def client(self, policy: sasl.Policy, starttls: str) -> ClientSession:
        return ClientSession(
            sasl.Credentials("user", "pencil"),
            channel=CLEAR,
            policy=policy,
            starttls=starttls,
        )

    async def test_starttls_binds_to_the_channel(self) -> None:
        _, trusting = needs_tls()
        policy = sasl.Policy(allow=["SCRAM-SHA-256-PLUS"], iterations=(1, 5000))
        der = trusting.get_ca_certs(binary_form=True)[0]
        port = await self.connect(policy=policy, certificate=der)
        reader, writer = await asyncio.open_connection(HOST, port)
        client = self.client(policy, "require")
        with contextlib.closing(writer):
            await streams.authenticate(client, reader, writer, tls=trusting)
        self.assertTrue(self.decided[0].bound)

    async def test_tls_from_the_start(self) -> None:
        port = await self.connect(implicit=True, policy=sasl.Policy(allow=["PLAIN"]))
        tls = needs_tls()[1]
        connection = asyncio.open_connection(
            HOST, port, ssl=tls, server_hostname="localhost"
        )
        talk = Talk(*await connection)
        self.addAsyncCleanup(self.hang_up, talk)
        await talk.reply()
        self.assertEqual(await talk.offered(), {"PLAIN"})
        self.assertEqual((await talk.say(f"AUTH PLAIN {PLAIN}"))[:3], "235")

    async def test_failures_are_counted_across_starttls(self) -> None:
        talk = await self.talk(max_failures=1)
        await talk.offered()
        self.assertEqual((await talk.say(f"AUTH PLAIN {WRONG}"))[:3], "535")
        await talk.start_tls(needs_tls()[1])
        await talk.offered()
        self.assertEqual((await talk.say(f"AUTH PLAIN {PLAIN}"))[:3], "421")

    async def test_a_login_does_not_outlive_starttls(self) -> None:
        talk = await self.talk()
        await talk.offered()
        await talk.say(f"AUTH PLAIN {PLAIN}")
        await talk.start_tls(needs_tls()[1])
        self.assertIn("PLAIN", await talk.offered())
        self.assertFalse(self.servers[-1].session.authenticated)
        self.assertEqual((await talk.say(f"AUTH PLAIN {PLAIN}"))[:3], "235")

    async def test_the_facts_of_the_connection_can_be_told(self) -> None:
        talk = await self.talk(cls=Certified, policy=sasl.Policy(allow=["EXTERNAL"]))
        self.assertEqual(await talk.offered(), set())
        await talk.start_tls(needs_tls()[1])
        self.assertEqual(await talk.offered(), {"EXTERNAL"})
        self.assertEqual((await talk.say("AUTH EXTERNAL ="))[:3], "235")
        self.assertEqual(self.servers[-1].session.auth_data.authcid, "user")


if __name__ == "__main__":
    unittest.main()
