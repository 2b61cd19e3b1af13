"""The README tells the truth: its commands, its examples, its table."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import unittest
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from unittest import mock

import sasl_core as sasl
from sasl_core.adapters import blocking
from sasl_core.mechanisms import Mechanism, registered
from sasl_core.protocols import smtp

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
_HASH = re.compile(r"SHA3?-\d+")
_MARK = re.compile(r"(<!-- mechanisms -->\n).*?(<!-- end -->)", re.DOTALL)


def block(title: str) -> dict[str, Any]:
    """Run the example under a heading; return its names."""
    section = TEXT.split(f"\n## {title}", 1)[1]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(compile(found[1], f"README.md, {title}", "exec"), names)
    return names


def facts(mechanism: Mechanism) -> tuple[str, ...]:
    """Write what one line tells of a mechanism."""
    gives = (
        "proof of the server" * mechanism.mutual,
        "channel binding" * mechanism.plus,
        "security layer" * mechanism.layer,
    )
    return (
        f"the {mechanism.shows}" if mechanism.shows else "",
        ", ".join(filter(None, gives)),
        ", ".join(f"`{request.__name__}`" for request in mechanism.asks),
    )


def family(mechanism: Mechanism) -> tuple[str, ...]:
    """Return what those have in common that share a line: all but the hash."""
    return (_HASH.sub("*", mechanism.name.replace("HT2", "HT")), *facts(mechanism))


def row(mechanisms: Iterable[Mechanism]) -> str:
    """Write the line of a mechanism, or of a family that differs in the hash only."""
    members = tuple(mechanisms)
    names = dict.fromkeys(f"`{_HASH.sub('*', one.name)}`" for one in members)
    hashes = dict.fromkeys(
        found[0] for one in members if (found := _HASH.search(one.name))
    )
    told = (
        f"{', '.join(names)} (with {', '.join(hashes)})" if hashes else members[0].name
    )
    specifications = dict.fromkeys(one.specification for one in members)
    cells = (told, *facts(members[0]), ", ".join(specifications))
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """Write the table of mechanisms, from the registry."""
    head = "| mechanism | shows the server | gives | a server asks | specification |"
    rule = "| --- | --- | --- | --- | --- |"
    rows = (row(members) for _, members in groupby(registered(), family))
    return "\n".join((head, rule, *rows)) + "\n"


class TableTest(unittest.TestCase):
    """`python -m tests.test_readme` writes it."""

    def test_the_table_is_the_registry(self) -> None:
        """Nothing is missing, and nothing is told that is not so."""
        found = _MARK.search(TEXT)
        self.assertIsNotNone(found)
        self.assertEqual(found[0] if found else "", written(found[0] if found else ""))


def written(text: str) -> str:
    """Return a text with the table in its place."""
    return _MARK.sub(lambda found: f"{found[1]}\n{table()}\n{found[2]}", text)


class CommandTest(unittest.TestCase):
    """Two, and true."""

    def test_there_are_two(self) -> None:
        """The main job, and the tests, which CI types as they stand."""
        section = TEXT.split("## Two commands")[1].split("\n## ")[0]
        commands = re.findall(r"^    (\S.*)$", section, re.MULTILINE)
        self.assertEqual(len(commands), 2)
        self.assertEqual(commands[0], "python3 -m examples.submission")
        self.assertIn("-m unittest", commands[1])
        ci = (README.parent / ".ci" / "run").read_text(encoding="utf-8")
        self.assertIn("README.md", ci)


class ExampleTest(unittest.TestCase):
    """The examples run, against each other."""

    def test_client_and_server(self) -> None:
        """The client's example logs in to the server's, and not with another password."""
        for password, expected in (("wonderland", "alice"), ("wrong", None)):
            with self.subTest(password):
                self.assertEqual(self.meet(password), expected)

    def meet(self, password: str) -> str | None:
        """Join the two examples by queues; return who the server says it is."""
        client, server = block("A client"), block("A server, whatever")
        to_server: SimpleQueue[Any] = SimpleQueue()
        to_client: SimpleQueue[Any] = SimpleQueue()
        result: list[str | None] = []

        def ask(challenge: bytes) -> bytes:
            to_client.put(("challenge", challenge))
            response: bytes = to_server.get(timeout=10)[0]
            return response

        def serve() -> None:
            name, initial = to_server.get(timeout=10)
            result.append(server["serve"](name, initial, ask))
            said = "success" if result[0] else "535 5.7.8 no"
            to_client.put((said, None))

        thread = threading.Thread(target=serve)
        thread.start()
        real = sasl.Credentials
        with mock.patch.object(
            sasl, "Credentials", lambda name, _: real(name, password)
        ):
            try:
                client["authenticate"](
                    server["OFFERED"],
                    lambda *sent: to_server.put(sent),
                    lambda: to_client.get(timeout=10),
                )
                self.assertEqual(password, "wonderland")
            except sasl.AuthenticationError as error:
                self.assertEqual(error.reason, sasl.Reason.BAD_CREDENTIALS)
                self.assertNotEqual(password, "wonderland")
        thread.join()
        return result[0]

    def test_smtplib_and_asyncio(self) -> None:
        """The script's login passes at the asyncio server, in the clear for once."""
        asyncio.run(self.submit())

    async def submit(self) -> None:
        """Run the asyncio example, and the script against it."""
        example, script = block("A submission server"), block("A mail script")
        server = await asyncio.start_server(example["connected"], "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        login = script["sasl_smtplib"].login

        def trusting(smtp: Any, credentials: sasl.Credentials) -> str:
            channel = sasl.Channel(encrypted=True)
            name: str = login(smtp, credentials, channel=channel)
            return name

        def connect() -> bytes:
            with (
                mock.patch("smtplib.SMTP.starttls"),
                mock.patch.object(script["sasl_smtplib"], "login", trusting),
                script["connect"]("127.0.0.1", port, None) as connection,
            ):
                reply: bytes = connection.noop()[1]
                return reply

        async with server:
            reply = await asyncio.to_thread(connect)
        self.assertEqual(reply, b"2.0.0 As you wish, alice")

    def test_who_decides_besides_the_store(self) -> None:
        """What the example's parts are for is on offer, and for the others nothing."""
        application = block("Who decides besides")["kerberized"]
        self.addCleanup(application.close)
        offered = application.policy().allow
        rows = TEXT.split("| part |")[1].split("\n\n")[0].splitlines()[2:]
        named = {row.split("|")[1].strip(): row.split("|")[3].strip() for row in rows}
        wanted = {"GSSAPI", "GS2-KRB5", "GS2-KRB5-PLUS", "ECDSA-NIST256P-CHALLENGE"}
        mentioned = {name for names in named.values() for name in names.split(", ")}
        self.assertLess(wanted, mentioned)
        self.assertEqual(mentioned & offered, wanted)

    def test_what_others_call_otherwise(self) -> None:
        """The words of the table for those who come from elsewhere are taken here."""
        four = {"salt": b"s" * 8, "iterations": 4096}
        four |= {"stored_key": bytes(32), "server_key": bytes(32)}
        self.assertEqual(sasl.ScramKeys("sha256", **four).iterations, 4096)
        channel = sasl.Channel(True, service="smtp", host="mail.example.org")
        alice = sasl.Credentials("alice", "wonderland")
        raw = sasl.client(["PLAIN"], alice, channel=channel, profile=sasl.profiles.RAW)
        self.assertEqual(raw.start(), b"\0alice\0wonderland")
        section = TEXT.split("## Coming from another library")[1].split("\n## ")[0]
        for word in ("salt", "iterations", "stored_key", "server_key", "profiles.RAW"):
            self.assertIn(word, section)

    def test_what_else_is_named(self) -> None:
        """The adapters, machines and profiles that the text speaks of are there."""
        self.assertTrue(callable(blocking.serve))
        self.assertTrue(callable(smtp.ServerSession))
        names = re.findall(r"`sasl_core.profiles` \((.*?)\)", TEXT, re.DOTALL)[0]
        for name in re.split(r",\s+", names):
            self.assertIsNotNone(getattr(sasl.profiles, name.upper()))


if __name__ == "__main__" and "unittest" not in sys.argv[0]:
    README.write_text(written(TEXT), encoding="utf-8")
    print(f"wrote {os.fspath(README)}")
