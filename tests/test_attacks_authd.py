"""Every hostile input of the protocols by which authentication is delegated, as data."""

from __future__ import annotations

import time
import unittest
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.protocols import checkpassword, saslauthd
from sasl_core.protocols.dovecot import ClientSession, Refused, Verified

from ._data import add_test, attacks, ids, method_name, octets
from .protocols.dovecot._pair import HELLO, say, service

if TYPE_CHECKING:
    from collections.abc import Callable

    Case = dict[str, Any]

CASES = attacks("adapters")
CHANNEL = sasl.Channel(True, service="smtp")
SECONDS = 0.5


class DovecotClient(unittest.TestCase):
    """Our mail server, and a hostile service."""

    def play(self, case: Case) -> list[Any]:
        self.client = ClientSession(pid=1)
        self.sent = self.client.data_to_send()
        found: list[Any] = []
        for step in case["steps"]:
            if "expect" in step:
                self.client.begin("PLAIN", b"\0user\0pencil", CHANNEL)
                self.sent = self.client.data_to_send()
                verb, identifier, name, *rest = self.sent.decode().split("\t")
                self.assertEqual((verb, identifier, name), ("AUTH", "1", "PLAIN"))
                self.assertTrue(rest[-1].startswith("resp="))
            elif step.get("signal") == "eof":
                found += self.client.closed()
            else:
                found += self.client.receive(octets(step))
        return [answer.outcome for answer in found]

    def accept(self, case: Case) -> None:
        [outcome] = self.play(case)
        self.assertEqual(outcome.identity.authzid, case["identity"])

    def abort(self, case: Case) -> None:
        try:
            outcomes = self.play(case)
        except sasl.ProtocolError:
            with self.assertRaises(sasl.StateError):
                self.client.receive(b"OK\t1\tuser=user\n")
            outcomes = [answer.outcome for answer in self.client.closed()]
        for outcome in outcomes:
            self.assertEqual(outcome.reason, sasl.Reason.UNAVAILABLE)

    def bounded_abort(self, case: Case) -> None:
        started = time.perf_counter()
        with self.assertRaises(sasl.ProtocolError):
            self.play(case)
        self.assertLess(time.perf_counter() - started, SECONDS)

    def test_DOV_C_07_another_exchange_goes_on(self) -> None:
        case = next(case for case in CASES if case["id"] == "DOV-C-07")
        [refused] = self.play(case)
        self.assertIsInstance(refused, Refused)
        self.assertEqual(self.client.data_to_send(), b"CANCEL\t1\n")
        self.client.begin("PLAIN", b"\0user\0pencil", CHANNEL)
        # What was said of the one that was given up no longer matters.
        [answer] = self.client.receive(b"OK\t1\tuser=x\nOK\t2\tuser=user\n")
        self.assertEqual((answer.id, answer.outcome.identity.authzid), (2, "user"))

    def test_DOV_C_09_one_line_whatever_the_name(self) -> None:
        case = next(case for case in CASES if case["id"] == "DOV-C-09")
        hostile = case["setup"]["client"]["authcid"]
        control = next(case for case in CASES if case["id"] == "DOV-C-C01")
        self.play(control)
        channel = CHANNEL.replace(external=hostile, remote=hostile, host=hostile)
        self.client.begin("PLAIN", b"", channel, parameters={"session": hostile})
        sent = self.client.data_to_send()
        self.assertEqual(sent.count(b"\n"), 1)
        self.assertEqual(sent.count(b"AUTH"), 1)
        fields = sent.removesuffix(b"\n").split(b"\t")
        self.assertEqual(fields[-1], b"resp=")
        # A parameter of its own, it would be one more; TAB and LF are escaped.
        self.assertEqual(fields.count(b"nologin"), 1)
        self.assertNotIn(b"FAIL", fields)

    def test_DOV_C_11_temporary(self) -> None:
        case = next(case for case in CASES if case["id"] == "DOV-C-11")
        [outcome] = self.play(case)
        self.assertEqual(outcome.reason, sasl.Reason.UNAVAILABLE)


class DovecotServer(unittest.TestCase):
    """Our service, and a hostile mail server."""

    def play(self, case: Case) -> list[str]:
        self.server = service(hello=b"", policy=sasl.Policy(cleartext="always"))
        if not any(b"VERSION" in octets(step) for step in case["steps"]):
            say(self.server, HELLO)
        said = b"".join(say(self.server, octets(step)) for step in case["steps"])
        return said.decode().splitlines()

    def reject(self, case: Case) -> None:
        [line] = self.play(case)
        self.assertTrue(line.startswith("FAIL\t1\t"))
        self.assertEqual(self.server.open, 0)

    def test_DOV_S_01_one_does_not_end_the_other(self) -> None:
        case = next(case for case in CASES if case["id"] == "DOV-S-01")
        first, second = self.play(case)
        self.assertTrue(first.startswith("FAIL\t1"))
        self.assertTrue(second.startswith("OK\t2\tuser=user"))
        self.assertEqual(say(self.server, b"CANCEL\t3\n"), b"")  # it is still open


class SaslauthdClient(unittest.TestCase):
    """Our program, and a hostile saslauthd."""

    def play(self, case: Case) -> Verified | Refused:
        given = case["setup"].get("client", {"authcid": "user", "password": "pencil"})
        client = saslauthd.ClientSession(given["authcid"], given["password"])
        verdict = None
        for step in case["steps"]:
            if step.get("signal") == "eof":
                verdict = verdict or client.closed()
            else:
                verdict = client.receive(octets(step))
        return verdict

    def accept(self, case: Case) -> None:
        self.assertIsInstance(self.play(case), Verified)

    def reject(self, case: Case) -> None:
        self.assertIsInstance(self.play(case), Refused)

    def refuse_local(self, case: Case) -> None:
        with self.assertRaises(sasl.CredentialsError):
            self.play(case)


class CheckpasswordClient(unittest.TestCase):
    """What the machine can tell; the rest is in `adapters.test_checkpassword`."""

    def refuse_local(self, case: Case) -> None:
        given = case["setup"]["client"]
        password = "p" * 600 if given["password"] == "p*600" else given["password"]
        with self.assertRaises(sasl.CredentialsError):
            checkpassword.write(given["authcid"], password)


KINDS = {
    ("dovecot-auth", "client"): DovecotClient,
    ("dovecot-auth", "server"): DovecotServer,
    ("saslauthd", "client"): SaslauthdClient,
    ("checkpassword", "client"): CheckpasswordClient,
}
# Run with real programs, in adapters/test_checkpassword.py.
PROGRAMS = {case["id"] for case in CASES if case["id"][:6] == "CHK-C-"}
PROGRAMS -= {"CHK-C-01", "CHK-C-02"}


class AllRun(unittest.TestCase):
    """No case is left over."""

    def test_all_run(self) -> None:
        made = {
            name.removeprefix("test_")
            for kind in KINDS.values()
            for name in dir(kind)
            if name.startswith("test_")
        }
        for identifier in ids(CASES) - PROGRAMS:
            prefix = identifier.replace("-", "_")
            self.assertTrue(any(name.startswith(prefix) for name in made), identifier)


def _run(method: Callable[[Any, Case], None], case: Case) -> Callable[[Any], None]:
    return lambda self: method(self, case)


def _generate() -> None:
    for case in CASES:
        if case["id"] in PROGRAMS or case["expected"] == "property":
            continue
        kind = KINDS[case["mechanism"], case["side"]]
        method = getattr(kind, case["expected"].replace("-", "_"))
        add_test(kind, method_name(case["id"], case["title"]), _run(method, case))


_generate()

if __name__ == "__main__":
    unittest.main()
