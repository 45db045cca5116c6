"""Owns what injection is tried at: a request for each door of the server, with a value for each of its parameters; and that no door
and no parameter is forgotten. Must not know how it is tried.

A new endpoint or parameter is named by `missing`: give it a line in TRIES. Words in braces are the server's own values (servers.py).
"""

import json
import re
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Try:
    method: str
    # A star marks a place that is no parameter: then only that is tried.
    address: str
    # JSON where it is no text, a form or bytes otherwise.
    body: object = None
    headers: dict = field(default_factory=dict)
    # What the untouched request is answered.
    status: int = 200
    # The caller: the founder, a token, or nobody. By the path where it is empty.
    who: str = ""
    # The relay between sqlmap and the server, by its name in AIDS of servers.py.
    aid: str = ""
    # E-mail addresses hold no blanks: then sqlmap sends comments in their place.
    has_blanks: bool = True
    # Only these parameters; the others are tried elsewhere or are no text.
    only: tuple = ()

    @property
    def path(self):
        return self.address.split("?")[0]

    @property
    def asks_as(self):
        if self.who:
            return self.who
        of_people = ["/founder/", "/forms/", "/scaling-mode/people", "/scaling-mode/account"]
        return "founder" if any(part in self.path for part in of_people) else "token"

    @property
    def is_page(self):
        return self.path.startswith("/founder/")

    @property
    def place(self):
        """The place of what is marked, as sqlmap calls it; nothing where all parameters are tried."""
        if self.address.endswith("*"):
            return "URI"
        return "(custom) HEADER" if any(value.endswith("*") for value in self.headers.values()) else None

    def parameters(self):
        """The names of what a sender may set: of the query, the form or the body's top level, and headers that are marked."""
        fields = named(self.body) if isinstance(self.body, str) else set(self.body or {})
        return named(self.address.partition("?")[2]) | fields | {name for name, value in self.headers.items() if value.endswith("*")}

    def expected(self):
        """The names that sqlmap must say it has tried; what is marked has none."""
        if self.only or self.place:
            return set(self.only)
        return named(self.address.partition("?")[2]) | (named(self.body) if isinstance(self.body, str) else leaves(self.body))


def named(text):
    """The names in a query or a form."""
    return {name for name, _ in urllib.parse.parse_qsl(text, keep_blank_values=True)}


def leaves(value, name=None):
    """The names of the texts and numbers in a body of JSON. Those in a list have none of their own."""
    if isinstance(value, dict):
        return set().union(*(leaves(inner, key) for key, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(leaves(inner) for inner in value))
    return {name} if name else set()


def get(address, **more):
    return Try("GET", address, **more)


def post(address, body, **more):
    return Try("POST", address, body, **more)


def form(name, body, **more):
    return Try("POST", f"/api/scaling-mode/forms/{name}", body, **more)


def act(action, body=None, **more):
    return Try("PUT", "/api/scaling-mode/config", {"action": action, "environment": "production", **(body or {})}, **more)


FORM = "application/x-www-form-urlencoded"
ANNA, BOB, CARL, DORA = (f"{name}%40example.com" for name in ["anna", "bob", "carl", "dora"])
PASSWORD, PASSPHRASE = "zebra+lamp+quietly", "kettle+orbit+green"
WHERE = "environment=production"
DAYS = "from=2026-01-01&to=2026-12-31"
TIMES = "from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z"
KNOWN_BROWSER = "__Host-scaling-mode-device={device}*"
MODES = {"mode": "lab", "old_mode": "lab"}
WHY = {"reason": "a test"}
POLICY = {"guardrails": {}, "limits": {}, "scoring": {}, "weights": {}, "windows": {}, "not_applicable": [], "preferred_sources": {}}
PROPOSED = {"guardrails": {"max_churn_risk": 0.1}, "limits": {"pilot": {"max_ai_spend_per_day": "50.00"}}, "scoring": {}, "weights": {}}
SPAN = {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}
# Nothing listens there.
SOURCE = "kind=prometheus&url=http://127.0.0.1:9/x&every_seconds=60&signal=infra.requests&query=requests"
PROMETHEUS = {"action": "add", "name": "asked", "kind": "prometheus", "url": "http://127.0.0.1:9/x"}
ASKED = [{"signal": "clients.active", "query": "clients", "unit": "clients", "combine": "sum", "factor": 1}]
VARIABLE = "SCALING_MODE_SOURCE_SECRET"
SAMPLES = [{"signal": "clients.active", "at": "{now}", "value": 3, "unit": "clients", "id": "sample-1"}]
COVERED = {"covers": ["posts.published"], "covers_from": "2026-01-01T00:00:00Z", "data_through": "{now}", "revises": True, "step_seconds": 60}
EVENT = {"specversion": "1.0", "id": "event-1", "source": "/crm", "type": "counted", "datacontenttype": "application/json", "time": "{now}"}
NAME = {"key": "service.name", "value": {"stringValue": "shop"}}
PLACE = {"key": "deployment.environment.name", "value": {"stringValue": "production"}}
CLIENTS = {"name": "scaling_mode.clients.active", "gauge": {"dataPoints": [{"timeUnixNano": "{nanos}", "asInt": "3"}]}}
OTLP = {"resourceMetrics": [{"resource": {"attributes": [NAME, PLACE]}, "scopeMetrics": [{"metrics": [CLIENTS]}]}]}
# A message of remote write without anything that is known, compressed by snappy, made so that each of its bytes is a character.
REMOTE_WRITE = '.X",' + "a" * 21 + "X" + "a" * 23
ALERT = {"status": "firing", "fingerprint": "f1", "startsAt": "{now}", "endsAt": "{now}", "labels": {"alertname": "slow", "severity": "page"}}
SUBSCRIPTION = {"id": "sub_a", "object": "subscription", "customer": "cus_a", "status": "active", "cancel_at_period_end": False}
SUBSCRIPTIONS = {"object": "list", "has_more": True, "data": [SUBSCRIPTION]}
STRIPE = {"object": "event", "id": "evt_a", "type": "customer.subscription.updated", "created": 1700000000, "data": {"object": SUBSCRIPTION}}

TRIES = [
    # Pages.
    get(f"/founder/scaling-mode?{WHERE}&{DAYS}&before=9&type=note&actor=local&range=7&notice=frozen"),
    get("/founder/scaling-mode/snapshots/{snapshot}*"),
    get("/founder/scaling-mode/compare?from={snapshot}&to={snapshot}"),
    get(f"/founder/scaling-mode/connections?{WHERE}&notice=source-wrong&to=metrics&after=a&name=m&{SOURCE}", who="founder"),
    get("/founder/scaling-mode/events/1*"),
    get(f"/founder/scaling-mode/events/1?{WHERE}"),
    get(f"/founder/scaling-mode/backtest?{WHERE}&{DAYS}&guardrails.max_churn_risk=0.1"),
    get(f"/founder/scaling-mode/settings?{WHERE}&version=1&restore=1&time_zone=UTC&notice=saved&reason=a&guardrails.max_churn_risk=0.1"),
    get(f"/founder/scaling-mode/rules?{WHERE}"),
    get(f"/founder/scaling-mode/samples?{WHERE}&signal=warnings.open&severity=info&{TIMES}"),
    get(f"/founder/scaling-mode/what-if?{WHERE}&guardrails.max_churn_risk=0.1"),
    get("/founder/scaling-mode/people?notice=role-set"),
    get("/founder/account?notice=password-changed"),
    get(f"/founder/shared?{WHERE}&notice=opened"),
    get("/founder/sign-in?next=/founder/account&notice=signed-out", who="nobody"),
    get("/founder/account/codes?notice=wrong-code"),
    get("/founder/unsent", headers={"Cookie": "__Host-scaling-mode={session}; __Host-scaling-mode-unsent=a*"}, who="nobody"),
    get("/founder/sign-in/code?next=/founder/account&notice=wrong-code", who="nobody"),
    get("/founder/sign-in/provider?next=/founder/account&confirm=yes&connect=yes&join={invitation}", who="nobody", status=303),
    get("/founder/sign-in/callback?code=a&state=b&iss=c&error=d", who="nobody", status=303),
    get("/founder/sign-in/callback?code=a&state=b", headers={"Cookie": "__Host-scaling-mode-flow=a*"}, who="nobody", status=303),
    get("/founder/join/{invitation}*", who="nobody"),
    get("/founder/join/{invitation}?notice=name-wrong", who="nobody"),
    get("/founder/share/{link}*", who="nobody"),
    get("/founder/share/{link}?notice=sign-in-failed", who="nobody"),
    post("/founder/theme", "theme=dark&back=/founder/scaling-mode", status=303),
    # What the pages are made from.
    get(f"/api/scaling-mode/page?{WHERE}&{DAYS}&before=9&event_type=note&actor=local&range=7&notice=frozen"),
    get(f"/api/scaling-mode/page/backtest?{WHERE}&fields[from]=2026-01-01&fields[guardrails.max_churn_risk]=0.1"),
    get(f"/api/scaling-mode/event?{WHERE}&seq=1"),
    get("/api/scaling-mode/snapshot?id={snapshot}"),
    get(f"/api/scaling-mode/rules?{WHERE}"),
    get("/api/scaling-mode/compare?from={snapshot}&to={snapshot}"),
    get(f"/api/scaling-mode/what-if?{WHERE}"),
    get(f"/api/scaling-mode/settings?{WHERE}&version=1&restore=1&time_zone=UTC&notice=saved"),
    get(f"/api/scaling-mode/connections?{WHERE}&after=a&limit=50"),
    get(f"/api/scaling-mode/source-form?{WHERE}&notice=source-wrong&to=metrics&after=a&name=m&{SOURCE}", who="founder"),
    get("/api/scaling-mode/people?notice=role-set"),
    get("/api/scaling-mode/account?notice=password-changed"),
    get(f"/api/scaling-mode/shared?{WHERE}"),
    get("/api/scaling-mode/join?link={invitation}&notice=name-wrong", who="nobody"),
    get("/api/scaling-mode/share?link={link}&notice=sign-in-failed", who="nobody"),
    get("/api/scaling-mode/codes?notice=wrong-code", who="founder"),
    get("/api/scaling-mode/unsent", who="founder"),
    get("/api/scaling-mode/sign-in-code?next=/founder/account&notice=wrong-code", who="nobody"),
    get("/api/scaling-mode/sign-in?next=/founder/account&notice=signed-out", who="nobody"),
    # The endpoints.
    get(f"/api/scaling-mode/config?{WHERE}"),
    get(f"/api/scaling-mode/health?{WHERE}&type=list&limit=50&before={{before}}"),
    get(f"/api/scaling-mode/history?{WHERE}&event_type=note&actor=local&{TIMES}&limit=50&before=9"),
    get(f"/api/scaling-mode/samples?{WHERE}&signal=warnings.open&severity=info&{TIMES}"),
    get(f"/api/scaling-mode/events?{WHERE}&after=1&since=1", aid="a_stream"),
    get("/api/scaling-mode/events", headers={"Last-Event-ID": "1*"}, aid="a_stream"),
    post("/api/scaling-mode/health", {"environment": "production"}),
    post("/api/scaling-mode/health", {}, headers={"Idempotency-Key": "key-1*"}),
    post("/api/scaling-mode/backtest", {"environment": "production", **SPAN, **PROPOSED}),
    post("/api/scaling-mode/sources", {"action": "remove", "environment": "production", "name": "nothing", **WHY}, status=404),
    post("/api/scaling-mode/sources", {"action": "add_signal", "name": "nothing", "signal": ASKED}, who="founder", status=404),
    post("/api/scaling-mode/sources", {**PROMETHEUS, "every_seconds": 60, "backfill_hours": 1, "signal": ASKED}, who="founder", aid="a_removed_source"),
    # sqlmap leaves what is called a token alone, unless it is asked for.
    post(
        "/api/scaling-mode/sources",
        {**PROMETHEUS, "signal": ASKED, "token_env": VARIABLE},
        who="founder",
        aid="a_removed_source",
        only=("token_env",),
    ),
    post(
        "/api/scaling-mode/sources",
        {"action": "add", "name": "log", "kind": "litellm", "url_env": VARIABLE, "late_hours": 1},
        who="founder",
        aid="a_removed_source",
    ),
    post("/api/scaling-mode/sources", {"action": "retire", "name": "nothing", **WHY}, who="founder", status=404),
    post("/api/scaling-mode/sources", {"action": "close_alert", "name": "nothing", "alert": "a", **WHY}, who="founder", status=404),
    post("/api/scaling-mode/sources", {"action": "end_client", "name": "nothing", "client": "a", **WHY}, who="founder", status=404),
    post("/api/scaling-mode/sources", {"action": "remove", "name": "nothing"}, headers={"Idempotency-Key": "key-2*"}, status=404),
    act("set_mode", {**MODES, **WHY}),
    act("set_auto_mode", {"enabled": False}),
    act("set_auto_mode", {"enabled": False}, headers={"Idempotency-Key": "key-3*"}),
    act("freeze", {"environment": "trial", **WHY}, aid="an_unfrozen_trial"),
    act("unfreeze", WHY),
    act("accept_proposal", {"proposal_id": "none"}, status=404),
    act("dismiss_proposal", {"proposal_id": "none", **WHY}, status=404),
    act("update", {"version": 1, "time_zone": "UTC", **POLICY, **WHY}),
    # Forms.
    form("evaluate", WHERE),
    form("set-mode", f"{WHERE}&mode=lab&old_mode=lab&reason=a+test"),
    form("freeze", "environment=trial&reason=a+test", aid="an_unfrozen_trial"),
    form("unfreeze", f"{WHERE}&reason=a+test"),
    form("auto-mode", f"{WHERE}&enabled=false"),
    form("accept-proposal", f"{WHERE}&proposal_id=none", status=404),
    form("dismiss-proposal", f"{WHERE}&proposal_id=none&reason=a+test", status=404),
    form("update", f"{WHERE}&version=1&reason=a+test&time_zone=UTC"),
    form("ask-source", f"{WHERE}&source=nothing", status=400),
    form("add-source", f"{WHERE}&name=asked&{SOURCE}", aid="a_removed_source"),
    form("add-signal", f"{WHERE}&name=nothing&signal=infra.requests&query=requests", status=404),
    form("remove-source", f"{WHERE}&source=nothing&reason=a+test", status=404),
    form("retire-source", f"{WHERE}&source=nothing&reason=a+test", status=404),
    form("close-alert", f"{WHERE}&source=nothing&alert=a&reason=a+test", status=404),
    form("end-client", f"{WHERE}&source=nothing&client=a&reason=a+test", status=404),
    form("sign-in", f"email={ANNA}&password={PASSWORD}&next=/founder/account", who="nobody", aid="a_server_that_forgets", has_blanks=False),
    form("sign-in", f"email={ANNA}&password={PASSWORD}", headers={"User-Agent": "agent*"}, who="nobody", aid="a_server_that_forgets"),
    form("sign-in", f"email={ANNA}&password={PASSWORD}", headers={"Cookie": KNOWN_BROWSER}, who="nobody", aid="a_server_that_forgets"),
    form("join", f"link=fresh-link&email={CARL}&name=Carl&password={PASSWORD}", who="nobody", aid="a_fresh_invitation"),
    form("open-share", "link={link}&passphrase=", who="nobody", only=("link",)),
    form("open-share", f"link={{locked}}&passphrase={PASSPHRASE}", who="nobody", aid="a_server_that_forgets", only=("passphrase",)),
    form("end-session", "id=nothing"),
    form("change-password", f"current={PASSWORD}&new=short", status=400, aid="a_server_that_forgets"),
    form("begin-codes", "current=wrong", status=401, aid="a_server_that_forgets"),
    form("confirm-codes", "code=000000", status=404, aid="a_server_that_forgets"),
    form("end-codes", "current=wrong", status=401, aid="a_server_that_forgets"),
    form("sign-in-code", "code=000000&next=/founder/account", status=401, who="nobody"),
    form("begin-passkey", "current=wrong", status=401, aid="a_server_that_forgets"),
    form("add-passkey", "ceremony=a&name=laptop&credential=b", status=401),
    form("remove-passkey", "id=00&current=wrong", status=401, aid="a_server_that_forgets"),
    form("passkey-sign-in", "ceremony=a&credential=b&next=/founder/account", status=409, who="nobody"),
    form("allow-provider", "current=wrong", status=409),
    form("disconnect-provider", "issuer=a&subject=b&current=wrong", status=401, aid="a_server_that_forgets"),
    form("reset-proofs", f"email={BOB}", has_blanks=False),
    form("invite", f"email={DORA}&{WHERE}&role=viewer", has_blanks=False),
    form("set-role", f"email={BOB}&{WHERE}&role=viewer", has_blanks=False),
    form("disable-person", f"email={BOB}&disabled=false", has_blanks=False),
    form("make-token", f"name=fresh-name&{WHERE}&days=30&sources=shop&scope.health:read=on", aid="a_fresh_name"),
    form("revoke-token", "id=0", status=400),
    form("make-share-link", f"name=fresh-name&{WHERE}&{DAYS}&days=7&view.answer=on", aid="a_fresh_name"),
    form("make-share-link", f"name=fresh-name&{WHERE}&days=7&view.answer=on&passphrase={PASSPHRASE}", aid="a_fresh_name", only=("passphrase",)),
    form("revoke-share-link", "id=0", status=400),
    # The request's content.
    post("/api/telemetry", {"environment": "production", "source": "crm", "samples": SAMPLES, **COVERED}),
    post("/api/telemetry", {"source": "crm", **COVERED}, headers={"Idempotency-Key": "key-4*"}),
    post("/api/telemetry", EVENT | {"data": {"samples": SAMPLES}}, headers={"Content-Type": "application/cloudevents+json"}),
    post("/api/alertmanager?environment=production&source=alerts", {"version": "4", "truncatedAlerts": 0, "alerts": [ALERT]}),
    post("/api/stripe?environment=production&source=stripe", STRIPE),
    post("/api/stripe?starting_after=sub_z", SUBSCRIPTIONS, status=422, only=("starting_after",)),
    post(f"/api/v1/write?{WHERE}", REMOTE_WRITE, headers={"Content-Type": "application/x-protobuf"}, status=204, only=("environment",)),
    post("/v1/metrics", OTLP),
    # The caller: the three ways of saying who it is.
    get("/api/scaling-mode/health", headers={"Authorization": "Bearer {token}*"}, who="nobody"),
    get("/api/scaling-mode/health", headers={"Cookie": "__Host-scaling-mode={session}*"}, who="nobody"),
    get("/api/scaling-mode/shared", headers={"Cookie": "__Host-scaling-mode-share={share}*"}, who="nobody"),
]

# What has no parameter: who asks is found in one place for all, and tried above.
WITHOUT = {
    ("GET", "/api/openapi.json"),
    ("GET", "/api/scaling-mode/styleguide"),
    ("GET", "/metrics"),
    ("POST", "/api/scaling-mode/forms/begin-passkey-sign-in"),
    ("POST", "/api/scaling-mode/forms/sign-out"),
}


def doors():
    """Every door that the program has: method and path, where a star stands for more."""
    text = (ROOT / "src/server/http/doors.rs").read_text(encoding="utf-8")
    return {(method.upper(), path) for method, path in re.findall(r'\b(get|post|put)\(\s*"([^"]+)"', text)}


def functions():
    """The parameters of each server function, as its arguments name them; a body and a map of fields are looked at elsewhere."""
    one = re.compile(r'endpoint = "([^"]+)", input = (\w+).*?\bpub async fn \w+\((.*?)\) -> Result', re.DOTALL)
    methods = {"GetUrl": "GET", "PostUrl": "POST"}
    for file in sorted((ROOT / "src/api").glob("*.rs")) + [ROOT / "src/api.rs"]:
        for path, kind, arguments in one.findall(file.read_text(encoding="utf-8")):
            renamed = re.sub(r'#\[server\(rename = "(\w+)"\)\]\s*\w+:', r"\1:", arguments)
            plain = re.sub(r"#\[[^\]]*\]", "", renamed)
            if kind in methods:
                yield methods[kind], f"/api/{path}", set(re.findall(r"(\w+): (?!BTreeMap)", plain))


def described(document):
    """The parameters of each operation of the OpenAPI document: of the query, headers, and the fields of a body of JSON."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names = {parameter["name"] for parameter in operation["parameters"]}
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                if "$ref" in schema:
                    schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
                names |= set(schema.get("properties", {}))
            yield method.upper(), path, names


def missing(document):
    """What the program has and nothing here tries, each with a sentence."""
    known = {}
    for one in TRIES:
        path = one.path.replace("{", "").replace("}", "")
        known.setdefault((one.method, path), set()).update(one.parameters())

    def of(method, door):
        found = [names for (own, path), names in known.items() if own == method and fits(door, path)]
        return set().union(*found) if found else None

    problems = [f"{method} {door} is not tried" for method, door in sorted(doors() - WITHOUT) if of(method, door) is None]
    problems += [f"{method} {door} is in WITHOUT, and tried" for method, door in sorted(WITHOUT) if of(method, door) is not None]
    problems += [f"{method} {path} is in WITHOUT, and no door" for method, path in sorted(WITHOUT - doors())]
    for origin, listed in [("src/api", functions()), ("the OpenAPI document", described(document))]:
        for method, path, names in listed:
            left = names - (of(method, path) or set())
            problems += [f"{method} {path}: the parameter {name} of {origin} is not tried" for name in sorted(left)]
    return problems


def fits(door, path):
    return path == door or door.endswith("*") and path.startswith(door[:-1]) and len(path) >= len(door)


def with_values(text, values):
    """A text with the server's own values in the place of the words in braces."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def request(one, values):
    """A request as it is sent: its address, its body as text, its headers."""
    headers = {name: with_values(value, values) for name, value in one.headers.items()}
    body = None
    if one.body is not None:
        body = with_values(one.body if isinstance(one.body, str) else json.dumps(one.body), values)
        headers.setdefault("Content-Type", FORM if isinstance(one.body, str) else "application/json")
    return with_values(one.address, values), body, {"Accept": "application/json", **headers}


def untouched(one, values, own_headers):
    """The same as a sender sends it, in the order that it is asked in."""
    address, body, headers = request(one, values)
    plain = {name: value.removesuffix("*") for name, value in {**own_headers, **headers}.items()}
    return address.removesuffix("*"), one.method, body, plain
