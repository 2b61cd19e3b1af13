"""Test a client with a server that lies: what becomes of each lie, by each mechanism.

python3 -m examples.misbehave   (what a client says can be spoilt in the same way)
"""

import sasl_core as sasl

HERE = sasl.Channel(True, service="smtp", host="mail.example.org")
NAMES = ("SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "LOGIN")
ANY, OCTETS = sasl.Policy(allow=NAMES), sasl.Profile("octets", base64=False)
KEYS = sasl.ScramKeys.derive("wonderland")


def meet(client: sasl.Client, lie: str) -> None:
    server = sasl.server(client.name, channel=HERE, policy=ANY, profile=OCTETS)
    event = server.start(client.start())
    while isinstance(event, sasl.Challenge | sasl.Request) and lie != "success":
        match event:
            case sasl.Challenge(data):
                spoilt = {"noise": b"\0\xff" + data, "a change": data[:-1] + b"?"}
                event = server.step(client.step(spoilt.get(lie, data)))
            case sasl.FindScramKeys():
                event = event.answer(KEYS)
            case sasl.FindPassword():
                event = event.answer("wonderland")
            case sasl.CheckPassword():
                event = event.answer(True)
    client.finish()  # the server says success, or lies


if __name__ == "__main__":
    for name in NAMES:
        for lie in ("none", "success", "noise", "a change"):
            alice = sasl.Credentials("alice", "wonderland")
            client = sasl.client(name, alice, channel=HERE, policy=ANY, profile=OCTETS)
            try:
                meet(client, lie)
                print(f"{name}: {lie}: believed")
            except sasl.SASLError as error:
                print(f"{name}: {lie}: {type(error).__name__}: {error}")
