"""Dovecot: IMAP and submission, and the authentication service of Postfix and Exim."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from . import helpers
from .accounts import MASTER, USERS
from .process import HOST, Sandbox, free_ports, must_run, need
from .tls import certificates

MECHANISMS = frozenset(
    [
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "ANONYMOUS",
        "EXTERNAL",
        "XOAUTH2",
        "OAUTHBEARER",
    ]
)

_CONFIGURATION = """
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/dovecot.log
listen = 127.0.0.1
protocols = imap submission
hostname = localhost
mail_location = maildir:{here}/mail/%u
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = {next_server}

ssl = required
ssl_cert = <{tls.server}
ssl_key = <{tls.server_key}

# EXTERNAL: the user is the CN of the client's certificate
ssl_ca = <{tls.authority}
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes

auth_mechanisms = {mechanisms}
auth_verbose = yes
# empty: every character is allowed in a user name
auth_username_chars =
auth_failure_delay = 0

passdb {{
  driver = static
  args = nopassword=y
  mechanisms = external
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {here}/oauth2.conf
}}
# a master user may name any other user as authzid; his password is looked up here
passdb {{
  driver = passwd-file
  master = yes
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 external
  args = {here}/masters
}}
# "none": the look-up of the user whom a master user wants to be
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 none
  args = {here}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={here}/mail/%u allow_all_users=yes
}}

service auth {{
  unix_listener auth-mta {{
    mode = 0666
  }}
}}
# without it, each failure from an address makes the next answer slower
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
  inet_listener submissions {{
    port = 0
  }}
}}
"""

_OAUTH = """
introspection_mode = get
introspection_url = http://{host}:{port}/introspect?token=
username_attribute = username
active_attribute = active
active_value = true
scope = mail
"""


class Dovecot(NamedTuple):
    """A running Dovecot: the ports of two services, and the socket of a third."""

    version: str
    imap: int
    submission: int
    mta_socket: Path
    log: Path

    def logins(self, user: str, mechanism: str) -> int:
        """Count what the log says of this user's logins with this mechanism."""
        text = self.log.read_text(errors="replace")
        return text.count(f" Login: user=<{user}>, method={mechanism},")


@contextlib.contextmanager
def running() -> Iterator[Dovecot]:
    """Run a Dovecot with a directory of its own."""
    need("dovecot", root=True)
    with (
        Sandbox("dovecot") as box,
        helpers.introspection() as oauth,
        helpers.next_server() as next_server,
    ):
        imap, submission = free_ports(2)
        box.directory("mail", owner="mail")
        box.directory("run")
        box.directory("state")
        box.write("users", "".join(f"{u}:{{PLAIN}}{p}\n" for u, p in USERS))
        box.write("masters", f"{MASTER.user}:{{PLAIN}}{MASTER.password}\n")
        box.write("oauth2.conf", _OAUTH.format(host=HOST, port=oauth))
        text = _CONFIGURATION.format(
            here=box.path,
            tls=certificates(),
            mechanisms=" ".join(sorted(MECHANISMS)).lower(),
            imap=imap,
            submission=submission,
            next_server=next_server,
        )
        configuration = box.write("dovecot.conf", text)
        box.start(["dovecot", "-F", "-c", configuration], [imap, submission])
        version = must_run(["dovecot", "--version"]).decode().split()[0]
        mta_socket = box.path / "run/auth-mta"
        yield Dovecot(version, imap, submission, mta_socket, box.path / "dovecot.log")
