"""OTP with Dovecot's server, which keeps our records in a database and moves them on."""

from __future__ import annotations

import imaplib
import sqlite3
import unittest
from pathlib import Path
from unittest import mock

import sasl_core as sasl
from sasl_core import records
from sasl_core.adapters import imaplib as sasl_imaplib
from sasl_core.otp import OtpState

from .checks import OURS
from .outcomes import note
from .peers.accounts import ALICE
from .peers.process import HOST, Sandbox, free_ports, missing, must_run, need

MECHANISM = "OTP"
DRIVER = Path("/usr/lib/dovecot/modules/auth/libdriver_sqlite.so")
SQL = """
driver = sqlite
connect = {here}/accounts
password_query = SELECT name AS user, otp AS password FROM account WHERE name = '%u'
update_query = UPDATE account SET otp = '%w' WHERE name = '%u'
"""
# Dovecot 2.3
CONFIGURATION = """
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/dovecot.log
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = otp
mail_location = maildir:{here}/mail/%u
first_valid_uid = 1
passdb {{
  driver = sql
  args = {here}/sql.conf
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={here}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    address = {host}
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


class DovecotTest(unittest.TestCase):
    """Our client logs in by IMAP; what is stored afterwards, we read again."""

    @classmethod
    def setUpClass(cls) -> None:
        need("dovecot", root=True)
        if not DRIVER.exists():
            missing("dovecot-sqlite is not installed")
        box = cls.enterClassContext(Sandbox("otp-dovecot"))
        (cls.port,) = free_ports(1)
        cls.accounts = box.path / "accounts"
        box.directory("mail", owner="mail")
        box.directory("run")
        box.directory("state")
        with sqlite3.connect(cls.accounts) as database:
            database.execute("CREATE TABLE account (name TEXT PRIMARY KEY, otp TEXT)")
        database.close()
        box.write("sql.conf", SQL.format(here=box.path))
        text = CONFIGURATION.format(here=box.path, host=HOST, port=cls.port)
        command = ["dovecot", "-F", "-c", box.write("dovecot.conf", text)]
        box.start(command, [cls.port])
        version = must_run(["dovecot", "--version"]).decode().split()[0]
        cls.name = f"Dovecot {version}"

    def stored(self, state: OtpState | None = None) -> OtpState:
        """Return what is stored, after storing this."""
        with sqlite3.connect(self.accounts) as database:
            if state is not None:
                row = ALICE.user, state.format()
                database.execute("REPLACE INTO account VALUES (?, ?)", row)
            ((text,),) = database.execute("SELECT otp FROM account")
        database.close()
        (found,) = records.parse(text)
        assert isinstance(found, OtpState)
        return found

    def log_in(self, password: str = ALICE.password) -> None:
        """Log in, and out."""
        with imaplib.IMAP4(HOST, self.port) as connection:
            sasl_imaplib.login(
                connection,
                sasl.Credentials(ALICE.user, password),
                channel=sasl.Channel(True),  # for once, it is our own machine
                policy=sasl.Policy(allow=[MECHANISM]),
            )

    def test_logins(self) -> None:
        """One after another, and with another passphrase none."""
        for algorithm in ("md5", "sha1"):
            with self.subTest(algorithm):
                state = OtpState.derive(ALICE.password, algorithm, sequence=100)
                self.stored(state)
                for sequence in (99, 98):
                    self.log_in()
                    found = self.stored()
                    self.assertEqual(found.sequence, sequence)
                    self.assertTrue(found.verify(ALICE.password))
                with self.assertRaises(sasl.AuthenticationError):
                    self.log_in("wonderlands")
                self.assertEqual(self.stored(), found)
                note(self.name, OURS, MECHANISM, f"{algorithm}, hex", "accepted")

    def test_begin_anew(self) -> None:
        """What our client does when few are left."""
        state = OtpState.derive(ALICE.password, "md5", sequence=100, seed="ke1234")
        self.stored(state)
        with mock.patch("sasl_core.mechanisms.otp._RENEW_AT", 9999):
            self.log_in()
        found = self.stored()
        self.assertNotEqual(found.seed, state.seed)
        self.assertTrue(found.verify(ALICE.password))
        self.log_in()
        self.assertEqual(self.stored().sequence, found.sequence - 1)
        note(self.name, OURS, MECHANISM, "init-hex", "accepted")


if __name__ == "__main__":
    unittest.main()
