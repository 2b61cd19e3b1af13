"""checkpassword with real programs: run, and be one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path

import sasl_core as sasl
from sasl_core.adapters import checkpassword
from sasl_core.adapters.checkpassword import Refused, Verified

from .._data import attacks

ROOT = Path(__file__).parents[2]
CASES = {case["id"]: case for case in attacks("adapters")}
READ = "cat <&3 >/dev/null; "

# A program of the tests' own, with one account in memory.
PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from sasl_core import Policy
from sasl_core.adapters import checkpassword
from sasl_core.backends import Account, Application, Unavailable
from sasl_core.backends.memory import MemoryStore
from sasl_core.records import Plaintext

class Store(MemoryStore):
    def find(self, username):
        if username == "down":
            raise Unavailable("the database is dead")
        return super().find(username)

store = Store()
store.replace("tim", None, Account([Plaintext("tanstaaf")]))
seen = []

def audit(event):
    open({log!r}, "a").write(f"{{event.outcome}} {{event.service}} {{event.remote}}\\n")

sys.exit(
    checkpassword.run(
        Application(store, audit=audit),
        sys.argv[1:],
        environment=lambda name: {{"HOME": "/home/" + name}},
        {look_up}
    )
)
"""


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


class Caller(unittest.TestCase):
    def test_CHK_C_03_exit_0(self) -> None:
        found = checkpassword.verify(shell(READ + "exit 0"), "tim", "tanstaaf")
        self.assertEqual(CASES["CHK-C-03"]["expected"], "accept")
        self.assertEqual(found, Verified(sasl.Identity("tim")))

    def test_CHK_C_03_exit_0_by_one_who_did_not_read(self) -> None:
        found = checkpassword.verify(["/bin/true"], "tim", "tanstaaf")
        self.assertIs(found.reason, sasl.Reason.UNAVAILABLE)

    def test_CHK_C_04_05_06_other_exit_codes(self) -> None:
        for identifier, reason in (
            ("CHK-C-04", sasl.Reason.BAD_CREDENTIALS),
            ("CHK-C-05", sasl.Reason.UNAVAILABLE),
            ("CHK-C-06", sasl.Reason.UNAVAILABLE),
        ):
            case = CASES[identifier]
            self.assertEqual(case["expected"], "reject")
            found = checkpassword.verify(
                shell(READ + case["setup"]["program"]), "tim", "tanstaaf"
            )
            self.assertIsInstance(found, Refused)
            self.assertIs(found.reason, reason)

    def test_CHK_C_09_one_that_does_not_finish(self) -> None:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            mark = Path(directory, "mark")
            script = f"{READ} (sleep 0.2; touch {mark}) & sleep 30"
            found = checkpassword.verify(shell(script), "tim", "tanstaaf", timeout=0.1)
            self.assertIs(found.reason, sasl.Reason.UNAVAILABLE)
            self.assertLess(time.monotonic() - started, 5)
            time.sleep(0.25)
            self.assertFalse(mark.exists())  # what it had started is gone with it

    def test_CHK_C_11_the_password_is_in_descriptor_3_only(self) -> None:
        self.assertEqual(CASES["CHK-C-11"]["expected"], "property")
        with tempfile.TemporaryDirectory() as directory:
            seen = Path(directory, "seen")
            script = (
                f"cat /proc/$$/cmdline /proc/$$/environ >{seen}; cat <&3 >{seen}.3;"
                f" ln -s $(readlink /proc/$$/fd/3) {seen}.link;"
                f" for fd in /proc/$$/fd/*; do readlink $fd; done >{seen}.fds; exit 0"
            )
            found = checkpassword.verify(shell(script), "tim", "s3cret-word")
            self.assertIsInstance(found, Verified)
            self.assertNotIn(b"s3cret-word", seen.read_bytes())
            self.assertEqual(Path(f"{seen}.3").read_bytes(), b"tim\0s3cret-word\0\0")
            pipes = Path(f"{seen}.fds").read_text().split()
            reader = os.readlink(f"{seen}.link")
            self.assertEqual(pipes.count(reader), 1)

    def test_a_signal_and_no_program(self) -> None:
        for command in (shell(READ + "kill -9 $$"), ["/nonexistent"], ["/etc/passwd"]):
            found = checkpassword.verify(command, "tim", "tanstaaf")
            self.assertIs(found.reason, sasl.Reason.UNAVAILABLE)

    def test_credentials_that_cannot_be_written(self) -> None:
        for username, password in (("a\0b", "x"), ("tim", ""), ("tim", "p" * 600)):
            with self.assertRaises(sasl.CredentialsError):
                checkpassword.verify(["/bin/true"], username, password)

    def test_no_descriptor_is_left(self) -> None:
        before = os.listdir("/proc/self/fd")
        for command in (["/bin/true"], ["/nonexistent"], shell("exit 1")):
            checkpassword.verify(command, "tim", "tanstaaf")
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))

    def test_its_environment(self) -> None:
        script = READ + 'test "$A" = b -a -z "$HOME"'
        found = checkpassword.verify(shell(script), "tim", "x", environment={"A": "b"})
        self.assertIsInstance(found, Verified)


class AllRun(unittest.TestCase):
    def test_all_run(self) -> None:
        wanted = {name[6:8] for name in CASES if name.startswith("CHK-C-")}
        names = " ".join(dir(Caller)).replace("_", " ").split()
        self.assertEqual(wanted - {"01", "02"} - set(names), set())


class Program(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))

    def program(self, look_up: str = "") -> list[str]:
        path = self.directory / f"program{len(look_up)}.py"
        log = str(self.directory / "log")
        text = PROGRAM.format(root=str(ROOT), log=log, look_up=look_up)
        path.write_text(textwrap.dedent(text))
        return [sys.executable, "-S", str(path)]

    def code(self, data: bytes | None, *command: str, look_up="", **environment) -> int:
        argv = [*self.program(look_up), *command]
        reader, writer = os.pipe()
        os.write(writer, data or b"")
        os.close(writer)
        done = subprocess.run(
            [*shell(f'exec "$@" 3<&{"-" if data is None else reader}'), "sh", *argv],
            pass_fds=[reader],
            env={**os.environ, **environment},
            capture_output=True,
            timeout=30,
        )
        os.close(reader)
        self.output = done.stdout.decode()
        self.assertEqual(done.stderr, b"")
        return done.returncode

    def test_right(self) -> None:
        said = 'echo "$USER $HOME $AUTHORIZED" $(ls /proc/self/fd | wc -w); exit 7'
        facts = {"SERVICE": "imap", "REMOTE_IP": "192.0.2.1", "AUTHORIZED": "2"}
        code = self.code(b"tim\0tanstaaf\0\0", *shell(said), **facts)
        self.assertEqual(code, 7)
        self.assertTrue(self.output.startswith("tim /home/tim  "), self.output)
        audit = (self.directory / "log").read_text().splitlines()
        self.assertIn("success imap 192.0.2.1", audit)

    def test_by_our_own_caller(self) -> None:
        command = [*self.program(), "/bin/true"]
        found = checkpassword.verify(command, "tim", "tanstaaf")
        self.assertEqual(found, Verified(sasl.Identity("tim")))
        found = checkpassword.verify(command, "down", "tanstaaf")
        self.assertIs(found.reason, sasl.Reason.UNAVAILABLE)

    def test_exit_codes(self) -> None:
        for data, command, code in (
            (None, ["/bin/true"], 2),
            (b"tim\0tanstaaf\0\0", [], 2),
            (b"tim\0tanstaaf\0\0", ["/nonexistent"], 111),
        ):
            self.assertEqual(self.code(data, *command), code, data)

    def test_a_look_up_never_passes_for_a_password(self) -> None:
        look_up = 'look_up=lambda name: {"userdb_uid": "5"} if name == "tim" else None,'
        said = shell('echo "$AUTHORIZED $userdb_uid"')
        asked = {"AUTHORIZED": "1"}
        self.assertEqual(self.code(b"tim\0\0\0", *said, look_up=look_up, **asked), 0)
        self.assertEqual(self.output, "2 5\n")
        code = self.code(b"nobody\0\0\0", *said, look_up=look_up, **asked)
        self.assertEqual((code, self.output), (3, ""))
        # Without a look-up, and without being asked for one.
        self.assertEqual(self.code(b"tim\0\0\0", *said, **asked), 2)
        self.assertEqual(self.code(b"tim\0x\0\0", *said, look_up=look_up), 1)
        self.assertEqual(self.output, "")


if __name__ == "__main__":
    unittest.main()
