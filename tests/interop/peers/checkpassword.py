"""A Dovecot that lets a checkpassword program of ours decide about its logins."""

from __future__ import annotations

import contextlib
import imaplib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .accounts import USERS
from .process import HOST, Sandbox, free_ports, must_run, need, run

# What an administrator writes: the program, and `checkpassword-reply` is added by Dovecot.
_CONFIGURATION = """
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/dovecot.log
listen = 127.0.0.1
protocols = imap
mail_location = maildir:{here}/mail/%u
first_valid_uid = 1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_username_chars =
auth_failure_delay = 0
auth_cache_size = 0

passdb {{
  driver = checkpassword
  args = {program}
}}
userdb {{
  driver = prefetch
}}
# for look-ups without a login
userdb {{
  driver = checkpassword
  args = {program}
}}
# it runs the program, which reads the accounts
service auth {{
  user = root
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""

_PROGRAM = """#!{python} -S
import sys
sys.path.insert(0, {root!r})
from sasl_core.adapters import checkpassword
from sasl_core.backends import Account, Application
from sasl_core.backends.memory import MemoryStore
from sasl_core.records import Plaintext

store = MemoryStore()
for user, password in {users!r}:
    store.replace(user, None, Account([Plaintext(password)]))
# Dovecot is told which of the variables are the user's.
more = {{
    "userdb_uid": "mail",
    "userdb_gid": "mail",
    "HOME": {home!r},
    "EXTRA": "userdb_uid userdb_gid",
}}

def look_up(name):
    return None if store.find(name) is None else {{"USER": name, **more}}

sys.exit(
    checkpassword.run(
        Application(store), sys.argv[1:], environment=lambda _: more, look_up=look_up
    )
)
"""


class Dovecot(NamedTuple):
    """A running Dovecot: its IMAP service, and the file of its configuration."""

    version: str
    port: int
    configuration: Path

    def log_in(self, user: str, password: str) -> bool:
        """Log in by AUTHENTICATE PLAIN; tell whether that is possible."""
        with imaplib.IMAP4(HOST, self.port, timeout=10) as client:
            message = f"\0{user}\0{password}".encode()
            try:
                client.authenticate("PLAIN", lambda _: message)
            except imaplib.IMAP4.error:
                return False
            return True

    def looks_up(self, user: str) -> bool:
        """Let doveadm look a user up."""
        done = run(["doveadm", "-c", self.configuration, "user", user])
        return done.returncode == 0


@contextlib.contextmanager
def running() -> Iterator[Dovecot]:
    """Run it with a directory of its own."""
    need("dovecot", "doveadm", root=True)
    with Sandbox("checkpassword") as box:
        root = Path(__file__).parents[3]
        text = _PROGRAM.format(
            python=sys.executable,
            root=str(root),
            users=[tuple(account) for account in USERS],
            home=str(box.path / "mail"),
        )
        program = box.write("checkpassword", text)
        program.chmod(0o755)
        box.directory("mail", owner="mail")
        box.directory("run")
        box.directory("state")
        [port] = free_ports(1)
        text = _CONFIGURATION.format(here=box.path, program=program, port=port)
        configuration = box.write("dovecot.conf", text)
        version = must_run(["dovecot", "--version"]).decode().split()[0]
        box.start(["dovecot", "-F", "-c", configuration], [port])
        yield Dovecot(version, port, configuration)
