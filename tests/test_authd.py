"""`examples.authd` as a process: both sockets, the audit, SIGTERM with requests open."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import sasl_core as sasl
from examples import authd
from sasl_core.adapters import saslauthd
from sasl_core.protocols.dovecot import ClientSession, Continue, Refused, Verified

ROOT = Path(__file__).parent.parent
CHANNEL = sasl.Channel(True, service="smtp", remote="192.0.2.1")


class Authd(unittest.TestCase):
    """One process, started once."""

    def setUp(self) -> None:
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.accounts = self.directory / "accounts.sqlite"
        self.command = [sys.executable, "-m", "examples.authd"]
        self.command += ["--accounts", str(self.accounts)]
        done = subprocess.run(
            [*self.command, "--add", "alice"],
            cwd=ROOT,
            input="wonderland\n",
            capture_output=True,
            text=True,
            timeout=30,
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.command += ["--dovecot", str(self.directory / "auth")]
        self.command += ["--saslauthd", str(self.directory / "mux")]
        self.command += ["--local-realm", "localhost", "--grace", "0.1"]
        self.daemon = subprocess.Popen(
            self.command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.end)
        self.assertEqual(self.daemon.stdout.readline(), "authd: ready\n")

    def end(self) -> None:
        self.daemon.kill()
        self.daemon.communicate()

    def connect(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.socket.close)
        self.socket.settimeout(10)
        self.socket.connect(str(self.directory / "auth"))
        self.client = ClientSession(pid=os.getpid())
        while not self.client.ready:
            self.talk()

    def talk(self) -> list:
        self.socket.sendall(self.client.data_to_send())
        data = self.socket.recv(65536)
        return self.client.receive(data) if data else self.client.closed()

    def log_in(self, name: str, password: str) -> Verified | Refused:
        mine = sasl.client(
            name,
            sasl.Credentials("alice", password),
            channel=CHANNEL,
            profile=sasl.profiles.RAW,
        )
        identifier = self.client.begin(name, mine.start(), CHANNEL)
        while True:
            for answer in self.talk():
                if not isinstance(answer.outcome, Continue):
                    return answer.outcome
                self.client.go_on(identifier, mine.step(answer.outcome.data))

    def test_a_life(self) -> None:
        self.connect()
        # No CRAM-MD5: nobody's password is stored.
        offered = set(self.client.mechanisms)
        self.assertEqual(offered, {"SCRAM-SHA-256", "PLAIN", "LOGIN"})
        for name in ("SCRAM-SHA-256", "PLAIN"):
            self.assertIsInstance(self.log_in(name, "wonderland"), Verified)
            self.assertIsInstance(self.log_in(name, "Wonderland"), Refused)
        mux = self.directory / "mux"
        found = saslauthd.verify(mux, "alice", "wonderland", realm="localhost")
        self.assertIsInstance(found, Verified)
        found = saslauthd.verify(mux, "alice", "x")
        self.assertIs(found.reason, sasl.Reason.BAD_CREDENTIALS)

        # A dead database is no wrong password.
        with contextlib.closing(sqlite3.connect(self.accounts)) as database:
            database.execute("ALTER TABLE sasl_account RENAME TO away")
        found = self.log_in("PLAIN", "wonderland")
        self.assertIs(found.reason, sasl.Reason.UNAVAILABLE)
        with contextlib.closing(sqlite3.connect(self.accounts)) as database:
            database.execute("ALTER TABLE away RENAME TO sasl_account")
        self.assertIsInstance(self.log_in("PLAIN", "wonderland"), Verified)

        # SIGTERM with exchanges open: each hears that it may try again.
        ids = [self.client.begin("PLAIN", None, CHANNEL) for _ in range(20)]
        heard = []
        while len(heard) < len(ids):
            heard += self.talk()
        self.daemon.send_signal(signal.SIGTERM)
        told = {}
        while len(told) < len(ids):
            told |= {answer.id: answer.outcome for answer in self.talk()}
        for identifier in ids:
            self.assertIs(told[identifier].reason, sasl.Reason.UNAVAILABLE)
        out, err = self.daemon.communicate(timeout=10)
        self.assertEqual((self.daemon.returncode, err), (0, ""))
        self.assertFalse((self.directory / "auth").exists() or mux.exists())
        *audit, last = out.splitlines()
        self.assertEqual(last, "authd: ended")
        outcomes = [json.loads(line)["outcome"] for line in audit]
        self.assertEqual(outcomes.count("success"), 4)
        self.assertEqual(outcomes.count("failure"), 3)
        self.assertEqual(outcomes.count("unavailable"), 21)
        self.assertNotIn("onderland", out)


class RefusalTest(unittest.TestCase):
    """What an admin did wrong is a line that says what, and no traceback."""

    def run_it(self, *arguments: str) -> tuple[object, str]:
        """Run it here, with nothing on standard input; return its status and words."""
        self.enterContext(mock.patch.object(sys, "argv", ["authd", *arguments]))
        self.enterContext(mock.patch.object(sys, "stdin", io.StringIO()))
        with contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                return authd.main(), said.getvalue()
            except SystemExit as end:
                return end.code, said.getvalue()

    def test_nothing_to_do(self) -> None:
        """It would say that it is ready, and nobody could ask it."""
        status, said = self.run_it("--accounts", ":memory:")
        self.assertEqual(status, 2)
        self.assertIn("--add, --dovecot or --saslauthd", said)

    def test_no_database(self) -> None:
        """The code of SQLite's error is told; its text could hold anything."""
        here = str(Path(__file__).parent)
        status, said = self.run_it("--accounts", here, "--add", "alice")
        self.assertEqual(status, 1)
        self.assertIn("authd: the database cannot tell: ", said)
        self.assertIn("SQLITE_CANTOPEN", said)

    def test_no_password(self) -> None:
        """An empty line."""
        status, said = self.run_it("--accounts", ":memory:", "--add", "alice")
        self.assertEqual(status, 1)
        self.assertIn("authd: the password is empty", said)


if __name__ == "__main__":
    unittest.main()
