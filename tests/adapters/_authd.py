"""The service at a socket, and who talks to it."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import unittest
from pathlib import Path

import sasl_core as sasl
from sasl_core.adapters import saslauthd
from sasl_core.adapters.authd import Service

from .._accounts import Application
from ..protocols.dovecot._pair import POLICY

HELLO = b"VERSION\t1\t2\nCPID\t7\n"
AUTH = b"AUTH\t%d\tPLAIN\tservice=smtp\tsecured\trip=192.0.2.1\tresp=AHVzZXIAcGVuY2ls\n"


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
