"""XMPP's SASL2, by a password, then by its token (FAST): python3 -m examples.xmpp_fast."""

from datetime import UTC, datetime, timedelta

import sasl_core as sasl
from sasl_core.backends import Application, set_password
from sasl_core.backends.hashed_tokens import HashedTokens
from sasl_core.backends.memory import MemoryStore
from sasl_core.protocols import sasl2

CHANNEL = sasl.Channel(True, service="xmpp", host="example.org")
STORE, TOKENS = MemoryStore(), HashedTokens(lifetime=86400)


def log_in(app: Application, who: sasl.Credentials) -> sasl.HashedToken | None:
    server = sasl2.ServerSession(CHANNEL, policy=app.policy(), answers=app.requests)
    offer = sasl2.Element("features", "", server.features(), namespace=sasl2.STREAM)
    me = "d4565fa7-4d72-4749-b3d3-740edbf87770"  # made once for each installation
    client = sasl2.ClientSession(offer, who, channel=CHANNEL, device=me, remember=True)
    said = client.begin()
    while said is not None:  # a stream takes bytes(said), and gives Element.of(tree)
        reply = server.receive(said)
        while isinstance(reply, sasl.Request):
            reply = server.resume(app.answer(reply))
        if server.identity and server.token_for:  # a success, and a token is due
            token = TOKENS.issue("alice", server.token_for, device=server.device)
            more = sasl2.issued(token, datetime.now(UTC) + timedelta(days=1))
            reply = reply.replace(children=(*reply.children, more))
        said = client.receive(reply)
    print(f"{client.jid}, by {client.mechanism}.")
    return client.token


if __name__ == "__main__":
    set_password(STORE, "alice", "wonderland")
    APP = Application(STORE, hashed_tokens=TOKENS)
    TOKEN = log_in(APP, sasl.Credentials("alice", "wonderland"))
    log_in(APP, sasl.Credentials("alice", hashed_token=TOKEN))
    TOKENS.close()
