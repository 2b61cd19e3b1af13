"""ejabberd: SASL2, FAST, XEP-0474 and XEP-0480, for clients only.

Each of its domains has tokens of another kind.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .accounts import USERS
from .process import Sandbox, free_ports, must_run, need, wait_until
from .tls import certificates

MECHANISMS = frozenset(
    {
        *("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"),
        *("SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS"),
    }
)
LASTING = "localhost"  # tokens that last
ROTATING = "rotating.localhost"  # each is to be replaced at its first use
SHORT = "short.localhost"  # they expire at once
UPGRADING = "upgrading.localhost"  # holds keys of SHA-1, and asks for others

_USER = "ejabberd"
_CONFIGURATION = """
hosts: [{lasting}, {rotating}, {short}, {upgrading}]
loglevel: info
certfiles: [{here}/data/certificate.pem]
ca_file: {tls.authority}
auth_method: internal
oauth_access: all
listen:
  -
    port: {port}
    ip: 127.0.0.1
    module: ejabberd_c2s
    tls: true
append_host_config:
  {lasting}:
    modules:
      mod_auth_fast: {{}}
  {rotating}:
    modules:
      mod_auth_fast: {{}}
  {short}:
    modules:
      mod_auth_fast: {{}}
  {upgrading}:
    modules:
      mod_scram_upgrade: {{}}
host_config:
  {upgrading}:
    auth_password_format: scram
    auth_scram_hash: sha
"""
# Erlang's distribution would need a daemon of its own, and only ejabberdctl needs it. A
# token can be given no shorter time than 1000 seconds, so two domains' tokens are aged:
# what is set is when it was made, and when it expires.
_START = """
{{ok, _}} = application:ensure_all_started(ejabberd),
[ok = ejabberd_auth:try_register(User, Domain, Password) ||
  Domain <- [{domains}], {{User, Password}} <- [{users}]],
ok = file:write_file("{tokens}", [
  [User, 0, element(1, ejabberd_oauth:oauth_issue_token(
    binary_to_list(<<User/binary, $@, {lasting}/binary>>), 3600, [Scope])), $\n] ||
  {{User, _}} <- [{users}], Scope <- [<<"sasl_auth">>, <<"connected_users">>]]),
spawn(fun Age() ->
  [mnesia:dirty_write(setelement(Field, Token, 0)) ||
    {{Domain, Field}} <- [{{{rotating}, 4}}, {{{short}, 5}}],
    Token <- mnesia:dirty_match_object(
      {{mod_auth_fast, {{Domain, '_', '_'}}, '_', '_', '_'}}),
    element(Field, Token) > 0],
  timer:sleep(50),
  Age()
end).
"""


class Ejabberd(NamedTuple):
    """A running ejabberd, over TLS at once, with the files that its passwords and OAuth's
    tokens are in.
    """

    version: str
    port: int
    passwords: Path
    issued: Path

    def oauth_tokens(self, user: str) -> list[str]:
        """Return a token of the user's with which to log in, and one that is for other
        things, at LASTING.
        """
        pairs = (line.split("\0") for line in self.issued.read_text().splitlines())
        return [token for owner, token in pairs if owner == user]

    def wait_for(self, *octets: bytes) -> None:
        """Wait until these are written down; raise TimeoutError if they never are."""
        wait_until(
            lambda: all(map(self.passwords.read_bytes().__contains__, octets)),
            "writing the passwords down",
        )


@contextlib.contextmanager
def running() -> Iterator[Ejabberd]:
    """Run it with a directory of its own."""
    need("runuser", "ejabberdctl", "erl", root=True)
    with Sandbox("ejabberd") as box:
        (port,) = free_ports(1)
        data = box.directory("data", owner=_USER)
        tls = certificates()
        both = tls.server.read_text() + tls.server_key.read_text()
        box.write("data/certificate.pem", both)
        domains = {
            "lasting": LASTING,
            "rotating": ROTATING,
            "short": SHORT,
            "upgrading": UPGRADING,
        }
        configuration = box.write(
            "ejabberd.yml",
            _CONFIGURATION.format(here=box.path, port=port, tls=tls, **domains),
        )
        tokens = data / "tokens"
        start = _START.format(
            domains=", ".join(map(_binary, domains.values())),
            lasting=_binary(LASTING),
            rotating=_binary(ROTATING),
            short=_binary(SHORT),
            users=", ".join(f"{{{_binary(u)}, {_binary(p)}}}" for u, p in USERS),
            tokens=tokens,
        )
        environment = {
            "EJABBERD_CONFIG_PATH": str(configuration),
            "EJABBERD_LOG_PATH": str(data / "ejabberd.log"),
            "ERL_LIBS": "/usr/lib/x86_64-linux-gnu",
            "ERL_CRASH_DUMP": str(data / "crash.dump"),
            "HOME": str(data),
        }
        program = ["runuser", "-u", _USER, "--", "erl", "-noinput"]
        program += ["-mnesia", "dir", f'"{data}/spool"', "-eval", start]
        box.start(program, [port], environment)
        wait_until(
            lambda: (
                tokens.exists() and tokens.read_bytes().count(b"\n") == 2 * len(USERS)
            ),
            "issuing tokens",
        )
        yield Ejabberd(_version(), port, data / "spool/passwd.DAT", tokens)


def _binary(text: str) -> str:
    """Write a binary of Erlang."""
    return f"<<{','.join(map(str, text.encode()))}>>"


def _version() -> str:
    shown = must_run(["dpkg-query", "-W", "-f", "${Version}", "ejabberd"])
    return shown.decode().split("-")[0]
