"""Each of our client's adapters logs in to real servers, by the best mechanism."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import unittest
from typing import ClassVar

import sasl_core as sasl
from sasl_core.adapters import blocking, streams
from sasl_core.adapters import smtplib as adapter
from sasl_core.protocols.smtp import ClientSession

from .cases import RIGHT, WRONG, Case
from .checks import Checks
from .peers import dovecot, exim, postfix
from .peers.process import HOST
from .peers.tls import client_context
from .smtp import Smtp


class BestTest(Checks):
    """Nothing is said but the credentials; each offers a weaker mechanism, too."""

    # name, port, and the mechanism that should be taken
    servers: ClassVar[list[tuple[str, int, str]]] = []

    @classmethod
    def setUpClass(cls) -> None:
        box = cls.enterClassContext(contextlib.ExitStack())
        first = box.enter_context(dovecot.running())
        second = box.enter_context(postfix.running(first.mta_socket))
        third = box.enter_context(exim.running(first.mta_socket))
        name = f"Dovecot {first.version} submission"
        cls.servers = [(name, first.submission, "SCRAM-SHA-256")]
        name = f"Postfix {second.version}"
        cls.servers += [
            (f"{name} with Dovecot", second.by_dovecot, "SCRAM-SHA-256"),
            (f"{name} with Cyrus", second.by_cyrus, "SCRAM-SHA-512"),
        ]
        name = f"Exim {third.version}"
        cls.servers += [
            (name, third.native, "CRAM-MD5"),
            (f"{name} with Dovecot", third.by_dovecot, "SCRAM-SHA-256"),
            (f"{name} with Cyrus", third.by_cyrus, "SCRAM-SHA-512"),
        ]

    def test_smtplib(self) -> None:
        for name, port, best in self.servers:
            for case in (RIGHT, WRONG):
                with self.subTest(server=name, case=case.name):
                    self.log_in_by_smtplib(name, port, best, case)

    def log_in_by_smtplib(self, name: str, port: int, best: str, case: Case) -> None:
        with Smtp(port, client_context()) as connection:
            self.assertGreater(len(connection.mechanisms()), 1)
            with self.attempt(name, best, case):
                self.assertEqual(adapter.login(connection, case.credentials), best)
            # a wrong password is not tried again by the next mechanism
            self.assertEqual(connection.attempts, 1)

    def test_blocking(self) -> None:
        for name, port, best in self.servers:
            for case in (RIGHT, WRONG):
                with self.subTest(server=name, case=case.name):
                    self.log_in_by_blocking(name, port, best, case)

    def log_in_by_blocking(self, name: str, port: int, best: str, case: Case) -> None:
        session = new_session(case)
        plain = socket.create_connection((HOST, port), 10)
        with plain, self.attempt(f"{name} (blocking)", best, case):
            with blocking.authenticate(session, plain, tls=client_context()):
                self.assertEqual(session.mechanism, best)

    def test_streams(self) -> None:
        for name, port, best in self.servers:
            for case in (RIGHT, WRONG):
                with self.subTest(server=name, case=case.name):
                    asyncio.run(self.log_in_by_streams(name, port, best, case))

    async def log_in_by_streams(
        self, name: str, port: int, best: str, case: Case
    ) -> None:
        session = new_session(case)
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            with self.attempt(f"{name} (streams)", best, case):
                await streams.authenticate(
                    session, reader, writer, tls=client_context(), timeout=10
                )
                self.assertEqual(session.mechanism, best)
        finally:
            writer.transport.abort()


def new_session(case: Case) -> ClientSession:
    channel = sasl.Channel(False, service="smtp", host="localhost")
    return ClientSession(case.credentials, channel=channel)


if __name__ == "__main__":
    unittest.main()
