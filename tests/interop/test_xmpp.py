"""slixmpp logs in by our adapter, to Prosody and to us; and by its own means, to us."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import unittest
from collections.abc import AsyncIterator
from typing import Any

import sasl_core as sasl
from sasl_core.adapters.slixmpp import login

from .cases import CURRENT, RIGHT, WRONG, Case, each, matrix
from .checks import Checks
from .outcomes import note
from .packages import need_package
from .peers import prosody
from .peers.process import HOST
from .peers.tls import certificates
from .xmpp_server import XmppServer

# A domain has no certificate of its own to be EXTERNAL by, and Prosody takes no token.
MECHANISMS = CURRENT - {"EXTERNAL"}
# What slixmpp does by itself, and what it binds, by tls-unique, which TLS 1.3 has not.
ITS_OWN = frozenset({"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"})
ITS_BOUND = frozenset({"SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS"})

slixmpp: Any


def setUpModule() -> None:
    global slixmpp
    slixmpp = need_package("slixmpp")
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)


@contextlib.asynccontextmanager
async def client(
    port: int,
    user: str = "somebody",
    password: str | None = None,
    *,
    direct: bool = True,
    latest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> AsyncIterator[tuple[Any, asyncio.Event]]:
    """Begin to connect; give slixmpp's client, and the event of a session."""
    xmpp = slixmpp.ClientXMPP(f"{user}@{prosody.DOMAIN}", password)
    xmpp.ca_certs = str(certificates().authority)
    xmpp.enable_direct_tls, xmpp.enable_starttls = direct, not direct
    xmpp.enable_plaintext = False
    make = xmpp.get_ssl_context

    def context() -> ssl.SSLContext:
        made: ssl.SSLContext = make()
        made.maximum_version = latest
        return made

    xmpp.get_ssl_context = context
    started = asyncio.Event()
    xmpp.add_event_handler("session_start", lambda _: started.set())
    xmpp.connect(HOST, port)
    try:
        yield xmpp, started
    finally:
        await xmpp.disconnect(wait=0.1)
        xmpp._run_out_filters.cancel()  # a task that it forgets
        await asyncio.sleep(0)


class ClientTest(Checks):
    """What is the same for each server."""

    async def log_in(
        self, server: str, port: int, mechanism: str, case: Case, **options: Any
    ) -> None:
        async with client(port, **options) as (xmpp, started):
            failures: list[object] = []
            xmpp.add_event_handler("failed_auth", failures.append)
            name = f"{server}, by slixmpp {slixmpp.__version__}"
            with self.attempt(name, mechanism, case):
                policy = sasl.Policy(allow=[mechanism])
                taken = await login(xmpp, case.credentials, policy=policy, timeout=10)
                self.assertEqual(taken, mechanism)
                await asyncio.wait_for(started.wait(), 10)
            self.assertEqual(len(failures), 0 if case.welcome else 1)


@each(matrix(prosody.MECHANISMS, authzid=False))
@each(matrix(prosody.BOUND, authzid=False))
class ProsodyTest(ClientTest):
    """Prosody, over STARTTLS; its channel bindings are those of TLS 1.2."""

    peer: prosody.Prosody

    @classmethod
    def setUpClass(cls) -> None:
        cls.peer = cls.enterClassContext(prosody.running())

    def check(self, mechanism: str, case: Case) -> None:
        options = {"direct": False}
        if mechanism in prosody.BOUND:
            options["latest"] = ssl.TLSVersion.TLSv1_2
        name = f"Prosody {self.peer.version}"
        asyncio.run(self.log_in(name, self.peer.port, mechanism, case, **options))

    def test_over_tls_at_once(self) -> None:
        name = f"Prosody {self.peer.version}, direct TLS"
        for case in (RIGHT, WRONG):
            with self.subTest(case.name):
                made = self.log_in(name, self.peer.tls_port, "SCRAM-SHA-256", case)
                asyncio.run(made)

    def test_the_example(self) -> None:
        from examples import slixmpp_hello

        people = f"alice@{prosody.DOMAIN}", f"carol@{prosody.DOMAIN}"
        arguments = *people, HOST, str(self.peer.port)
        self.check_example(slixmpp_hello, "Said hello", *arguments)


@each(matrix(MECHANISMS, masters=True))
class OursTest(ClientTest):
    """Our own server, which has every mechanism."""

    def check(self, mechanism: str, case: Case) -> None:
        asyncio.run(self.check_ours(mechanism, case))

    async def check_ours(self, mechanism: str, case: Case) -> None:
        server = XmppServer(sasl.Policy(allow=[mechanism]))
        async with await server.listen():
            await self.log_in("sasl_core", server.port, mechanism, case)
            outcome = server.outcomes.get(timeout=5)
        self.check_event(outcome, "slixmpp with sasl_core", mechanism, case)


class LayerTest(ClientTest):
    """Nobody else's server of XMPP has layers."""

    def test_ours(self) -> None:
        for layer in ("integrity", "confidentiality"):
            with self.subTest(layer):
                asyncio.run(self.check_ours(layer))

    async def check_ours(self, layer: Any) -> None:
        policy = sasl.Policy(allow=["DIGEST-MD5"], layers=[layer])
        server = XmppServer(policy)
        async with await server.listen(), client(server.port) as (xmpp, started):
            await login(xmpp, RIGHT.credentials, policy=policy, timeout=10)
            await asyncio.wait_for(started.wait(), 10)
            outcome = server.outcomes.get(timeout=5)
            assert isinstance(outcome, sasl.Success), outcome
            assert outcome.layer is not None
            self.assertEqual(outcome.layer.confidential, layer == "confidentiality")
            name = f"slixmpp {slixmpp.__version__} (sasl_core)"
            note("sasl_core", name, "DIGEST-MD5", f"layer {layer}", "accepted")


@each(matrix(ITS_OWN, authzid=False))
@each(matrix(ITS_BOUND, authzid=False))
class ItsOwnTest(Checks):
    """slixmpp as it is, to our server."""

    def check(self, mechanism: str, case: Case) -> None:
        asyncio.run(self.check_ours(mechanism, case))

    async def check_ours(self, mechanism: str, case: Case) -> None:
        server = XmppServer(sasl.Policy(allow=[mechanism]))
        who, name = case.credentials, f"slixmpp {slixmpp.__version__}"
        options: dict[str, Any] = {"password": who.password}
        if mechanism in ITS_BOUND:
            options["latest"] = ssl.TLSVersion.TLSv1_2
        async with await server.listen():
            async with client(server.port, **options) as (xmpp, started):
                xmpp.credentials["username"] = who.username
                failed = asyncio.Event()
                xmpp.add_event_handler("failed_auth", lambda _: failed.set())
                event = started if case.welcome else failed
                await asyncio.wait_for(event.wait(), 10)
            outcome = server.outcomes.get(timeout=5)
        self.check_event(outcome, name, mechanism, case)


if __name__ == "__main__":
    unittest.main()
