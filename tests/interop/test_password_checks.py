"""Linux-PAM, through python-pam, and MIT's KDC, through gssapi, check passwords."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from pathlib import Path
from unittest import mock

from sasl_core.backends import Unavailable
from sasl_core.backends.kerberos import KerberosCheck

from .outcomes import note
from .packages import need_package
from .peers import kerberos
from .peers.accounts import ALICE
from .peers.process import Sandbox, must_run, need, run

# What an administrator writes to /etc/pam.d: here a script knows the password.
_SMTP = """
auth [success=1 default=ignore] pam_exec.so expose_authtok quiet {here}/script
auth requisite pam_deny.so
auth required pam_permit.so
account required pam_permit.so
"""
_SCRIPT = (
    '#!/bin/sh\nread -r word || true\n[ "$PAM_USER:$word" = "{user}:{password}" ]\n'
)
_PROGRAM = """
import sys
import pam
from sasl_core.backends import Unavailable
from sasl_core.backends.pam import PamCheck

def ask(service, username, password):
    try:
        return PamCheck(pam.PamAuthenticator, service)(username, password)
    except Unavailable:
        return None

for line in sys.stdin.read().splitlines():
    print(ask(*line.split(":")))
"""


class PamTest(unittest.TestCase):
    """PAM reads a directory of our own in a mount namespace: nothing is changed."""

    def test_passwords(self) -> None:
        need_package("pam")
        need("unshare", root=True)
        if run(["unshare", "--mount", "true"]).returncode != 0:
            self.skipTest("no mount namespace may be made here")
        asked = {
            f"smtp:{ALICE.user}:{ALICE.password}": "True",
            f"smtp:{ALICE.user}:wrong": "False",
            f"smtp:nobody:{ALICE.password}": "False",
            f"smtp:{ALICE.user}:": "False",
            # right, but the account is not to log in
            f"closed:{ALICE.user}:{ALICE.password}": "False",
            # no such module; no such service, and none for all others
            f"broken:{ALICE.user}:{ALICE.password}": "None",
            f"missing:{ALICE.user}:{ALICE.password}": "None",
        }
        with Sandbox("pam") as box:
            text = _SMTP.format(here=box.path)
            box.write("pam.d/smtp", text)
            closed = text.replace(
                "account required pam_permit", "account required pam_deny"
            )
            box.write("pam.d/closed", closed)
            box.write("pam.d/broken", "auth required pam_there_is_none.so\n")
            script = _SCRIPT.format(user=ALICE.user, password=ALICE.password)
            box.write("script", script).chmod(0o755)
            mount = 'mount --bind "$0" /etc/pam.d && exec "$@"'
            inside = [sys.executable, "-c", _PROGRAM]
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", mount, box.path / "pam.d", *inside],
                input="\n".join(asked),
                cwd=Path(__file__).parents[2],
                capture_output=True,
                text=True,
                timeout=30,
            )
        self.assertEqual(done.stderr, "")
        found = dict(zip(asked, done.stdout.split(), strict=True))
        self.assertEqual(found, asked)
        note("Linux-PAM", "sasl_core", "PAM", "all", "as expected")


class KerberosTest(unittest.TestCase):
    """A KDC, and a service whose key this host has."""

    @classmethod
    def setUpClass(cls) -> None:
        """Run it."""
        cls.gssapi = need_package("gssapi")
        cls.enterClassContext(kerberos.running())

    def test_passwords(self) -> None:
        for realm in (None, kerberos.REALM):
            check = KerberosCheck(self.gssapi, "smtp@localhost", realm=realm)
            self.assertTrue(check(*ALICE))
            for user, password in (
                (ALICE.user, "wrong"),
                (ALICE.user, ""),
                ("nobody", ALICE.password),
                (f"{ALICE.user}@{kerberos.REALM}", ALICE.password),
            ):
                self.assertFalse(check(user, password), user)
        note("MIT krb5", "sasl_core", "Kerberos password", "all", "as expected")

    def test_without_a_key_of_ours_nothing_is_proven(self) -> None:
        check = KerberosCheck(self.gssapi, "nntp@localhost")
        with self.assertRaises(Unavailable):
            check(*ALICE)

    def test_a_dead_kdc_is_no_wrong_password(self) -> None:
        with Sandbox("realm") as box:
            text = Path(os.environ["KRB5_CONFIG"]).read_text()
            lines = text.splitlines()
            away = [
                " kdc = 127.0.0.1:9" if line.strip().startswith("kdc =") else line
                for line in lines
            ]
            configuration = box.write("krb5.conf", "\n".join(away))
            with mock.patch.dict(os.environ, KRB5_CONFIG=str(configuration)):
                program = (
                    "import gssapi\n"
                    "from sasl_core.backends import Unavailable\n"
                    "from sasl_core.backends.kerberos import KerberosCheck\n"
                    "try:\n"
                    "    KerberosCheck(gssapi, 'smtp@localhost')('alice', 'x')\n"
                    "except Unavailable:\n"
                    "    print('unavailable')\n"
                )
                argv = [sys.executable, "-c", program]
                names = ("KRB5_CONFIG", "KRB5_KTNAME", "KRB5CCNAME")
                env = {name: os.environ[name] for name in names}
                env["PYTHONPATH"] = str(Path(__file__).parents[2])
                self.assertEqual(must_run(argv, env=env).strip(), b"unavailable")


if __name__ == "__main__":
    unittest.main()
