"""Dovecot: IMAP, POP3, ManageSieve, submission; and who checks for Postfix and Exim."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from . import helpers
from .accounts import MASTER, USERS
from .process import HOST, Sandbox, free_ports, must_run, need
from .tls import certificates

# ManageSieve and submission do not offer ANONYMOUS; POP3 has APOP, too, with and without
# TLS. A client at the server's own address needs no TLS to get them; to one at 127.0.0.2
# nothing is offered before it.
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
log_path = {peer.log}
listen = 127.0.0.1
protocols = imap pop3 sieve submission
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

auth_mechanisms = {mechanisms} apop
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
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 external
  args = {here}/masters
}}
# "none": the look-up of the user whom a master user wants to be
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 apop none
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
    port = {peer.imap}
  }}
  inet_listener imaps {{
    port = {peer.imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {peer.pop3}
  }}
  inet_listener pop3s {{
    port = {peer.pop3s}
    ssl = yes
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {peer.sieve}
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {peer.submission}
  }}
  inet_listener submissions {{
    port = {peer.submissions}
    ssl = yes
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
    """A running Dovecot: the ports of its services, and the socket of another one.

    TLS begins at once at `imaps`, `pop3s` and `submissions`, by a command elsewhere.
    """

    version: str
    mta_socket: Path
    log: Path
    imap: int
    imaps: int
    pop3: int
    pop3s: int
    sieve: int
    submission: int
    submissions: int

    def logins(self, user: str, mechanism: str) -> int:
        """Count what the log says of this user's logins with this mechanism."""
        text = self.log.read_text(errors="replace")
        return text.count(f" Login: user=<{user}>, method={mechanism},")


@contextlib.contextmanager
def running(
    mechanisms: Collection[str] = MECHANISMS, more: str = ""
) -> Iterator[Dovecot]:
    """Run a Dovecot with a directory of its own; `more` is added to its configuration."""
    need("dovecot", root=True)
    with (
        Sandbox("dovecot") as box,
        helpers.introspection() as oauth,
        helpers.next_server() as next_server,
    ):
        version = must_run(["dovecot", "--version"]).decode().split()[0]
        paths = box.path / "run/auth-mta", box.path / "dovecot.log"
        peer = Dovecot(version, *paths, *free_ports(7))
        box.directory("mail", owner="mail")
        box.directory("run")
        box.directory("state")
        box.write("users", "".join(f"{u}:{{PLAIN}}{p}\n" for u, p in USERS))
        box.write("masters", f"{MASTER.user}:{{PLAIN}}{MASTER.password}\n")
        box.write("oauth2.conf", _OAUTH.format(host=HOST, port=oauth))
        text = _CONFIGURATION.format(
            here=box.path,
            tls=certificates(),
            mechanisms=" ".join(sorted(mechanisms)).lower(),
            peer=peer,
            next_server=next_server,
        )
        configuration = box.write("dovecot.conf", text + more)
        box.start(["dovecot", "-F", "-c", configuration], peer[3:])
        yield peer
