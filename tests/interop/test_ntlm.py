"""NTLM with Cyrus SASL, Exim, GNU SASL, curl, msmtp and swaks; all of it with pyspnego.

Nobody offers it unasked: here the peers and our policies name it. Of the programs, curl
alone knows NTLMv2; for the others our policies have a DES.
"""

from __future__ import annotations

import time
import unittest
from collections.abc import Callable
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core import profiles
from sasl_core.adapters import smtplib as adapter
from sasl_core.protocols import quirks

from .. import _des
from . import sample
from .application import settle
from .cases import Case, each, matrix
from .checks import OURS, Checks, ProgramChecks
from .outcomes import note
from .packages import need_package
from .peers import curl, gsasl, msmtp, swaks
from .peers.accounts import ALICE, USERS
from .peers.cyrus import Cyrus
from .peers.cyrus import installed as cyrus_installed
from .peers.exim import speaking_ntlm
from .peers.process import Sandbox
from .peers.tls import client_context
from .smtp import Smtp
from .submission import Submission
from .test_digest_md5 import makers

NAME = "NTLM"
V2 = sasl.Policy(allow=[NAME])
CLOCKED = V2.replace(clock=time.time)  # curl sees the timestamp, and has no MIC
V1 = V2.replace(ntlm_v1=_des.MAKERS["des"])

# Of another character than ASCII each of the programs makes something of its own: one
# octet of UTF-8 becomes one character of UTF-16, or the name is no UTF-8.
ASCII_ONLY = [(NAME, "non-ASCII")]
CASES = matrix([NAME], authzid=False, without=ASCII_ONLY)

cyrus: Cyrus
CYRUS = ""


def setUpModule() -> None:
    global cyrus, CYRUS
    cyrus = unittest.enterModuleContext(cyrus_installed([NAME]))
    SubmissionTest.ours = Submission()
    unittest.addModuleCleanup(SubmissionTest.ours.close)
    CYRUS = f"Cyrus SASL {cyrus.version}"


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


@each(CASES)
class CyrusServerTest(Checks):
    """Our client logs in to sasl-sample-server, by NTLMv1."""

    def check(self, mechanism: str, case: Case) -> None:
        with self.attempt(CYRUS, mechanism, case):
            self.log_in(V1, case.credentials)

    def log_in(self, policy: sasl.Policy, mine: sasl.Credentials) -> None:
        sample.log_in(cyrus, sample.client(NAME, mine, policy=policy))

    def test_the_des_of_cryptography(self) -> None:
        """What a program would pass."""
        self.log_in(V2.replace(ntlm_v1=makers()["des"]), sasl.Credentials(*ALICE))
        note(CYRUS, OURS, NAME, "DES of cryptography", "accepted")

    def test_nothing_is_said_by_ntlmv1_unasked(self) -> None:
        """Its challenge tells of nothing newer."""
        with self.assertRaises(sasl.ProtocolError):
            self.log_in(V2, sasl.Credentials(*ALICE))


@each(CASES)
class CyrusClientTest(Checks):
    """sasl-sample-client logs in to our server, by NTLMv1."""

    def check(self, mechanism: str, case: Case) -> None:
        event = sample.serve(cyrus, sample.server(NAME, policy=V1), case.credentials)
        self.check_event(event, CYRUS, mechanism, case)


@each(CASES)
class EximTest(Checks):
    """Our client logs in to Exim's own server, spa, by NTLMv1."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.version, cls.port = cls.enterClassContext(speaking_ntlm())

    def check(self, mechanism: str, case: Case) -> None:
        with (
            Smtp(self.port, client_context()) as connection,
            self.attempt(f"Exim {self.version}", mechanism, case),
        ):
            adapter.login(connection, case.credentials, policy=V1)
            self.assertTrue(connection.may_send())

    def test_its_first_prompt_is_no_base64(self) -> None:
        """334 NTLM supported: taken only by a profile that takes any text."""
        copes = quirks.OPENING_TEXT.apply(profiles.SMTP)
        for profile in (profiles.SMTP, copes):
            client = sasl.client(
                NAME,
                sasl.Credentials(*ALICE),
                channel=sasl.Channel(True, host="localhost"),
                policy=V1,
                profile=profile,
            )
            with self.subTest(profile), Smtp(self.port, client_context()) as connection:
                code, text = connection.docmd(f"AUTH {NAME}")
                self.assertEqual((code, text), (334, b"NTLM supported"))
                if profile is profiles.SMTP:
                    with self.assertRaises(sasl.ProtocolError):
                        client.step(text)
                    continue
                while code == 334:
                    code, text = connection.docmd(client.step(text).decode())
                self.assertEqual(code, 235, text)
                client.finish()
                note(f"Exim {self.version}", OURS, NAME, "text first", "accepted")


class SubmissionTest(ProgramChecks):
    """What is the same for each program."""

    policy = V1

    def log_in(self, policy: sasl.Policy, username: str = ALICE.user) -> Any:
        """Log in under a policy; return the outcome."""
        self.ours.expect(policy)
        self.run_program(NAME, sasl.Credentials(username, ALICE.password))
        return self.ours.outcome()

    def check_too_weak(self) -> None:
        """Without a DES, what knows only NTLMv1 is told that it is too weak."""
        event = self.log_in(V2)
        assert isinstance(event, sasl.Failure), event
        self.assertIs(event.reason, sasl.Reason.TOO_WEAK)


@each(CASES)
class CurlTest(SubmissionTest):
    """curl: NTLMv2, as our challenge has target information."""

    program = curl
    options = ("--login-options", f"AUTH={NAME}")
    policy = CLOCKED

    def test_domains(self) -> None:
        r"""It has DOMAIN\user and DOMAIN/user; ours is a realm of ours in any case."""
        for domain, welcome in (("LOCALHOST", True), ("ELSEWHERE", False)):
            event = self.log_in(V2, rf"{domain}\{ALICE.user}")
            with self.subTest(domain):
                self.assertEqual(isinstance(event, sasl.Success), welcome, event)


@each(CASES)
class SwaksTest(SubmissionTest):
    """swaks, with Authen::NTLM."""

    program = swaks

    def test_too_weak(self) -> None:
        self.check_too_weak()


@each(CASES)
class MsmtpTest(SubmissionTest):
    """msmtp, with GNU SASL and libntlm."""

    program = msmtp

    def test_too_weak(self) -> None:
        self.check_too_weak()


@each(CASES)
class GsaslTest(SubmissionTest):
    """GNU SASL's own program, with libntlm."""

    program = gsasl
    name = "GNU SASL"

    def test_user_at_domain(self) -> None:
        """libntlm takes it apart; a domain that is not ours is put together again."""
        for domain, welcome in (("localhost", True), ("example.org", False)):
            event = self.log_in(V1, f"{ALICE.user}@{domain}")
            with self.subTest(domain):
                self.assertEqual(isinstance(event, sasl.Success), welcome, event)


# --- pyspnego: NTLMv2 with its MIC, the channel's binding, and layers

DOMAIN = "EXAMPLE"
HOST = "mail.example.org"
BINDING = sasl.ChannelBinding("tls-server-end-point", bytes(range(32)))
OTHER = sasl.ChannelBinding("tls-server-end-point", bytes(32))
LAYERS = {
    "none": {},
    "integrity": {"layers": ["integrity"]},
    "rc4": {"layers": ["confidentiality"]},
    "rc4-56": {"layers": ["confidentiality"], "ciphers": {"rc4-56": None}},
    "rc4-40": {"layers": ["confidentiality"], "ciphers": {"rc4-40": None}},
}


class SpnegoTest(Checks):
    """What is the same for both sides."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.spnego: Any = need_package("spnego")
        cls.bindings: Any = need_package("spnego.channel_bindings")
        cls.name = f"pyspnego {need_package('spnego._version').__version__}"

    def peer(self, side: str, *who: str, binding: Any, layer: str) -> Any:
        """Make pyspnego's side; it asks for a layer by flags of GSS-API."""
        asked = self.spnego.ContextReq.none
        if layer != "none":
            asked |= self.spnego.ContextReq.integrity
        if layer.startswith("rc4"):
            asked |= self.spnego.ContextReq.confidentiality
        data = None
        if binding is not None:
            name = f"{binding.type}:".encode()
            data = self.bindings.GssChannelBindings(
                application_data=name + binding.data
            )
        return getattr(self.spnego, side)(
            *who,
            hostname=HOST,
            service="smtp",
            protocol="ntlm",
            options=self.spnego.NegotiateOptions.use_ntlm,
            channel_bindings=data,
            context_req=asked,
        )

    def channel(self, binding: sasl.ChannelBinding | None) -> sasl.Channel:
        bindings = [] if binding is None else [binding]
        return sasl.Channel(True, service="smtp", host=HOST, bindings=bindings)

    def check_layer(self, ours: Any, theirs: Any, layer: str) -> None:
        """Send two messages each way."""
        self.assertEqual(ours is None, layer == "none")
        for message in (b"hello", b"hello again") if ours else ():
            wrapped = ours.wrap(message)[4:]
            if layer == "integrity":  # its wrap encrypts, whatever was agreed upon
                theirs.verify(wrapped[16:], wrapped[:16])
                back = theirs.sign(message) + message
            else:
                self.assertEqual(theirs.unwrap(wrapped).data, message)
                back = theirs.wrap(message).data
            self.assertEqual(ours.unwrap(len(back).to_bytes(4) + back), message)


class SpnegoServerTest(SpnegoTest):
    """Our client logs in to pyspnego."""

    def setUp(self) -> None:
        box = self.enterContext(Sandbox("spnego"))
        lines = (f"{DOMAIN}:{user}:{password}\n" for user, password in USERS)
        path = str(box.write("users", "".join(lines)))
        patched = mock.patch.dict("os.environ", NTLM_USER_FILE=path)
        self.enterContext(patched)

    def log_in(
        self,
        mine: sasl.Credentials,
        layer: str = "none",
        ours: sasl.ChannelBinding | None = None,
        theirs: sasl.ChannelBinding | None = None,
    ) -> None:
        server = self.peer("server", binding=theirs, layer=layer)
        client = sasl.client(
            NAME,
            mine,
            channel=self.channel(ours),
            policy=V2.replace(**LAYERS[layer]),
            profile=profiles.RAW,
        )
        try:
            server.step(client.step(server.step(client.start())))
        except self.spnego.exceptions.SpnegoError as error:
            raise client.refused(sasl.Reason.BAD_CREDENTIALS, str(error)) from error
        self.assertTrue(server.complete)
        client.finish()
        self.check_layer(client.layer, server, layer)

    def test_accounts(self) -> None:
        for mechanism, case in matrix([NAME], authzid=False):
            with self.subTest(case.name), self.attempt(self.name, mechanism, case):
                user = f"{DOMAIN}\\{case.credentials.username}"
                self.log_in(sasl.Credentials(user, case.credentials.password))

    def test_layers(self) -> None:
        for layer in LAYERS:
            case = Case(f"layer {layer}", sasl.Credentials(*ALICE), True)
            with self.subTest(layer), self.attempt(self.name, NAME, case):
                self.log_in(case.credentials.replace(realm=DOMAIN), layer)

    def test_bindings(self) -> None:
        mine = sasl.Credentials(*ALICE, realm=DOMAIN)
        for theirs, welcome in ((BINDING, True), (OTHER, False)):
            case = Case(f"bound, {welcome}", mine, welcome)
            with self.subTest(welcome), self.attempt(self.name, NAME, case):
                self.log_in(mine, "none", BINDING, theirs)


class SpnegoClientTest(SpnegoTest):
    """pyspnego logs in to our server."""

    def served(
        self,
        mine: sasl.Credentials,
        layer: str = "none",
        ours: sasl.ChannelBinding | None = None,
        theirs: sasl.ChannelBinding | None = None,
        clock: Callable[[], float] | None = time.time,
    ) -> Any:
        who = mine.username, mine.password or ""
        client = self.peer("client", *who, binding=theirs, layer=layer)
        server = sasl.server(
            NAME,
            channel=self.channel(ours),
            policy=V2.replace(clock=clock, **LAYERS[layer]),
            profile=profiles.RAW,
            realm=DOMAIN,
        )
        event: Any = server.start(client.step())
        event = server.step(client.step(event.data))
        while isinstance(event, sasl.Request):
            event = settle(event)
        if isinstance(event, sasl.Success):
            self.check_layer(event.layer, client, layer)
        return event

    def test_accounts(self) -> None:
        for mechanism, case in matrix([NAME], authzid=False):
            for clock in (None, time.time):  # without MIC, and with it
                event = self.served(case.credentials, clock=clock)
                with self.subTest(case.name):
                    self.check_event(event, self.name, mechanism, case)

    def test_layers(self) -> None:
        for layer in LAYERS:
            case = Case(f"layer {layer}", sasl.Credentials(*ALICE), True)
            event = self.served(case.credentials, layer)
            with self.subTest(layer):
                self.check_event(event, self.name, NAME, case)

    def test_bindings(self) -> None:
        mine = sasl.Credentials(*ALICE)
        event = self.served(mine, "none", BINDING, BINDING)
        self.assertTrue(event.bound)
        note(OURS, self.name, NAME, "bound", "accepted")
        event = self.served(mine, "none", BINDING, OTHER)
        self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
        note(OURS, self.name, NAME, "bound to another channel", "refused")


if __name__ == "__main__":
    unittest.main()
