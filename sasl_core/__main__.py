"""The command line: `python -m sasl_core`. Secrets are read from standard input, never
from the arguments, which every user of the machine can see.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from . import ScramKeys, __version__
from ._scram_math import NAMES
from ._strict import integer, utf8
from .mechanisms import registered
from .records import ITERATIONS
from .ses import smtp_password

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .mechanisms import Mechanism

_HASHES = {name: hash_name for hash_name, name in NAMES.items()}
_FORMS = ("rfc5803", "postgresql", "dovecot", "gsasl")
_READ = """\
It is read from standard input. At a terminal it is asked for, and not shown: an argument
would be seen by every user of the machine."""

_SES = f"""\
Amazon SES does not take an IAM secret access key as the password for SMTP, but one
derived from it, good in one region only. Print that password.

The key is the SECRET of an access key of an IAM user who may ses:SendRawEmail, not of a
temporary session.
{_READ}

Log in at email-smtp.REGION.amazonaws.com, port 587, with STARTTLS. The user name is the
access key's id (AKIA...)."""

_SCRAM = f"""\
Print what a server stores of a password for SCRAM, from which it cannot be had back.
{_READ}

forms:
  rfc5803     Cyrus, OpenLDAP (authPassword)
  postgresql  the same, for ALTER ROLE ... PASSWORD; SCRAM-SHA-256 only
  dovecot     the password field of a passwd-file
  gsasl       the file of GNU SASL's gsasl"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status, 2 for what cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        print(options.run(options), flush=True)
    except ValueError as error:
        print(f"python -m sasl_core: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Who reads it has seen enough, as `head` has; Python would flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m sasl_core",
        description="What a password, a key or a mechanism is to SASL, at a glance."
        " Secrets are read from standard input.",
        epilog="COMMAND --help tells more of each. The rest is a library: see"
        " help(sasl_core) in Python.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, summary: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=summary,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    made = command("ses-password", "derive the SMTP password of Amazon SES", _SES)
    made.add_argument("--region", required=True, help="such as eu-central-1")
    made.set_defaults(run=_ses_password)

    summary = "list the mechanisms, the strongest first"
    made = command("mechanisms", summary, f"{summary.capitalize()}.")
    made.set_defaults(run=_mechanisms)

    made = command("scram-keys", "derive what a server stores for SCRAM", _SCRAM)
    made.add_argument(
        "--mechanism",
        default="SCRAM-SHA-256",
        choices=_HASHES,
        metavar="NAME",
        help="SCRAM-SHA-256 if not given",
    )
    made.add_argument("--iterations", metavar="N", help="more are slower to guess")
    made.add_argument("--format", default="rfc5803", choices=_FORMS)
    made.set_defaults(run=_scram_keys)
    return parser


def _ses_password(options: argparse.Namespace) -> str:
    return smtp_password(_secret("Secret access key"), options.region)


def _scram_keys(options: argparse.Namespace) -> str:
    given = options.iterations
    if given is None:
        given = str(ITERATIONS[options.mechanism])
    # RFC 7677, section 4: at least 4096, and many clients refuse fewer.
    iterations = integer(given.encode(), 4096, 2**31 - 1, "iteration count")
    password = _secret("Password", twice=True)
    keys = ScramKeys.derive(password, _HASHES[options.mechanism], iterations=iterations)
    return keys.format(options.format)


def _mechanisms(_: argparse.Namespace) -> str:
    table: list[tuple[str, ...]] = [
        ("NAME", "NEEDS", "SHOWS", "GIVES", "SPECIFICATION")
    ]
    table += map(_row, registered())
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)


def _row(mechanism: Mechanism) -> tuple[str, ...]:
    needs = set(map(_need, mechanism.needs))
    if mechanism.plus:
        needs.add("TLS")
    if mechanism.external:
        needs.add("external identity")
    gives = (
        "proof of the server" * mechanism.mutual,
        "channel binding" * mechanism.plus,
        "security layer" * mechanism.layer,
    )
    notes = (
        mechanism.specification,
        "obsolete" * mechanism.obsolete,
        "only by name" * mechanism.by_name,
        "not in this Python" * (not mechanism.available),
    )
    return (
        mechanism.name,
        _list(sorted(needs, reverse=True)),  # username first
        mechanism.shows or "-",
        _list(gives),
        _list(notes),
    )


def _need(need: str) -> str:
    if need.startswith(("HT-", "HT2-")):
        return "hashed token"
    return "password" if need in _HASHES else need


def _list(words: Iterable[str]) -> str:
    return ", ".join(filter(None, words)) or "-"


def _secret(prompt: str, *, twice: bool = False) -> str:
    """Read a secret: at a terminal without showing it, else all but the last newline."""
    if not sys.stdin.isatty():
        octets = sys.stdin.buffer.read()
        return utf8(octets.removesuffix(b"\n").removesuffix(b"\r"))
    from getpass import getpass

    try:
        typed = getpass(f"{prompt}: ")
        again = getpass(f"{prompt} again: ") if twice else typed
    except EOFError:
        raise ValueError("nothing was typed") from None
    if again != typed:
        raise ValueError("the two are not the same")
    return typed


if __name__ == "__main__":
    sys.exit(main())
