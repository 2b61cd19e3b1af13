"""What failures cost: a limit on each count, and what an attempt does to the counts.

No state is asked here: the texts that stand in it come in, those to stand there go out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal, Self, TypeAlias

    Outcome: TypeAlias = Literal["success", "failure", "neither"]
    Texts: TypeAlias = dict[str, str | None]

_DAY = 86400.0
_TEN_YEARS = 3652 * 86400


@dataclass(frozen=True, slots=True)
class Limit:
    """How failures of one kind are slowed.

    `free` of them cost nothing; after that each makes the next attempt wait, `delay`
    seconds at first and `factor` times as long each time, `most` at most. `forget`
    seconds after the last one all are forgotten. `lock`: after so many, no attempt is
    let through until `release` (None, the default: never). Raise ValueError for numbers
    that do not limit. How many attempts get through is in `bound`.
    """

    free: int
    delay: float = 1.0
    factor: float = 2.0
    most: float = 900.0
    forget: float = _DAY
    lock: int | None = None

    def __post_init__(self) -> None:
        """Refuse what would not limit."""
        numbers = (self.delay, self.factor, self.most, self.forget)
        if not all(map(math.isfinite, numbers)):
            raise ValueError("a limit is made of finite numbers")
        if self.free < 0 or self.delay <= 0 or self.factor < 1:
            raise ValueError("free is at least 0, delay above 0, factor at least 1")
        if self.most < self.delay or self.forget < self.most:
            raise ValueError("delay is at most `most`, that at most `forget`")
        if self.lock is not None and self.lock < 1:
            raise ValueError("a lock is after 1 failure or more")

    def wait(self, failures: int, last: float, now: float) -> float:
        """Return the seconds until the next attempt; infinite where it is locked."""
        if self.locked(failures):
            return math.inf
        if failures <= self.free:
            return 0.0
        steps = failures - self.free - 1
        if steps >= self._steps():
            pause = self.most  # and no power is computed that no float can hold
        else:
            pause = min(self.delay * self.factor**steps, self.most)
        return min(max(last + pause - now, 0.0), pause)

    def locked(self, failures: int) -> bool:
        """Tell whether only `release` helps."""
        return self.lock is not None and failures >= self.lock

    def bound(self, seconds: float) -> float:
        """Return the number of failures above which none gets through in so many seconds.

        Those without a wait, one for each wait shorter than `most`, and all of these
        again whenever they were forgotten; then one each `most` seconds. It holds for one
        count in one state, while the clock is not set.
        """
        steps, slowest = self._steps(), self.most
        if math.isinf(steps):  # factor 1: every wait is `delay`
            steps, slowest = 0, self.delay
        burst = self.free + 1 + steps
        return burst * (1 + seconds // self.forget) + seconds / slowest

    def _steps(self) -> float:
        """Return how many waits are shorter than `most`."""
        if self.most == self.delay:
            return 0
        growth = math.log(self.factor)
        way = math.log(self.most) - math.log(self.delay)
        return math.ceil(way / growth) if growth else math.inf


@dataclass(frozen=True, slots=True)
class _Count:
    """One text in the state: failures, when the last one was, when the first.

    `mark`, of a pair: `since` of the address's count that it is charged to; NaN is none,
    and equal to none.
    """

    failures: int = 0
    last: float = 0.0
    since: float = 0.0
    mark: float = math.nan

    @classmethod
    def read(cls, text: str | None, limit: Limit, now: float) -> Self:
        """Read it as it is by now: nothing, where it is forgotten."""
        fields = (text or "").split()
        if not fields:
            return cls()
        count = cls(int(fields[0]), *map(float, fields[1:4]))
        if now - count.last > limit.forget and not limit.locked(count.failures):
            return cls()
        # Set back, the clock says "from now on", not "once it is that late again".
        return cls(count.failures, min(count.last, now), count.since, count.mark)

    def more(self, now: float, mark: float = math.nan) -> _Count:
        since = self.since if self.failures else now
        return _Count(self.failures + 1, now, since, mark)

    def less(self) -> _Count:
        return _Count(self.failures - 1, self.last, self.since, self.mark)

    def text(self) -> str | None:
        if not self.failures:
            return None
        return f"{self.failures} {self.last!r} {self.since!r} {self.mark!r}"


@dataclass(slots=True)
class Ticket:
    """What an attempt was told: `wait` seconds (0.0: it may go on), and for the log why.

    `unavailable`: the state could not be asked, and the attempt goes on all the same.
    """

    wait: float = 0.0
    reason: str = ""
    unavailable: str = ""
    # Of the state: its keys by kind, and of each the texts before and after the charge.
    _keys: dict[str, str] = field(default_factory=dict, repr=False)
    _before: Texts = field(default_factory=dict, repr=False)
    _after: Texts = field(default_factory=dict, repr=False)
    _told: bool = field(default=False, repr=False)


class Rules:
    """Which keys an attempt has, and what becomes of them."""

    def __init__(
        self, user: Limit, address: Limit, pair: Limit, trust: float, secret: bytes
    ) -> None:
        if not 0 <= trust < math.inf:
            raise ValueError("trust is a finite number of seconds, and none before 0")
        if not isinstance(secret, bytes):
            raise TypeError(f"a secret is bytes, not {type(secret).__name__}")
        if len(secret) > 64:
            raise ValueError("a secret has at most 64 octets")
        self._limits = {"user": user, "address": address, "pair": pair}
        self._trust = trust
        self._secret = secret
        forget = (limit.forget for limit in self._limits.values())
        self._ttl = math.ceil(max(trust, *forget)) + 1

    def keys(self, username: str | None, remote: str | None) -> dict[str, str]:
        """Return the keys of an attempt by kind: no "address" where there is none, and
        nothing else where no name is known.
        """
        # Stores differ in whether Alice is alice; here she is, or each spelling of a name
        # would have guesses of its own.
        name, place = (username or "").casefold(), _place(remote)
        keys = {}
        if place:
            keys["address"] = self._key("address", place)
        if username is None:
            return keys  # a count of all who have none yet would be anybody's to fill
        keys["user"] = self._key("user", name)
        both = f"{place}\0{name}"
        keys["pair"] = self._key("pair", both)
        keys["trust"] = self._key("trust", both)
        return keys

    def _key(self, kind: str, name: str) -> str:
        # Of one size, whatever the name is; and Redis holds no list of users.
        text = f"{kind}\0{name}".encode("utf-8", "surrogatepass")
        return blake2b(
            text, digest_size=16, key=self._secret, person=b"sasl-throttle"
        ).hexdigest()

    def charge(
        self, keys: dict[str, str], old: Texts, now: float
    ) -> tuple[Ticket, Texts]:
        """Return the ticket, and the new texts; uncharged where it must wait."""
        now = float(now)  # as it is read again
        trusted = float(old.get("trust") or 0) > now
        # Who has logged in from there is held to his own mistakes: neither a botnet nor
        # a neighbour keeps him out.
        kinds = [k for k in self._limits if k in keys and (k == "pair" or not trusted)]
        counts = {k: _Count.read(old[k], self._limits[k], now) for k in kinds}
        mark = counts["pair"].mark if "pair" in counts else math.nan
        if "address" in counts:
            # One user's mistakes count once for the address: those behind it are many.
            address = counts["address"]
            if address.failures and mark == address.since:
                del counts["address"]
            mark = address.more(now).since
        new, wait, reason = dict(old), 0.0, ""
        for kind, count in counts.items():
            more = self._limits[kind].wait(count.failures, count.last, now)
            if more > wait:
                wait, reason = more, f"too many failures of this {kind}"
        for kind, count in counts.items():
            if not wait:
                new[kind] = count.more(now, mark if kind == "pair" else math.nan).text()
            elif float((old[kind] or "0 0").split()[1]) > now:
                new[kind] = count.text()  # the wait began when the clock was set back
        if wait:
            return Ticket(wait, reason), new
        concerned = {k: keys[k] for k in (*kinds, "trust") if k in keys}
        before, after = ({k: texts[k] for k in counts} for texts in (old, new))
        return Ticket(_keys=concerned, _before=before, _after=after), new

    def settle(
        self, ticket: Ticket, outcome: Outcome, old: Texts, now: float
    ) -> tuple[None, Texts]:
        """Return the texts of the ticket's keys without its charge."""
        new = dict(old)
        if "pair" not in new:
            return None, {"address": self._back(ticket, "address", old, now)}
        if "user" in new:
            new["user"] = self._back(ticket, "user", old, now)
        if outcome == "success":
            new["pair"] = None
            new["trust"] = f"{now + self._trust:.3f}"
        else:
            new["pair"] = self._back(ticket, "pair", old, now)
        if "address" in new:
            # Not before the pair has no failure left, whoever of it was charged: else an
            # attempt that is aborted would pay for the guesses beside it.
            limits = self._limits
            pair = _Count.read(old["pair"], limits["pair"], now)
            left = _Count.read(new["pair"], limits["pair"], now).failures
            address = _Count.read(old["address"], limits["address"], now)
            if not left and address.failures and pair.mark == address.since:
                # The mark proves whose charge stands there: not by which attempt.
                same = old["address"] == ticket._after.get("address")
                before = ticket._before.get("address")
                new["address"] = before if same else address.less().text()
        return None, new

    def _back(self, ticket: Ticket, kind: str, old: Texts, now: float) -> str | None:
        text = old[kind]
        if kind in ticket._after and text == ticket._after[kind]:
            return ticket._before[kind]  # as if it had never been
        count = _Count.read(text, self._limits[kind], now)
        if kind in ticket._after:
            charged = (ticket._after[kind] or "").split()
            if count.since != float(charged[2]):
                return text  # forgotten since then: these are others' failures
        return count.less().text() if count.failures else text

    def life(self, new: Texts) -> int:
        """Return for how many seconds these texts are to be kept."""
        for kind, limit in self._limits.items():
            text = new.get(kind)
            if text and limit.locked(int(text.split()[0])):
                return _TEN_YEARS
        return self._ttl


def _place(remote: str | None) -> str:
    """Return the network that an address counts for; "" for what is no address."""
    try:
        address = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else f"{int(address) >> 64:x}/64"
    return str(address)
