"""Cyrus IMAP: IMAP, POP3, ManageSieve, LMTP and NNTP, all by Cyrus SASL.

It cannot be installed beside Dovecot, so `install` unpacks it into a cache directory.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from .accounts import USERS
from .cyrus import BOUND, PasswordFile
from .cyrus import MECHANISMS as LIBRARY_MECHANISMS
from .process import Sandbox, cached, free_ports, missing, need
from .tls import certificates

# It offers EXTERNAL under TLS where the client shows a certificate. LMTP has no ANONYMOUS,
# and POP3 no mailbox for it; POP3 has APOP, too, with and without TLS. No service takes a
# user name that is not ASCII.
WITHOUT_TLS = LIBRARY_MECHANISMS - {"PLAIN", "LOGIN", "EXTERNAL"}
# The only type of binding that it knows is tls-unique; it offers these under TLS 1.3, too,
# which has none.
MECHANISMS = LIBRARY_MECHANISMS | BOUND

_USER = "mail"
_PROGRAMS = ("master", "imapd", "pop3d", "timsieved", "lmtpd", "nntpd")

_IMAPD = """
configdirectory: {here}/conf
defaultpartition: default
partition-default: {here}/spool
sievedir: {here}/sieve
temp_path: {here}/tmp
cyrus_user: {user}
cyrus_group: {user}
servername: localhost

tls_server_cert: {tls.server}
tls_server_key: {tls.server_key}
tls_client_ca_file: {tls.authority}

sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {sasldb}
sasl_mech_list: {mechanisms}
allowanonymouslogin: yes
failedloginpause: 0

# who may deliver; to all others it lets nobody log in by LMTP
lmtp_admins: {users}

# a mailbox, without which POP3 refuses the user, is made when he logs in first
autocreate_quota: 0
{settings}
"""

_MASTER = """
START {{
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {conf}" listen="127.0.0.1:{peer.imap}"
  imaps cmd="{bin}/imapd -s -C {conf}" listen="127.0.0.1:{peer.imaps}"
  pop3 cmd="{bin}/pop3d -C {conf}" listen="127.0.0.1:{peer.pop3}"
  pop3s cmd="{bin}/pop3d -s -C {conf}" listen="127.0.0.1:{peer.pop3s}"
  sieve cmd="{bin}/timsieved -C {conf}" listen="127.0.0.1:{peer.sieve}"
  lmtp cmd="{bin}/lmtpd -C {conf}" listen="127.0.0.1:{peer.lmtp}"
  nntp cmd="{bin}/nntpd -C {conf}" listen="127.0.0.1:{peer.nntp}"
  nntps cmd="{bin}/nntpd -s -C {conf}" listen="127.0.0.1:{peer.nntps}"
}}
EVENTS {{
}}
"""


class CyrusImapd(NamedTuple):
    """A running Cyrus IMAP: the ports of its services.

    TLS begins at once at `imaps`, `pop3s` and `nntps`, by a command elsewhere.
    """

    version: str
    imap: int
    imaps: int
    pop3: int
    pop3s: int
    sieve: int
    lmtp: int
    nntp: int
    nntps: int


def root() -> Path:
    """Return the directory into which `install` unpacks Cyrus IMAP."""
    return cached("cyrus-imap")


@contextlib.contextmanager
def running(
    mechanisms: Collection[str] = LIBRARY_MECHANISMS,
    settings: str = "",
) -> Iterator[CyrusImapd]:
    """Run a Cyrus IMAP with a directory of its own, and more lines of imapd.conf."""
    if not (root() / "usr/lib/cyrus/bin/master").exists():
        missing(f"Cyrus IMAP is not in {root()}")
    need("saslpasswd2", root=True)
    with Sandbox("cyrus-imapd") as box:
        library = _copy(box)
        peer = CyrusImapd(_version(), *free_ports(8))
        for name in ("conf", "conf/socket", "spool", "sieve", "tmp"):
            box.directory(name, owner=_USER)
        imapd = _IMAPD.format(
            here=box.path,
            user=_USER,
            tls=certificates(),
            sasldb=PasswordFile(box).path,
            mechanisms=" ".join(sorted(mechanisms)),
            users=" ".join(user for user, _ in USERS),
            settings=settings,
        )
        bin_ = box.path / "bin"
        conf = box.write("imapd.conf", imapd)
        services = box.write(
            "cyrus.conf", _MASTER.format(bin=bin_, conf=conf, peer=peer)
        )
        argv = [bin_ / "master", "-C", conf, "-M", services, "-p", box.path / "pid"]
        box.start(argv, peer[1:], env={"LD_LIBRARY_PATH": str(library)})
        yield peer


def _copy(box: Sandbox) -> Path:
    """Copy the programs to where another user may run them; return their libraries."""
    for name in _PROGRAMS:
        shutil.copy(root() / "usr/lib/cyrus/bin" / name, box.directory("bin"))
    library = box.directory("lib")
    for file in (root() / "usr/lib").glob("*/libcyrus*.so.0"):
        shutil.copy(file, library)
    return library


def _version() -> str:
    text = (root() / "usr/lib/cyrus/cyrus-hardwired-config.txt").read_text()
    return text.split()[1]
