"""The published vectors of Dovecot's authentication protocol and of checkpassword."""

from __future__ import annotations

import unittest
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import sasl_core as sasl
from sasl_core.protocols import checkpassword
from sasl_core.protocols.dovecot import (
    ClientSession,
    MasterClient,
    Refused,
    ServerSession,
    Verified,
)
from sasl_core.protocols.dovecot._words import escape, split, unescape

from ._data import add_test, ids, method_name, vectors
from .protocols.dovecot._pair import say

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = dict[str, Any]

DOVECOT = vectors("dovecot_auth")
CHECKPASSWORD = vectors("checkpassword")

CHANNEL = sasl.Channel(True, service="imap")
HELLO = b"VERSION\t1\t2\nCPID\t4711\n"
MECHANISMS = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
# Where the vector's outcome is not ours, and why.
OTHERWISE = {
    # It names nobody: to a mail server that is no success (DOV-C-02 of the attacks).
    "dovecot-chasquid-ok",
}
# Who is asked about in the vectors.
PASSWORDS = {"harrie": "frop", "testuser": "testpass"}


def octets(text: str) -> bytes:
    return text.encode() + b"\n"


def handshake(*names: str) -> bytes:
    offered = b"".join(b"MECH\t%b\n" % name.encode() for name in names or MECHANISMS)
    return b"VERSION\t1\t2\n" + offered + b"SPID\t9\nCUID\t1\nCOOKIE\taa\nDONE\n"


def ours(vector: Vector, who: str) -> list[str]:
    said = f"{who}: "
    found = vector["wire"]["lines"]
    return [line.removeprefix(said) for line in found if line.startswith(said)]


class Codec(unittest.TestCase):
    """Escapes and fields."""

    def tab_escape(self, vector: Vector) -> None:
        expected = vector["expect"]
        found = unescape(bytes.fromhex(vector["inputs"]["escaped_hex"]))
        self.assertEqual(found.hex(), expected["decoded_hex"])
        self.assertEqual(escape(found).hex(), expected["canonical_escaped_hex"])

    def split_line(self, vector: Vector) -> None:
        found = split(bytes.fromhex(vector["inputs"]["line_hex"]))
        self.assertEqual([f.decode() for f in found], vector["expect"]["fields"])


class Client(unittest.TestCase):
    """What a server says, told to our mail server."""

    def setUp(self) -> None:
        self.client = ClientSession(pid=4711)
        self.answers = []

    def begin(self, line: str) -> None:
        """Begin the exchange that the vector's client began."""
        _, identifier, name, *parameters = line.split("\t")
        self.client._last = int(identifier) - 1
        found = [p.removeprefix("resp=") for p in parameters if p.startswith("resp=")]
        initial = b64decode(found[0]) if found else None
        begun = self.client.begin(name, initial, CHANNEL)
        self.assertEqual(begun, int(identifier))

    def play(self, vector: Vector) -> None:
        begun = vector["wire"]["lines"][0].startswith(("S: VERSION", "S: MECH"))
        if not begun:
            self.client.receive(handshake())
        if vector["id"] == "dovecot-mech-flags":
            self.client.receive(b"VERSION\t1\t2\n")
        for line in vector["wire"]["lines"]:
            who, _, text = line.partition(": ")
            if who == "S":
                if text.startswith("FAIL\t") and not self.client.open:
                    self.begin(f"AUTH\t{text.split(chr(9))[1]}\tPLAIN\tresp=")
                self.answers += self.client.receive(octets(text))
            elif text.startswith("AUTH"):
                self.begin(text)
            elif text.startswith("CONT"):
                _, identifier, data = text.split("\t")
                self.client.go_on(int(identifier), b64decode(data))
            elif text.startswith("CANCEL"):
                self.client.cancel(int(text.split("\t")[1]))

    def positive(self, vector: Vector) -> None:
        self.play(vector)
        expected = vector["expect"]
        outcomes = [answer.outcome for answer in self.answers]
        last = outcomes[-1] if outcomes else None
        if "cookie" in expected:
            self.assertEqual(self.client.cookie.decode(), expected["cookie"])
            self.assertEqual(self.client.server_pid, expected["server_pid"])
            self.assertEqual(self.client.number, expected["connect_uid"])
        for wanted in expected.get("mechanisms", ()):
            told = self.client.mechanisms[wanted["name"]]
            self.assertEqual(set(wanted["flags"]), set(told) - {"unknown-flag"})
        if vector["id"] in OTHERWISE:
            self.assertEqual(last.reason, sasl.Reason.UNAVAILABLE)
            return
        wanted_replies = expected.get("replies", ())
        for wanted, answer in zip(wanted_replies, self.answers, strict=False):
            self.assertIsInstance(answer.outcome, Refused)
            for name, value in wanted.items():
                got = answer.id if name == "id" else answer.fields.get(name)
                self.assertEqual(got, value)
        if any(line.startswith("S: OK") for line in vector["wire"]["lines"]):
            self.assertIsInstance(last, Verified)
            wanted = expected.get("fields", {"user": last.identity.authzid})
            self.assertEqual(last.identity.authzid, wanted["user"])

    def negative(self, vector: Vector) -> None:
        if vector["expect"]["error"] == "server-reported-error":
            self.play(vector)
            self.assertIsInstance(self.answers[-1].outcome, Refused)
            return
        with self.assertRaises(sasl.ProtocolError):
            self.play(vector)
        for answer in self.answers:
            self.assertNotIsInstance(answer.outcome, Verified)


class Server(unittest.TestCase):
    """What a client says, told to our service."""

    def setUp(self) -> None:
        policy = sasl.Policy(allow=MECHANISMS, cleartext="always")
        self.server = ServerSession(pid=9, number=1, policy=policy)
        self.asked = []

    def settle(self, request: sasl.Request) -> Any:
        self.asked.append(request)
        match request:
            case sasl.CheckPassword(username, password):
                return request.answer(PASSWORDS.get(username) == password)
            case sasl.Authorize():
                return request.answer(True)
        return request.deny()

    def told(self, text: str) -> str:
        return say(self.server, octets(text), self).decode().removesuffix("\n")

    def dialog(self, vector: Vector) -> None:
        lines = vector["wire"]["lines"]
        if not any("VERSION" in line for line in lines):
            say(self.server, HELLO)
        said = [self.told(text) for text in ours(vector, "C")]
        expected = [
            text for text in ours(vector, "S") if text.startswith(("CONT", "OK"))
        ]
        for mine, wanted in zip(filter(None, said), expected, strict=True):
            self.assertEqual(mine.split("\t")[:2], wanted.split("\t")[:2])
        self.assertFalse(self.server._over)

    def negative(self, vector: Vector) -> None:
        if vector["id"] != "dovecot-neg-auth-before-version":
            say(self.server, HELLO)
        for text in ours(vector, "C"):
            line = "A" * 16384 if text.startswith("<") else text
            said = self.told(line)
        self.assertEqual(self.asked, [])
        self.assertNotIn("OK", said)
        fatal = not said
        self.assertEqual(self.server._over, fatal)
        for wanted in ours(vector, "S"):
            if wanted.startswith("FAIL"):
                self.assertTrue(said.startswith("\t".join(wanted.split("\t")[:2])))


class Checkpassword(unittest.TestCase):
    """Descriptor 3 and exit codes."""

    def descriptor_3(self, vector: Vector) -> None:
        data = bytes.fromhex(vector["inputs"]["hex"])
        expected = vector["expect"]
        if expected["outcome"] == "failure":
            with self.assertRaises(sasl.ProtocolError):
                checkpassword.read(data)
            return
        found = checkpassword.read(data)
        self.assertEqual(found.username.hex(), expected["login_hex"])
        self.assertEqual(found.password.hex(), expected["password_hex"])
        self.assertEqual(found.timestamp.hex(), expected["timestamp_hex"])
        self.assertEqual(found.rest.hex(), expected["rest_hex"])
        texts = (found.username, found.password, found.timestamp)
        self.assertEqual(checkpassword.write(*(t.decode() for t in texts)), data)

    def exit_code(self, vector: Vector) -> None:
        found = checkpassword.verdict("tim", vector["inputs"]["exit_code"])
        match vector["expect"].get("error"):
            case None:
                self.assertIsInstance(found, Verified)
            case "invalid-credentials":
                self.assertEqual(found.reason, sasl.Reason.BAD_CREDENTIALS)
            case "server-reported-error":
                self.assertEqual(found.reason, sasl.Reason.UNAVAILABLE)

    def encode(self, vector: Vector) -> None:
        given = vector["inputs"]
        password = bytes.fromhex(given["password_hex"]).decode()
        with self.assertRaises(sasl.CredentialsError):
            checkpassword.write(given["username"], password)


class AllRun(unittest.TestCase):
    """No vector is left over."""

    def test_all_run(self) -> None:
        made = sum(
            name.startswith(("test_dovecot", "test_checkpassword"))
            for kind in (Codec, Client, Server, Checkpassword, ByHand)
            for name in dir(kind)
        )
        both = sum(_for_both(v) for v in DOVECOT)
        total = len(ids(DOVECOT)) + len(ids(CHECKPASSWORD)) + both
        self.assertEqual(made, total)


class ByHand(unittest.TestCase):
    """What is of the master's connection."""

    def test_dovecot_userdb_notfound(self) -> None:
        vector = next(v for v in DOVECOT if v["id"] == "dovecot-userdb-notfound")
        master = MasterClient()
        master.receive(b"VERSION\t1\t1\nSPID\t9\n")
        master.data_to_send()
        master.user("somebody", "smtp")
        self.assertEqual(master.user("nobody", "smtp"), 2)
        asked = master.data_to_send().decode().splitlines()
        self.assertEqual(asked[1:], ours(vector, "C"))
        [answer] = master.receive(octets(ours(vector, "S")[0]))
        self.assertEqual((answer.id, answer.found, answer.failed), (2, None, False))


def _for_both(vector: Vector) -> bool:
    """A dialog in which the server's lines and the client's are both to be tried."""
    return (
        vector["kind"] == "wire"
        and vector["polarity"] == "positive"
        and any(line.startswith("C: AUTH") for line in vector["wire"]["lines"])
        and vector["id"]
        not in ("dovecot-final-response", "dovecot-exim-empty-resp-v1.0")
        and vector["id"] not in OTHERWISE
    )


def _run(
    method: Callable[[Any, Vector], None], vector: Vector
) -> Callable[[Any], None]:
    return lambda self: method(self, vector)


def _generate() -> None:
    for vector in DOVECOT:
        name = method_name(vector["id"])
        if vector["id"] == "dovecot-userdb-notfound":
            continue
        if vector["kind"] == "codec":
            method = getattr(Codec, vector["operation"].replace("-", "_"))
            add_test(Codec, name, _run(method, vector))
        elif vector["expect"]["outcome"] == "success":
            if vector["id"] == "dovecot-exim-empty-resp-v1.0":
                add_test(Server, name, _run(Server.dialog, vector))
                continue
            add_test(Client, name, _run(Client.positive, vector))
            if _for_both(vector):
                add_test(Server, name, _run(Server.dialog, vector))
        else:
            kind = Client if vector["expect"]["detected_by"] == "client" else Server
            add_test(kind, name, _run(kind.negative, vector))
    for vector in CHECKPASSWORD:
        method = getattr(Checkpassword, vector["operation"].replace("-", "_"))
        add_test(Checkpassword, method_name(vector["id"]), _run(method, vector))


_generate()

if __name__ == "__main__":
    unittest.main()
