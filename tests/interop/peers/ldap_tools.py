"""OpenLDAP's ldapwhoami, which binds with the Cyrus library."""

from __future__ import annotations

import functools
import subprocess

from .mail import Attempt
from .process import HOST, Sandbox, must_run, need, run
from .tls import certificates

MECHANISMS = frozenset(
    [
        "ANONYMOUS",
        "PLAIN",
        "LOGIN",
        "CRAM-MD5",
        "SCRAM-SHA-1",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-224",
        "SCRAM-SHA-224-PLUS",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-384",
        "SCRAM-SHA-384-PLUS",
        "SCRAM-SHA-512",
        "SCRAM-SHA-512-PLUS",
        "EXTERNAL",
    ]
)

REFUSED = 49  # its exit status is the result code: invalidCredentials


@functools.cache
def version() -> str:
    """Return the version; skip the test where it is not installed."""
    need("ldapwhoami")
    text = must_run(["sh", "-c", "ldapwhoami -VV 2>&1"])
    return text.split(b"ldapwhoami ")[1].split()[0].decode()


def log_in(attempt: Attempt) -> subprocess.CompletedProcess[bytes]:
    """Bind, over StartTLS or as `ldaps`, and ask who one is; status 0 is success.

    A -PLUS is bound by tls-server-end-point; without it, the client says that it cannot.
    """
    mine, mechanism = attempt.mine, attempt.mechanism
    files = certificates()
    environment = {
        "LDAPTLS_CACERT": str(files.authority),
        "LDAPTLS_REQCERT": "demand",
        "LDAPCONF": "/dev/null",
        "LDAPSASL_SECPROPS": "none",  # else not ANONYMOUS
        "LDAPSASL_CBINDING": "tls-endpoint" if mechanism.endswith("-PLUS") else "none",
    }
    if attempt.certificate is not None:
        environment["LDAPTLS_CERT"] = str(files.alice)
        environment["LDAPTLS_KEY"] = str(files.alice_key)
    authzid = ["-X", f"u:{mine.authzid}"] if mine.authzid else []
    with Sandbox("ldap") as sandbox:
        secret = sandbox.write("password", mine.password or "")
        secret.chmod(0o600)  # it warns
        return run(
            [
                *("ldapwhoami", "-H", f"{attempt.protocol}://{HOST}:{attempt.port}/"),
                *([] if attempt.protocol == "ldaps" else ["-ZZ"]),
                *("-N", "-Q", "-Y", mechanism, "-U", mine.username, *authzid),
                *("-y", secret, *attempt.options),
            ],
            env=environment,
        )
