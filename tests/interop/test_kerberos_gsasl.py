"""GSSAPI and GS2-KRB5 with GNU SASL, its program and its library, both ways.

It has no layer, and no GS2-KRB5-PLUS.
"""

from __future__ import annotations

import os
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters.gssapi import acceptor, initiator

from . import test_gsasl, test_libgsasl
from .checks import OURS
from .outcomes import note
from .packages import need_package
from .peers import gsasl, kerberos, libgsasl
from .peers.accounts import ALICE
from .test_kerberos import policy, settle

# Who asks to be whom, and whether a server of the realm lets him.
CASES = [
    (ALICE.user, "", True),
    (ALICE.user, ALICE.user, True),
    (ALICE.user, kerberos.OTHER, False),
    (kerberos.OTHER, "", True),
    (kerberos.OTHER, kerberos.OTHER, True),
    (kerberos.OTHER, ALICE.user, False),
]

gssapi: Any
tickets: dict[str, Path]
PROGRAM = LIBRARY = ""


def setUpModule() -> None:
    global gssapi, tickets, PROGRAM, LIBRARY
    gssapi = need_package("gssapi")
    PROGRAM = f"GNU SASL {gsasl.version()}"
    LIBRARY = f"GNU SASL {libgsasl.version()} library"
    realm = unittest.enterModuleContext(kerberos.running())
    users = (ALICE, (kerberos.OTHER, kerberos.OTHER))
    tickets = {name: realm.tickets(name, password) for name, password in users}


tearDownModule = unittest.doModuleCleanups  # which pytest would not call


def admit(principal: str, authzid: str) -> bool:
    """Judge as their server's operator: the same as `settle` for ours."""
    user, _, realm = principal.partition("@")
    return realm == kerberos.REALM and authzid in ("", user)


def channel(service: str = "imap") -> sasl.Channel:
    return sasl.Channel(True, service=service, host=kerberos.SERVER)


def client(name: str, user: str, authzid: str, **options: Any) -> sasl.Client:
    """Make our client, with this user's ticket."""
    ticket = {"ccache": f"FILE:{tickets[user]}"}
    mine = gssapi.Credentials(usage="initiate", store=ticket)
    who = sasl.Credentials(gss=initiator(mine), authzid=authzid)
    options = {"channel": channel(), "policy": policy(name), **options}
    return sasl.client(name, who, **options)


def said_yes(log_in: Callable[[], None]) -> bool:
    """Log in; return whether the server let us."""
    try:
        log_in()
    except sasl.AuthenticationError as refusal:
        assert refusal.reason is sasl.Reason.BAD_CREDENTIALS, refusal
        return False
    return True


class Library:
    """What is common to both sides of their library: nobody is at its terminal."""

    def __init__(self, authzid: str = "") -> None:
        self.authzid = authzid
        self.asked: list[tuple[str, str]] = []

    def __call__(self, session: libgsasl.Session, what: int) -> bytes | int | None:
        """Answer its callback."""
        if what == libgsasl.VALIDATE_GSSAPI:
            principal = session.get(libgsasl.GSSAPI_DISPLAY_NAME) or b""
            authzid = session.get(libgsasl.AUTHZID) or b""
            self.asked.append((principal.decode(), authzid.decode()))
            welcome = admit(*self.asked[-1])
            return libgsasl.OK if welcome else libgsasl.AUTHENTICATION_ERROR
        return {
            libgsasl.SERVICE: b"imap",
            libgsasl.HOSTNAME: kerberos.SERVER.encode(),
            libgsasl.AUTHZID: self.authzid.encode() or None,
        }.get(what)


class EveryCase(unittest.TestCase):
    """Runs each case with each mechanism, and notes it."""

    def each(
        self, server: str, client: str, log_in: Callable[[str, str, str], bool]
    ) -> None:
        for name in gsasl.KERBEROS:
            for user, authzid, welcome in CASES:
                with self.subTest(name, user=user, authzid=authzid):
                    self.assertEqual(log_in(name, user, authzid), welcome)
                case = f"{user} as {authzid or 'nobody else'}"
                note(server, client, name, case, "accepted" if welcome else "refused")


class ServerTest(EveryCase):
    """Our client logs in to theirs, which asks whom to let in."""

    def test_program(self) -> None:
        """What it asks its operator stands between the messages."""

        def log_in(name: str, user: str, authzid: str) -> bool:
            asked: list[tuple[str, str]] = []

            def operator(*question: str) -> bool:
                asked.append((question[0], question[1]))
                return admit(*question)

            with gsasl.Door(name, operator) as talk:
                done = said_yes(
                    lambda: test_gsasl.log_in(talk, client(name, user, authzid))
                )
            self.assertEqual(asked, [(f"{user}@{kerberos.REALM}", authzid)])
            return done

        self.each(PROGRAM, OURS, log_in)

    def test_library(self) -> None:
        def log_in(name: str, user: str, authzid: str) -> bool:
            answer = Library()
            one = client(name, user, authzid, profile=sasl.profiles.RAW)
            with libgsasl.Session("server", name, answer) as theirs:
                done = said_yes(lambda: test_libgsasl.log_in(one, theirs))
            self.assertEqual(answer.asked, [(f"{user}@{kerberos.REALM}", authzid)])
            return done

        self.each(LIBRARY, OURS, log_in)

    def test_ticket_for_another_service(self) -> None:
        """It has the key of that, too, but only takes what is for IMAP."""
        for name in gsasl.KERBEROS:
            one = client(name, ALICE.user, "", channel=channel("smtp"))
            with (
                self.subTest(name),
                gsasl.Door(name, admit) as talk,
                self.assertRaises(sasl.AuthenticationError),
            ):
                test_gsasl.log_in(talk, one)
            note(PROGRAM, OURS, name, "ticket for another service", "refused")


class ClientTest(EveryCase):
    """Their client logs in to our server."""

    def judge(self, event: Any, user: str, authzid: str) -> bool:
        """Return whether our server let him in, as who he is."""
        if isinstance(event, sasl.Failure):
            self.assertIs(event.reason, sasl.Reason.NOT_AUTHORIZED)
            return False
        principal = f"{user}@{kerberos.REALM}"
        self.assertEqual(event.identity, sasl.Identity(principal, authzid))
        return True

    def test_program(self) -> None:
        def log_in(name: str, user: str, authzid: str) -> bool:
            server = sasl.server(name, channel=channel(), policy=policy(name))
            with gsasl.kerberos_client(name, user, authzid, tickets[user]) as talk:
                event = test_gsasl.serve(talk, server, settle)
            return self.judge(event, user, authzid)

        self.each(OURS, PROGRAM, log_in)

    def test_library(self) -> None:
        def log_in(name: str, user: str, authzid: str) -> bool:
            mine = {"KRB5CCNAME": f"FILE:{tickets[user]}"}
            server = test_libgsasl.server(name)
            with (
                mock.patch.dict(os.environ, mine),
                libgsasl.Session("client", name, Library(authzid)) as theirs,
            ):
                event = test_libgsasl.serve(server, theirs, settle)
            return self.judge(event, user, authzid)

        self.each(OURS, LIBRARY, log_in)

    def test_ticket_for_another_service(self) -> None:
        """Ours takes what its credentials are for."""
        only = gssapi.Name(f"smtp@{kerberos.SERVER}", gssapi.NameType.hostbased_service)
        keys = gssapi.Credentials(name=only, usage="accept")
        for name in gsasl.KERBEROS:
            server = sasl.server(name, channel=channel(), policy=policy(name))
            mine = gsasl.kerberos_client(name, ALICE.user, "", tickets[ALICE.user])
            with self.subTest(name), mine as talk:
                event: Any = test_gsasl.serve(
                    talk, server, lambda asked: asked.answer(acceptor(asked, keys))
                )
                self.assertIs(event.reason, sasl.Reason.BAD_CREDENTIALS)
            note(OURS, PROGRAM, name, "ticket for another service", "refused")


if __name__ == "__main__":
    unittest.main()
