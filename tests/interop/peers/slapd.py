"""OpenLDAP's slapd: a directory with the accounts, which are people with a password."""

from __future__ import annotations

import contextlib
import os
import signal
from base64 import b64encode
from collections.abc import Iterator, Sequence

from .accounts import USERS
from .cyrus import BOUND
from .cyrus import MECHANISMS as CYRUS_MECHANISMS
from .process import HOST, Sandbox, free_ports, listening, must_run, need, wait_until
from .tls import certificates

BASE = "dc=example,dc=org"
PEOPLE = f"ou=people,{BASE}"
ADMIN = f"cn=admin,{BASE}"  # may do everything
ADMIN_PASSWORD = "admin-Key2"
READER = f"cn=reader,{BASE}"  # may read everything but passwords
READER_PASSWORD = "reader-Key3"

# Under TLS, where the client of EXTERNAL shows a certificate. An authorization identity
# is written as "u:" and the user.
WITHOUT_TLS = CYRUS_MECHANISMS - {"EXTERNAL"}
MECHANISMS = CYRUS_MECHANISMS | BOUND  # by tls-server-end-point

# Whom SASL or a certificate proves is the person of that uid; whose userPassword SASL
# reads, by auxprop.
_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy

pidfile {here}/slapd.pid
argsfile {here}/slapd.args
TLSCACertificateFile {tls.authority}
TLSCertificateFile {tls.server}
TLSCertificateKeyFile {tls.server_key}
TLSVerifyClient try

sasl-secprops {demands}
sasl-host localhost
sasl-cbinding tls-endpoint
sasl-auxprops slapd
authz-regexp uid=([^,]+),(cn=[^,]+,)?cn=[^,]+,cn=auth ldap:///{people}??one?(uid=$1)
authz-regexp ^cn=([^,]+)$ ldap:///{people}??one?(uid=$1)

database mdb
directory {here}/database
maxsize 67108864
suffix {base}
rootdn {admin}
rootpw {admin_password}
index uid eq
sizelimit 1000
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact={reader} read by self write by anonymous auth by * none
{settings}
"""

_TREE = f"""\
dn: {BASE}
objectClass: organization
objectClass: dcObject
dc: example
o: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {READER_PASSWORD}
"""


class Slapd:
    """A running slapd: plain LDAP (with StartTLS) on `port`, LDAP over TLS on `tls_port`.

    The accounts can bind by their passwords, which are stored as such; any of
    `MECHANISMS` works, too.
    """

    base = BASE
    people = PEOPLE
    admin = ADMIN, ADMIN_PASSWORD
    reader = READER, READER_PASSWORD

    def __init__(self, sandbox: Sandbox, settings: str, demands: str) -> None:
        self._sandbox = sandbox
        self.port, self.tls_port = free_ports(2)
        sandbox.directory("database")
        configuration = _CONFIGURATION.format(
            here=sandbox.path,
            tls=certificates(),
            base=BASE,
            people=PEOPLE,
            admin=ADMIN,
            admin_password=ADMIN_PASSWORD,
            reader=READER,
            settings=settings,
            demands=demands,
        )
        self._file = sandbox.write("slapd.conf", configuration)
        must_run(["slapadd", "-q", "-f", self._file], stdin=_TREE.encode())
        for account in USERS:
            self.load(person(account.user, [account.password]))
        version = must_run(["sh", "-c", "slapd -VV 2>&1 || true"]).split()
        self.version = next(word for word in version if word[:1].isdigit()).decode()

    def load(self, ldif: str) -> None:
        """Put entries into the database, the server being stopped."""
        must_run(["slapadd", "-q", "-f", self._file], stdin=ldif.encode())

    def start(self) -> None:
        """Start it; wait until it listens."""
        urls = f"ldap://{HOST}:{self.port} ldaps://{HOST}:{self.tls_port}"
        # with -d it stays in the foreground
        argv = ["slapd", "-d", "0", "-h", urls, "-f", self._file]
        self._sandbox.start(argv, [self.port, self.tls_port])

    def kill(self) -> None:
        """End it as a power cut does; `start` starts it again."""
        pid = int(self._sandbox.path.joinpath("slapd.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not listening(self.port), "the end of slapd")


@contextlib.contextmanager
def running(
    more: str = "", *, settings: str = "", demands: str = "none"
) -> Iterator[Slapd]:
    """Run a slapd with the accounts, and with the entries of some LDIF more.

    `settings`: lines for the database in slapd.conf, such as `overlay ppolicy`;
    `demands`: what SASL must give, such as "minssf=56".
    """
    need("slapd", "slapadd")
    with Sandbox("slapd") as sandbox:
        slapd = Slapd(sandbox, settings, demands)
        if more:
            slapd.load(more)
        slapd.start()
        yield slapd


def person(user: str, passwords: Sequence[str], more: str = "") -> str:
    """Return the LDIF of a person; `more` are lines of other attributes."""
    values = "".join(f"userPassword:: {_base64(value)}\n" for value in passwords)
    return (
        f"dn: {dn(user)}\nobjectClass: inetOrgPerson\ncn: somebody\nsn: somebody\n"
        f"uid:: {_base64(user)}\n{values}{more}\n"
    )


def dn(user: str) -> str:
    """Return the name of a person's entry (RFC 4514)."""
    octets = "".join(
        chr(octet) if chr(octet).isalnum() and octet < 128 else f"\\{octet:02x}"
        for octet in user.encode()
    )
    return f"uid={octets},{PEOPLE}"


def slappasswd(scheme: str, password: str) -> str:
    """Let slappasswd hash a password: {SSHA}, {SMD5}, {CRYPT} by SHA-512, ..."""
    need("slappasswd")
    kind = ["-c", "$6$%.16s"] if scheme == "{CRYPT}" else ["-h", scheme]
    argv = ["slappasswd", "-n", *kind, "-T", "/dev/stdin"]
    return must_run(argv, stdin=password.encode()).decode()


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
