"""Choose, offer and refuse mechanisms by policy, and say why."""

from __future__ import annotations

from ._client import Client
from ._errors import NoMechanism
from ._events import FindScramKeys
from ._policy import DEFAULT, Policy
from ._profile import BASE64
from ._server import Server
from ._strict import folded
from .mechanisms import Mechanism, find, is_name, registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._advertised import Advertised
    from ._channel import Channel
    from ._events import Request
    from ._profile import Profile
    from ._values import Credentials

_OBSOLETE = "it is obsolete: Policy(allow=) must name it"
_UNSAID = "answers= or Policy(allow=) must say that the application can answer"
_UNANSWERED = "answers= leaves out"


def client(
    offered: str | Mechanism | Iterable[str],
    credentials: Credentials,
    *,
    channel: Channel,
    policy: Policy = DEFAULT,
    profile: Profile = BASE64,
    advertised: Advertised | None = None,
    nonce: bytes | None = None,
) -> Client:
    """Begin an exchange by the strongest mechanism that is offered and acceptable.

    `offered` is what the server said (names in any case; unknown ones are passed over),
    or one name as a str, which obeys the policy all the same; so does a Mechanism that
    is not registered, such as APOP. `advertised` is all that came of the server's lists,
    for SCRAM to check by XEP-0474, and to bind by a type that is there, or by none if the
    server proves that there was none of ours. `nonce` replaces the fresh random value: for
    tests. Raise NoMechanism, with the reason for each name, and CredentialsError for
    credentials that the chosen mechanism cannot carry.
    """
    if isinstance(offered, Mechanism):
        objection = _client_objection(offered, channel, policy, credentials)
        if objection:
            raise NoMechanism({offered.name: objection})
        return Client(offered, credentials, channel, policy, profile, False, nonce)
    names = (offered,) if isinstance(offered, str) else tuple(offered)
    best = choose(
        names, credentials, channel=channel, policy=policy, advertised=advertised
    )
    plus = best.plus
    if channel.bindings and not plus:
        plus = f"{best.name}-PLUS" in map(folded, names)
    alone = plus and not best.plus and _strangers(channel, advertised)
    if advertised is not None and advertised.bindings:
        types = advertised.bindings
        bindings = sorted(channel.bindings, key=lambda one: one.type not in types)
        channel = channel.replace(bindings=bindings)
    made = Client(best, credentials, channel, policy, profile, plus, nonce)
    made.advertised = advertised
    made.needs_summary = alone
    return made


def _strangers(channel: Channel, advertised: Advertised | None) -> bool:
    """Tell whether both can bind (XEP-0440), but not by the same type: or somebody in
    between says so.
    """
    return bool(
        advertised is not None
        and advertised.bindings is not None
        and channel.bindings
        and all(one.type not in advertised.bindings for one in channel.bindings)
    )


def choose(
    names: tuple[str, ...],
    credentials: Credentials,
    *,
    channel: Channel,
    policy: Policy,
    advertised: Advertised | None = None,
) -> Mechanism:
    """Return the mechanism that `client` begins with; raise NoMechanism."""
    best = None
    unbound: set[str] = set()
    if _strangers(channel, advertised):
        unbound = {f"{folded(name)}-PLUS" for name in names}
    for name in names:
        mechanism = find(name)
        if (
            mechanism is not None
            and (best is None or mechanism.strength > best.strength)
            and not _client_objection(mechanism, channel, policy, credentials)
        ):
            # SCRAM can prove that it was the server (XEP-0474, section 6).
            if mechanism.name in unbound and FindScramKeys in mechanism.asks:
                twin = find(mechanism.name.removesuffix("-PLUS"))
                if twin and not _client_objection(twin, channel, policy, credentials):
                    continue
            best = mechanism
    if best is None:
        raise NoMechanism(_refusals(names, channel, policy, credentials))
    return best


def server(
    name: str | Mechanism,
    *,
    channel: Channel,
    policy: Policy = DEFAULT,
    profile: Profile = BASE64,
    answers: Iterable[type[Request]] | None = None,
    realm: str | tuple[str, ...] | None = None,
    username: str = "",
    advertised: Advertised | None = None,
    nonce: bytes | None = None,
) -> Server:
    """Begin an exchange by the mechanism that the client named (in any case), or by a
    Mechanism that is not registered, such as APOP.

    `channel`, `policy` and `answers` are those given to `offer`: what was not on offer
    is not run. `realm` is that of the mechanisms that have one, or all of them (None:
    the channel's host; "": none); `username` is whom the protocol named before, where
    the profile's `empty_authcid` says so; `advertised` what the client was told, for SCRAM
    to prove (XEP-0474); `nonce` the fresh random value, for tests. Raise NoMechanism.
    """
    mechanism = name if isinstance(name, Mechanism) else find(name)
    if mechanism is None:
        raise NoMechanism({_shown(str(name)): "unknown"})
    able = None if answers is None else frozenset(answers)
    objection = _server_objection(mechanism, channel, policy, able)
    if objection:
        if objection in (_UNSAID, _UNANSWERED):
            asks = ", ".join(sorted(request.__name__ for request in mechanism.asks))
            objection = f"{objection} {asks}"
        raise NoMechanism({mechanism.name: objection})
    plus = mechanism.plus
    if channel.bindings and not plus:
        bound = find(f"{mechanism.name}-PLUS")
        plus = bound is not None and not _server_objection(bound, channel, policy, able)
    made = Server(mechanism, channel, policy, profile, plus, realm, nonce, username)
    made.advertised = advertised
    return made


def offer(
    *,
    channel: Channel,
    policy: Policy = DEFAULT,
    answers: Iterable[type[Request]] | None = None,
    mechanisms: Iterable[Mechanism] | None = None,
) -> tuple[str, ...]:
    """Return the names to advertise on this channel, the strongest first.

    `answers` are the request classes that the application can settle (None: all);
    `mechanisms` those to choose from, in their order (None: the registered ones).
    """
    able = None if answers is None else frozenset(answers)
    return tuple(
        mechanism.name
        for mechanism in (registered() if mechanisms is None else mechanisms)
        if not _server_objection(mechanism, channel, policy, able)
    )


def _refusals(
    names: tuple[str, ...], channel: Channel, policy: Policy, credentials: Credentials
) -> dict[str, str]:
    refusals = {}
    for name in names:
        mechanism = find(name)
        if mechanism is None:
            refusals[_shown(name)] = "unknown"
        else:
            objection = _client_objection(mechanism, channel, policy, credentials)
            refusals[mechanism.name] = objection
    return refusals


def _client_objection(
    m: Mechanism, channel: Channel, policy: Policy, credentials: Credentials
) -> str:
    if m.obsolete and policy.allow is None:
        return _OBSOLETE
    has = credentials.has
    if not m.needs <= has:
        return _lack(m.needs - has)
    if not m.authzid and credentials.authzid not in ("", credentials.username):
        return "it cannot carry an authzid"
    # Without a word about an external identity, EXTERNAL is for him who has nothing else.
    if m.external and not channel.external and "secret" in has:
        return "no identity was proven outside SASL"
    if m.binds and policy.channel_binding == "require":
        return "whether the server looks at a channel binding, it cannot know"
    return _objection(m, channel, policy)


def _server_objection(
    m: Mechanism,
    channel: Channel,
    policy: Policy,
    answers: frozenset[type[Request]] | None,
) -> str:
    if m.obsolete and policy.allow is None:
        return _OBSOLETE
    if m.external and not channel.external:
        return "no identity was proven outside SASL"
    if answers is None:
        if m.rare and policy.allow is None:
            return _UNSAID
    elif not answers.issuperset(m.asks):
        return _UNANSWERED
    if m.uses and getattr(policy, m.uses) is None:
        return f"the policy has no {m.uses}"
    return _objection(m, channel, policy)


def _objection(m: Mechanism, channel: Channel, policy: Policy) -> str:
    """Say why neither side may run this mechanism; "" if nothing speaks against it."""
    always = policy._verdicts.get(m)
    if always is None:
        always = policy._verdicts[m] = _standing_objection(m, policy)
    if always:
        return always
    if not channel.encrypted:
        if policy.encryption == "require":
            return "the policy requires an encrypted channel"
        if (m.shows or m.encrypted) and policy.cleartext != "always":
            return "needs an encrypted channel"
    if m.plus and not channel.bindings:
        return "no channel binding is known for this connection"
    if m.binding and all(one.type != m.binding for one in channel.bindings):
        return f"no {m.binding} is known for this connection"
    if (
        m.binds
        and policy.channel_binding == "require"
        and all(one.type != m.binds for one in channel.bindings)
    ):
        return f"no {m.binds} is known for this connection"
    return ""


def _standing_objection(m: Mechanism, policy: Policy) -> str:
    """Say what the policy has against a mechanism whatever the channel is."""
    if policy.allow is None:
        if m.anonymous:
            return "it authenticates nobody: Policy(allow=) must name it"
        if m.by_name:
            return "Policy(allow=) must name it"
    elif m.name not in policy.allow:
        return "the policy does not allow it"
    if m.name in policy.deny:
        return "the policy denies it"
    if m.shows and policy.cleartext == "never":
        return f"it shows the {m.shows}, which the policy never does"
    if m.plus and policy.channel_binding == "disable":
        return "the policy disables channel binding"
    if not (m.plus or m.binds) and policy.channel_binding == "require":
        return "the policy requires channel binding"
    if not m.layer and "none" not in policy.layers:
        return "it gives no security layer, which the policy requires"
    if not m.available:
        return f"this Python's hashlib has no {m.hash_name}"
    return ""


def _lack(needs: frozenset[str]) -> str:
    return f"no {', no '.join(sorted(map(_word, needs)))}"


def _word(need: str) -> str:
    if need.startswith(("HT-", "HT2-")):
        return "hashed token for it"
    if need == "gss":
        return "gss, a security context"
    return "password or stored keys" if "-" in need else need


def _shown(name: str) -> str:
    """Make a name from the peer safe to show."""
    return folded(name) if is_name(folded(name)) else "(not a name)"
