"""Measure every figure beside its floor in this run; print Markdown."""

from __future__ import annotations

import hashlib
import resource
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
from functools import partial
from time import perf_counter_ns, process_time
from typing import TYPE_CHECKING

import sasl_core as sasl

from . import floors, ours

if TYPE_CHECKING:
    from collections.abc import Callable

    Timed = Callable[[int], int]  # so many turns -> nanoseconds

ROUNDS = 15


def whole(work: Callable[[], object]) -> Timed:
    """Time all of it."""

    def measure(turns: int) -> int:
        begin = perf_counter_ns()
        for _ in range(turns):
            work()
        return perf_counter_ns() - begin

    return measure


def around(begin, between, end) -> Timed:
    """Time `begin` and `end`, but not what the other side does in between."""

    def measure(turns: int) -> int:
        spent = 0
        for _ in range(turns):
            at = perf_counter_ns()
            kept, message = begin()
            spent += perf_counter_ns() - at
            reply = between(message)
            at = perf_counter_ns()
            end(kept, reply)
            spent += perf_counter_ns() - at
        return spent

    return measure


def answer(challenge: bytes) -> bytes:
    """Play the other side: a client that answers our server's challenge."""
    return floors.scram_client_final(floors.CLIENT_FIRST[3:], challenge, floors.KEYS)[1]


def serve(first: bytes) -> tuple[bytes, bytes]:
    """Play the other side: a server that is told the client-final to expect."""
    kept, challenge = floors.scram_server_first(first)
    final = floors.scram_client_final(kept[0], challenge, floors.KEYS)[1]
    return challenge, floors.scram_server_final(kept, final)


def floor_client_end(bare: bytes, reply: tuple[bytes, bytes]) -> None:
    """Go through the client's rest."""
    expected, _ = floors.scram_client_final(bare, reply[0], floors.KEYS)
    floors.scram_client_end(expected, reply[1])


def our_client_end(exchange: sasl.Client, reply: tuple[bytes, bytes]) -> None:
    """Go through the client's rest."""
    exchange.step(reply[0])
    exchange.finish(reply[1])


def floor_scram() -> None:
    """Do both sides, deriving keys."""
    bare, first = floors.scram_client_first()
    kept, challenge = floors.scram_server_first(first)
    expected, final = floors.scram_client_final(bare, challenge, None)
    floors.scram_client_end(expected, floors.scram_server_final(kept, final))


def our_scram() -> None:
    """Do both sides, deriving keys: the credentials are new, and remember nothing."""
    fresh = sasl.Credentials(floors.USER, floors.PASSWORD)
    client, first = ours.scram_client_first(fresh)
    server, challenge = ours.scram_server_first(first)
    client.finish(ours.scram_server_final(server, client.step(challenge)))


def cram_floor() -> tuple[bytes, bytes]:
    """Keep the challenge, and send it."""
    challenge = floors.cram_challenge()
    return challenge, challenge


DIGEST_CHALLENGE = floors.digest_challenge()[1]


def digest_answer(challenge: bytes) -> bytes:
    """Play the other side."""
    return floors.digest_client(challenge)[1]


def digest_reply(response: bytes) -> bytes:
    """Play the other side."""
    return floors.digest_server(floors.between(response, b'nonce="', b'"'), response)


# figure, to reach, turns a round, floor, ours
SPEED: tuple[tuple[str, float, int, Timed, Timed], ...] = (
    (
        "SCRAM-SHA-256 server, stored keys",
        2.0,
        2000,
        around(
            lambda: floors.scram_server_first(floors.CLIENT_FIRST),
            answer,
            floors.scram_server_final,
        ),
        around(
            lambda: ours.scram_server_first(floors.CLIENT_FIRST),
            answer,
            ours.scram_server_final,
        ),
    ),
    (
        "SCRAM-SHA-256 client, cached keys",
        2.0,
        2000,
        around(floors.scram_client_first, serve, floor_client_end),
        around(
            lambda: ours.scram_client_first(ours.CREDENTIALS), serve, our_client_end
        ),
    ),
    (
        "SCRAM-SHA-256 client and server, 4096 iterations",
        1.03,
        20,
        whole(floor_scram),
        whole(our_scram),
    ),
    (
        "PLAIN client and server",
        8.0,
        5000,
        whole(lambda: floors.plain_server(floors.plain_client())),
        whole(lambda: ours.plain_server(ours.plain_client())),
    ),
    (
        "CRAM-MD5 server",
        2.0,
        2000,
        around(cram_floor, floors.cram_response, floors.cram_server),
        around(ours.cram_challenge, floors.cram_response, ours.cram_server),
    ),
    (
        "DIGEST-MD5 server, stored secret",
        3.0,
        2000,
        around(floors.digest_challenge, digest_answer, floors.digest_server),
        around(ours.digest_challenge, digest_answer, ours.digest_server),
    ),
    (
        "DIGEST-MD5 client",
        4.0,
        2000,
        around(
            lambda: floors.digest_client(DIGEST_CHALLENGE),
            digest_reply,
            floors.digest_client_end,
        ),
        around(
            lambda: ours.digest_client(DIGEST_CHALLENGE),
            digest_reply,
            lambda exchange, outcome: exchange.finish(outcome),
        ),
    ),
    (
        "XOAUTH2 server",
        6.0,
        5000,
        whole(lambda: floors.xoauth2_server(floors.XOAUTH2)),
        whole(lambda: ours.token_server("XOAUTH2", floors.XOAUTH2)),
    ),
    (
        "OAUTHBEARER server",
        8.0,
        5000,
        whole(lambda: floors.oauthbearer_server(floors.OAUTHBEARER)),
        whole(lambda: ours.token_server("OAUTHBEARER", floors.OAUTHBEARER)),
    ),
)


def speed() -> None:
    """Take each figure right beside its floor, the median of the rounds."""
    print("| figure | times the floor | to reach | floor, µs here |")
    print("| --- | --- | --- | --- |")
    for name, goal, turns, floor, our in SPEED:
        our(turns // 10 or 1)  # imports the mechanism
        pairs = [(floor(turns), our(turns)) for _ in range(ROUNDS)]
        ratio = statistics.median(mine / least for least, mine in pairs)
        least = statistics.median(least for least, _ in pairs) / turns / 1000
        print(f"| {name} | {ratio:.2f} | {goal:g} | {least:.2f} |")


def lookups() -> None:
    """Look users up in SQLite, by the store and by a bare loop, in seconds of CPU."""
    turns = 20_000
    for count in (1000, 20_000):
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/accounts.sqlite"
            mine = ours.lookups(path, count)
            least = floors.lookups(path, count)
            pairs = [(spent(least, turns), spent(mine, turns)) for _ in range(ROUNDS)]
        ratio = statistics.median(our / floor for floor, our in pairs)
        floor = statistics.median(floor for floor, _ in pairs)
        rate = 1 / statistics.median(our for _, our in pairs)
        name = f"SQLite look-up among {count} users ({rate:.0f} a second)"
        print(f"| {name} | {ratio:.2f} | 2 | {floor * 1e6:.2f} |")


def spent(work: Callable[[], object], turns: int) -> float:
    """Return the seconds of CPU of one turn."""
    begin = process_time()
    for _ in range(turns):
        work()
    return (process_time() - begin) / turns


def memory() -> None:
    """Keep many servers waiting for their client-final."""
    count = 10_000
    kept = [None] * count
    ours.scram_server_first(bytes(floors.CLIENT_FIRST))
    tracemalloc.start()
    for index in range(count):
        first = bytes(bytearray(floors.CLIENT_FIRST))
        kept[index] = ours.scram_server_first(first)[0]
    size = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    print(f"| waiting SCRAM server, heap bytes | {size:.0f} | 700 | |")


def imports() -> None:
    """Compare the CPU time of cold processes, bare Python's taken out."""
    codes = ("import sys", "import hashlib, hmac, base64, secrets", "import sasl_core")
    runs = [[cold(code) for code in codes] for _ in range(40)]  # side by side
    bare, least, mine = (
        statistics.median(sorted(each)[:20]) for each in zip(*runs, strict=True)
    )
    ratio = (mine - bare) / (least - bare)
    print(
        "| `import sasl_core`, times hashlib, hmac, base64, secrets"
        f" | {ratio:.2f} | 2.5 | {(least - bare) * 1e6:.0f} |"
    )


def cold(code: str) -> float:
    """Return the seconds of CPU of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


# one hostile first message: what it is made of
SHAPES = {
    "letters": lambda size: b"n,,n=" + b"a" * size + b",r=x",
    "commas": lambda size: b"n,," + b"," * size,
    "escapes": lambda size: b"n,,n=" + b"=2C" * (size // 3) + b",r=x",
    "combining marks": lambda size: (
        b"n,,n=" + "\u0301".encode() * (size // 2) + b",r=x"
    ),
    "extensions": lambda size: b"n,,n=u,r=x" + b",x=1" * (size // 4),
    "nonce": lambda size: b"n,,n=u,r=" + b"x" * size,
}


def hostile() -> None:
    """Feed a SCRAM server what is made to be slow to read, the limit out of the way."""
    print("\n| hostile first message | 16 KB | 128 KB | 1 MB |")
    print("| --- | --- | --- | --- |")
    for policy in ("the default limit", "no limit"):
        limit = 65536 if policy == "the default limit" else 1 << 24
        wide = sasl.Policy(max_message=limit)
        for name, shape in SHAPES.items():
            cells = []
            for size in (1 << 14, 1 << 17, 1 << 20):
                message = shape(size)
                least = min(timed(hashlib.sha256, message) for _ in range(7))
                mine = min(timed(partial(eat, wide), message) for _ in range(7))
                cells.append(f"{mine / least:.2f}")
            print(f"| {name}, {policy} | {' | '.join(cells)} |")


def eat(policy: sasl.Policy, message: bytes) -> None:
    """Give a new server one message."""
    ours.server("SCRAM-SHA-256", policy=policy).start(message)


def timed(work: Callable[[bytes], object], message: bytes) -> int:
    """Return the nanoseconds of one call."""
    begin = perf_counter_ns()
    work(message)
    return perf_counter_ns() - begin


if __name__ == "__main__":
    speed()
    lookups()
    memory()
    imports()
    hostile()
