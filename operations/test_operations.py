#!/usr/bin/env python3
"""Holds the operating files to the program and to each other: what the dashboard asks is what /metrics serves, the flags, variables
and commands are those of --help, what the Containerfile copies and runs is there, the runbook quotes what the program says.

    scripts/with-server.sh python3 operations/test_operations.py        (it exports BASE_URL and BIN)
    python3 operations/test_operations.py --metrics metrics.txt --help-text help.txt

The server needs its demo environment: of a signal that was never sent /metrics says nothing.

Every check is then given a damaged file, and must find that. Only Python's own library is needed; systemd-analyze, promtool, bash and
PyYAML are used where they are there, and what was left out without them is said. Must not know what the program's numbers mean.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "unit": "operations/scaling-mode.service",
    "containerfile": "operations/Containerfile",
    "entrypoint": "operations/entrypoint.sh",
    "compose": "operations/compose.yaml",
    "dashboard": "operations/grafana-dashboard.json",
    "ignore": ".dockerignore",
    "runbook": "docs/runbook.md",
}
# What Prometheus itself adds to what it scrapes, and the parts of a histogram.
PROMETHEUS_LABELS = {"job", "instance", "le"}
PROMQL_WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "and", "or", "unless", "inf", "nan"}
UNIT_KEYS = {
    "Unit": "Description Documentation Wants After StartLimitIntervalSec",
    "Service": "Type User Group ExecStart ConfigurationDirectory WorkingDirectory StateDirectory StateDirectoryMode UMask EnvironmentFile "
    "Environment LoadCredential Restart RestartSec RestartPreventExitStatus TimeoutStopSec LimitNOFILE NoNewPrivileges CapabilityBoundingSet "
    "AmbientCapabilities ProtectSystem ProtectHome PrivateTmp PrivateDevices ProtectKernelTunables ProtectKernelModules ProtectKernelLogs "
    "ProtectControlGroups ProtectClock ProtectHostname ProtectProc RestrictNamespaces RestrictRealtime RestrictSUIDSGID LockPersonality "
    "RemoveIPC KeyringMode MemoryDenyWriteExecute RestrictAddressFamilies SystemCallArchitectures SystemCallFilter SystemCallErrorNumber",
    "Install": "WantedBy",
}
left_out = []


def source(path):
    return (ROOT / path).read_text(encoding="utf-8")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


class Program:
    """What the program says of itself: its metrics and its help."""

    def __init__(self, metrics, helps):
        self.metrics, self.labels = set(), set(PROMETHEUS_LABELS)
        for line in metrics.splitlines():
            if named := re.match(r"# TYPE (\S+) (\S+)", line):
                name, kind = named.groups()
                parts = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(kind, [""])
                self.metrics |= {name + part for part in parts}
            elif named := re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ", line):
                self.metrics.add(named[1])
                self.labels |= set(re.findall(r'([a-zA-Z_]\w*)="', named[2] or ""))
        self.helps = helps
        self.help = "\n".join(helps.values())
        listed = re.search(r"^Commands:\n((?: .*\n|\n)+)", self.help, re.MULTILINE)
        self.commands = set(re.findall(r"^  ([a-z][a-z-]*)(?:  |$)", listed[1], re.MULTILINE)) if listed else set()
        self.variables = set(re.findall(r"\[env: (\w+)[=\]]", self.help))

    def has_flag(self, flag, command=None):
        text = self.helps.get(command, self.help)
        return re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text) is not None


def called(words, program, text=""):
    """The mistakes in a call of the program, given without its own name."""
    command = next((word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)), None)
    if command and command not in program.commands:
        yield f"there is no command {command}"
    for word in words:
        flag = word.split("=")[0]
        if flag.startswith("--") and not program.has_flag(flag, command):
            yield f"there is no flag {flag} of {command or 'scaling-mode'}"
    address = next((after for flag, after in zip(words, words[1:]) if flag == "--addr"), None)
    if address and not address.startswith("127.0.0.1:") and "person create" not in text:
        yield f"--addr {address} is refused until a person exists, and nothing says how one is created"


def seconds_to_stop():
    """How long the server may take to stop: its drain, once for requests and once for tasks."""
    serve = source("src/server/cli/serve.rs")
    drain = re.search(r"const DRAIN: Duration = Duration::from_secs\((\d+)\);", serve)
    uses = len(re.findall(r"timeout\(DRAIN,", serve))
    if not drain or not uses:
        raise AssertionError("src/server/cli/serve.rs no longer says how long it drains: correct this check")
    return int(drain[1]) * uses


# --- the dashboard ----------------------------------------------------------------------------------------------------


def asked(expression):
    """The metrics and the labels that an expression of PromQL names."""
    labels = set(re.findall(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*\"", expression))
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", expression)
    for group in re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", bare):
        labels |= {label.strip() for label in group.split(",") if label.strip()}
    bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    names = re.findall(r"(?<![\w.$])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])", bare)
    return {name for name in names if name.lower() not in PROMQL_WORDS}, labels


def dashboard(texts, program):
    try:
        board = json.loads(texts["dashboard"])
    except ValueError as error:
        return [f"it is no JSON: {error}"]
    problems, expressions, taken, ids = [], [], set(), set()
    if board.get("schemaVersion", 0) < 36:
        problems.append("its schemaVersion is older than Grafana 9")
    for panel in board["panels"]:
        title = panel.get("title") or f"panel {panel.get('id')}"
        if panel["id"] in ids:
            problems.append(f"{title}: two panels have the id {panel['id']}")
        ids.add(panel["id"])
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        if cells & taken or place["x"] + place["w"] > 24:
            problems.append(f"{title}: it lies over another panel or out of the grid")
        taken |= cells
        if panel["type"] == "row":
            continue
        for what, value in [
            ("title", panel.get("title")),
            ("description", panel.get("description")),
            ("unit", panel["fieldConfig"]["defaults"].get("unit")),
            ("query", panel.get("targets")),
        ]:
            if not value:
                problems.append(f"{title}: it has no {what}")
        for target in panel.get("targets", []):
            if target["datasource"]["uid"] != "${datasource}":
                problems.append(f"{title}: it does not ask the data source that is chosen")
            expressions.append((title, target["expr"]))
            for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")):
                if label not in program.labels:
                    problems.append(f"{title}: its legend names the label {label}, which no metric has")
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            expressions.append((f"variable {variable['name']}", metric))
            if label not in program.labels:
                problems.append(f"variable {variable['name']}: no metric has the label {label}")
    used = set()
    for title, expression in expressions:
        names, labels = asked(expression)
        used |= names
        problems += [f"{title}: /metrics has no {name}" for name in sorted(names - program.metrics)]
        problems += [f"{title}: no metric has the label {label}" for label in sorted(labels - program.labels)]
    if not used:
        problems.append("it asks for nothing")
    return problems + promql(expressions)


def promql(expressions):
    """Whether Prometheus can read the expressions."""
    if not shutil.which("promtool"):
        left_out.append("promtool is not there: the dashboard's expressions were not parsed")
        return []
    rules = [
        {"record": f"check:{place}", "expr": expression.replace("$__rate_interval", "5m").replace("$", "")}
        for place, (_, expression) in enumerate(expressions)
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
        checked = run("promtool", "check", "rules", str(file))
    return [] if checked.returncode == 0 else [f"promtool: {(checked.stdout + checked.stderr).strip()}"]


# --- the unit ---------------------------------------------------------------------------------------------------------


def unit(texts, program):
    problems, section, values = [], None, {}
    for number, line in enumerate(texts["unit"].splitlines(), 1):
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
            if section not in UNIT_KEYS:
                problems.append(f"line {number}: there is no section {section}")
            continue
        key, sign, value = line.partition("=")
        if not sign or key not in UNIT_KEYS.get(section, "").split():
            problems.append(f"line {number}: {line!r} is no directive of {section} that is known here")
        values.setdefault(key, []).append(value)
    start = shlex.split((values.get("ExecStart") or [""])[0])
    if not start or not start[0].endswith("/scaling-mode"):
        return problems + ["ExecStart does not start scaling-mode"]
    problems += called(start[1:], program, texts["unit"])
    stop = re.fullmatch(r"(\d+)s", (values.get("TimeoutStopSec") or [""])[0])
    if not stop or int(stop[1]) <= seconds_to_stop():
        problems.append(f"TimeoutStopSec must be above the {seconds_to_stop()} seconds that the server may take to stop, in seconds")
    listeners = re.search(r"MOST_LISTENERS: usize = ([\d_]+)", source("src/server/live.rs"))
    if not listeners or int((values.get("LimitNOFILE") or ["0"])[0]) <= int(listeners[1].replace("_", "")):
        problems.append("LimitNOFILE is not above the pages that may listen (MOST_LISTENERS in src/server/live.rs)")
    for key, value in [("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("MemoryDenyWriteExecute", "yes"), ("Restart", "on-failure")]:
        if values.get(key) != [value]:
            problems.append(f"{key} is not {value}")
    return problems + systemd(texts["unit"])


def systemd(text):
    """What systemd says of the unit; of a program that is not installed here it would say only that."""
    if not shutil.which("systemd-analyze"):
        left_out.append("systemd-analyze is not there: the unit was parsed here only")
        return []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scaling-mode.service"
        file.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE), encoding="utf-8")
        checked = run("systemd-analyze", "verify", "--man=no", str(file))
        said = (checked.stdout + checked.stderr).strip()
        # It warns of what it does not know, and yet ends with 0.
        own = [line for line in said.splitlines() if "scaling-mode.service" in line]
        problems = [f"systemd-analyze: {line}" for line in own]
        exposed = run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(file))
        if "unrecognized option" in exposed.stderr:
            left_out.append("this systemd-analyze does not rate files: the unit's exposure was not looked at")
        elif exposed.returncode != 0:
            problems.append(f"systemd-analyze security: over 2.0: {(exposed.stdout + exposed.stderr).strip().splitlines()[-1:]}")
    return problems


# --- the container ----------------------------------------------------------------------------------------------------


def instructions(text):
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def is_sent(path, ignore):
    """Whether .dockerignore lets a path into the build. The last pattern that fits decides; only what this file uses is read."""
    sent = True
    for line in ignore.splitlines():
        pattern = line.strip().rstrip("/")
        if pattern and not pattern.startswith("#"):
            bare = pattern.lstrip("!")
            if bare == "*" or path == bare or path.startswith(bare + "/"):
                sent = pattern.startswith("!")
    return sent


def containerfile(texts, program):
    problems, stages, copied, made, last = [], [], set(), set(), {}
    makefile, setup = source("Makefile"), source("scripts/setup.sh")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    stages_of_setup = set(re.findall(r"^#   ([a-z-]+)  ", setup, re.MULTILINE))
    for name, rest in instructions(texts["containerfile"]):
        if name == "FROM":
            stages.append(rest)
            last = {}
        elif name == "COPY":
            words = rest.split()
            paths = [word for word in words if not word.startswith("--")][:-1]
            if "--from=build" in words:
                problems += [f"COPY {path}: no RUN of the build makes it" for path in paths if path not in made and not path.startswith("/etc/ssl/")]
                continue
            for path in paths:
                if not (ROOT / path).exists():
                    problems.append(f"COPY {path}: it is not in the repository")
                elif not is_sent(path, texts["ignore"]):
                    problems.append(f"COPY {path}: .dockerignore keeps it out")
                copied.add(path)
        elif name == "RUN":
            made |= set(re.findall(r"mkdir (?:-p )?(/\S+)", rest))
            for target in [word for call in re.findall(r"\bmake ([^&|;]*)", rest) for word in call.split()]:
                stage = target.removeprefix("setup-")
                if target not in targets and not (stage != target and stage in stages_of_setup):
                    problems.append(f"RUN make {target}: the Makefile has no such target")
            problems += [f"RUN {script}: there is no such script" for script in re.findall(r"scripts/[\w.-]+", rest) if not (ROOT / script).exists()]
        elif name in ("ENTRYPOINT", "CMD", "HEALTHCHECK"):
            last[name] = rest
        else:
            last.setdefault(name, rest)
        if name == "ENV":
            problems += variables(re.findall(r"(\w+)=", rest), program)
    # What cargo and the compiler read must have been copied before it is built.
    needed = {f"benches/{name}.rs" for name in re.findall(r"\[\[bench\]\]\s+name = \"(\w+)\"", source("Cargo.toml"))}
    for file in [*(ROOT / "src").rglob("*.rs"), *(ROOT / "crates").rglob("src/**/*.rs")]:
        for path in re.findall(r"include_(?:str|bytes)!\(\"([^\"]+)\"", file.read_text(encoding="utf-8")):
            needed.add(os.path.relpath((file.parent / path).resolve(), ROOT))
        needed |= {path.removeprefix("./") for path in re.findall(r"migrate!\(\"([^\"]+)\"", file.read_text(encoding="utf-8"))}
    needed |= {"/".join(re.findall(r"\"([^\"]+)\"", rest)) for rest in re.findall(r"path\.join\(root, (\"[^)]*\")\)", source("scripts/site.mjs"))} - {"target"}
    needed |= set(re.findall(r"path = \"(crates/\w+)\"", source("Cargo.toml")))
    needed |= {"Cargo.toml", "Cargo.lock", "build.rs", "Makefile", "src/main.rs", "scripts/build.sh", "scripts/setup.sh", "scripts/lib.sh"}
    for path in sorted(needed):
        if not any(path == have or path.startswith(have + "/") for have in copied):
            problems.append(f"the build reads {path}, which is not copied")
    least, given = re.search(r'rust-version = "1\.(\d+)"', source("Cargo.toml")), re.search(r"ARG RUST=1\.(\d+)", texts["containerfile"])
    if not given or int(given[1]) < int(least[1]):
        problems.append(f"its Rust is older than Cargo.toml's 1.{least[1]}")
    if len(stages) != 2 or any("${DEBIAN}" not in stage for stage in stages):
        problems.append("both stages must be of the same Debian: the binary needs its C library")
    if not re.match(r"[1-9]\d*(:|$)", last.get("USER", "")):
        problems.append("the last stage does not end as a user by number, other than root")
    for name in ("ENTRYPOINT", "CMD"):
        try:
            words = json.loads(last.get(name, ""))
        except ValueError:
            problems.append(f"{name} is missing or is no JSON list")
            continue
        problems += called(words if name == "CMD" else words[1:], program, texts["containerfile"])
        if name == "CMD" and words[:1] != ["serve"]:
            problems.append("CMD does not serve")
    probe = re.search(r"GET (/\w+) HTTP", last.get("HEALTHCHECK", ""))
    if not probe or f'.route("{probe[1]}"' not in source("src/server/http.rs"):
        problems.append("HEALTHCHECK asks for no path that the server has")
    for path in ["target/release/x", "end2end/node_modules/x", "data/scaling-mode.db", ".git/config", ".tools/x", "operations/secrets/database_password", "scaling-mode.toml"]:
        if is_sent(path, texts["ignore"]):
            problems.append(f".dockerignore lets {path} into the build")
    return problems


def variables(names, program):
    return [f"there is no variable {name}: --help does not name it" for name in names if name.startswith(("SCALING_MODE_", "DATABASE_URL")) and name not in program.variables]


def entrypoint(texts, program):
    """The start, with a password that has everything in it that means something in a URL."""
    problems = variables(re.findall(r"^\s*export (\w+)", texts["entrypoint"], re.MULTILINE), program)
    if not shutil.which("bash"):
        left_out.append("bash is not there: the container's start was not tried")
        return problems
    start = "exec /opt/scaling-mode/scaling-mode"
    if start not in texts["entrypoint"]:
        return problems + ["it does not become scaling-mode"]
    secret = "p@ss:w/r%d ?#&+é$x'\"\\"
    with tempfile.TemporaryDirectory() as folder:
        file, password = Path(folder) / "start.sh", Path(folder) / "password"
        file.write_text(texts["entrypoint"].replace(start, "exec /usr/bin/env printenv DATABASE_URL; :"), encoding="utf-8")
        password.write_text(secret + "\n", encoding="utf-8")

        def started(**environment):
            return run("bash", str(file), env={"PATH": os.environ["PATH"], **environment})

        whole = started(DATABASE_URL="postgres://user@host:5432/name", DATABASE_PASSWORD_FILE=str(password))
        expected = f"postgres://user:{urllib.parse.quote(secret, safe='')}@host:5432/name"
        if whole.stdout.strip() != expected:
            problems.append(f"the password is not put into the URL: {whole.stdout.strip()!r} {whole.stderr.strip()!r}")
        if started(DATABASE_URL="sqlite://x").stdout.strip() != "sqlite://x":
            problems.append("without a password's file it changes DATABASE_URL")
        for wrong in [{"DATABASE_URL": "sqlite://x"}, {}, {"DATABASE_URL": "postgres://user:other@host/name"}]:
            if started(DATABASE_PASSWORD_FILE=str(password), **wrong).returncode != 2:
                problems.append(f"it takes a password's file with {wrong or 'no DATABASE_URL'}")
        if started(DATABASE_URL="postgres://u@h/n", DATABASE_PASSWORD_FILE=f"{folder}/none").returncode != 2:
            problems.append("it starts without the password's file that is named")
    return problems


def compose(texts, program):
    text = texts["compose"]
    problems = variables(re.findall(r"^\s*#?(SCALING_MODE_\w+|DATABASE_URL):", text, re.MULTILINE), program)
    for name in re.findall(r"^\s+(DATABASE_\w+):", text, re.MULTILINE):
        if name not in program.variables and name not in texts["entrypoint"]:
            problems.append(f"neither the program nor the container's start reads {name}")
    commands = re.findall(r"^\s+command: (\[.*\])$", text, re.MULTILINE)
    if not commands:
        problems.append("no command is given")
    for command in commands:
        problems += called(json.loads(command), program, text)
    for port in re.findall(r"^\s+ports: \[\"(.*)\"\]$", text, re.MULTILINE) or ["none"]:
        if not port.startswith("127.0.0.1:"):
            problems.append(f"a port is not published on 127.0.0.1 only: {port}")
    grace = re.search(r"^  app:\n(?:    .*\n|\n)*?    stop_grace_period: (\d+)s$", text, re.MULTILINE)
    if not grace or int(grace[1]) <= seconds_to_stop():
        problems.append(f"stop_grace_period of app must be above {seconds_to_stop()} seconds")
    try:
        import yaml
    except ImportError:
        left_out.append("PyYAML is not there: compose.yaml was looked at line by line only")
        top = set(re.findall(r"^(\w+):", text, re.MULTILINE))
        if not {"services", "secrets", "volumes", "networks"} <= top or "\t" in text:
            problems.append("its parts services, secrets, volumes and networks are not all there, or it has tabs")
        return problems
    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return problems + [f"it is no YAML: {error}"]
    for name, service in whole["services"].items():
        if service.get("read_only") is not True or service.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in service.get("security_opt", []):
            problems.append(f"{name}: its root can be written, or it has rights that it does not need")
        for part in ("secrets", "networks"):
            problems += [f"{name}: {part} has no {one}" for one in service.get(part, []) if one not in whole.get(part, {})]
        problems += [f"{name}: there is no volume {one}" for one in (volume.split(":")[0] for volume in service.get("volumes", [])) if one not in whole["volumes"]]
        problems += [f"{name}: it depends on {one}, which is not there" for one in service.get("depends_on", {}) if one not in whole["services"]]
        build = service.get("build")
        if build and not (ROOT / "operations" / build["context"] / build["dockerfile"]).resolve().is_file():
            problems.append(f"{name}: there is no {build['dockerfile']}")
        if not build and "healthcheck" not in service:
            problems.append(f"{name}: nothing looks whether it is well")
    return problems


# --- the runbook ------------------------------------------------------------------------------------------------------


def calls_in(line):
    """The words after the program's name of every call in a line of shell, whichever way it is started."""
    words = shlex.split(line, comments=True)
    while words:
        end = next((place for place, word in enumerate(words) if word in ("&&", "||", "|", "{", "}") or word.endswith(";")), len(words))
        command, words = [word.rstrip(";") for word in words[: end + 1]], words[end + 1 :]
        command = [word for word in command if word not in ("&&", "||", "|", "{", "}", "$@", "")]
        for place, word in enumerate(command):
            is_program = word.endswith("/scaling-mode") and not word.startswith(("/etc/", "/var/")) and "=" not in word
            is_container = word == "app" and "run" in command
            if is_container or is_program or (place == 0 and word in ("sm", "scaling-mode")):
                if command[0] not in ("cp", "rsync", "ls", "mv", "install") and command[place + 1 :]:
                    yield command[place + 1 :]
                break


def runbook(texts, program):
    problems, text = [], texts["runbook"]
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    calls = [call for line in "\n".join(blocks).replace("\\\n", " ").splitlines() for call in calls_in(line)]
    if len(calls) < 5:
        problems.append("it hardly calls the program")
    for call in calls:
        problems += called(call, program)
    # What it says that the program says: words between variable parts stand in the source.
    everything = "\n".join(file.read_text(encoding="utf-8") for folder in ("src", "crates") for file in (ROOT / folder).rglob("*.rs"))
    everything = re.sub(r"\\\n\s*", "", everything)
    rows = [row for table in re.findall(r"^\| it says \|.*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.MULTILINE) for row in table.splitlines()]
    if not rows:
        problems.append("it quotes nothing that the program says")
    for row in rows:
        for quoted in re.findall(r"`([^`]+)`", row.split("|")[1]):
            if " with `" in row.split(f"`{quoted}`")[0] + "`":
                continue  # the cause behind it: what SQLite or its library says, not the program
            # The place of a value in the middle; the name of a setting at the beginning; a cause after a colon.
            for part in re.split(r"\.\.\.|: ", quoted):
                part = part.strip(" :")
                first, _, rest = part.partition(" ")
                if part not in everything and not (f'"{first}"' in everything and rest and rest in everything):
                    problems.append(f"the program does not say {part!r}")
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not (ROOT / "docs" / link).exists():
            problems.append(f"it links to {link}, which is not there")
    return problems


CHECKS = {"dashboard": dashboard, "unit": unit, "containerfile": containerfile, "entrypoint": entrypoint, "compose": compose, "runbook": runbook}

# A check that does not find these would find nothing: (check, file, what is there, what is put there).
DAMAGE = [
    ("dashboard", "dashboard", "scaling_mode_http_requests_total", "scaling_mode_http_request_total"),
    ("dashboard", "dashboard", "sum by (status)", "sum by (code)"),
    ("dashboard", "dashboard", '"description": "Requests answered', '"note": "Requests answered'),
    ("dashboard", "dashboard", "{", "", ),
    ("unit", "unit", "--data-dir", "--data-folder"),
    ("unit", "unit", "UMask=", "UMsk="),
    ("unit", "unit", "[Service]", "[Servce]"),
    ("unit", "unit", "TimeoutStopSec=45s", "TimeoutStopSec=20s"),
    ("unit", "unit", "127.0.0.1:3008", "0.0.0.0:3008"),
    ("containerfile", "containerfile", "COPY migrations migrations", "COPY migration migration"),
    ("containerfile", "containerfile", "COPY style style\n", ""),
    ("containerfile", "containerfile", "COPY build.rs ./\n", ""),
    ("containerfile", "containerfile", "make build", "make bild"),
    ("containerfile", "containerfile", "setup-wasm-opt", "setup-wasm-option"),
    ("containerfile", "containerfile", "person create", "person crate"),
    ("compose", "compose", "person create", "person crate"),
    ("containerfile", "containerfile", "SCALING_MODE_DATA_DIR", "SCALING_MODE_DATA"),
    ("containerfile", "containerfile", "/healthz", "/health"),
    ("containerfile", "containerfile", "USER 10001:10001", "USER root"),
    ("containerfile", "ignore", "*\n", "target\n"),
    ("containerfile", "ignore", "!src\n", ""),
    ("entrypoint", "entrypoint", "%%%02X", "%%%02x"),
    ("compose", "compose", '"serve"', '"server"'),
    ("compose", "compose", "127.0.0.1:${", "${"),
    ("compose", "compose", "stop_grace_period: 45s", "stop_grace_period: 15s"),
    ("compose", "compose", "DATABASE_PASSWORD_FILE:", "DATABASE_SECRET_FILE:"),
    ("runbook", "runbook", "sm verify", "sm prove"),
    ("runbook", "runbook", "cannot be listened on", "cannot be used for listening"),
    ("runbook", "runbook", "(configuration.md", "(configurations.md"),
]


def prove(texts, program):
    """Gives every check a damaged file; returns those that found nothing more than before."""
    blind = []
    for check, file, present, put in DAMAGE:
        if check == "entrypoint" and not shutil.which("bash"):
            continue
        if present not in texts[file]:
            blind.append(f"{check}: {present!r} is no longer in {FILES[file]}: correct DAMAGE")
            continue
        before = set(CHECKS[check](texts, program))
        damaged = {**texts, file: texts[file].replace(present, put)}
        if not set(CHECKS[check](damaged, program)) - before:
            blind.append(f"{check} does not notice {put!r} in the place of {present!r}")
    return blind


def read_program(arguments, parser):
    if arguments.base_url:
        # A metric that was never counted is not served: one request is counted before the metrics are read.
        urllib.request.urlopen(arguments.base_url.rstrip("/") + "/healthz", timeout=20).close()
        with urllib.request.urlopen(arguments.base_url.rstrip("/") + "/metrics", timeout=20) as answer:
            metrics = answer.read().decode()
    elif arguments.metrics:
        metrics = Path(arguments.metrics).read_text(encoding="utf-8")
    else:
        parser.error("say where the metrics are: --base-url or --metrics")
    if not metrics.rstrip().endswith("# EOF"):
        parser.error("the metrics end before their # EOF")
    if arguments.binary:
        whole = run(arguments.binary, "--help")
        helps = {None: whole.stdout}
        for command in sorted(Program("", helps).commands - {"help"}):
            helps[command] = run(arguments.binary, command, "--help").stdout
    elif arguments.help_text:
        helps = {None: Path(arguments.help_text).read_text(encoding="utf-8")}
    else:
        parser.error("say what the program's help is: --binary or --help-text")
    program = Program(metrics, helps)
    for what, found in [("metrics", program.metrics), ("commands", program.commands), ("variables", program.variables)]:
        if not found:
            parser.error(f"there are no {what} in what was given")
    return program


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", default=os.environ.get("BASE_URL"), help="a running server, whose /metrics are read [env: BASE_URL]")
    parser.add_argument("--metrics", metavar="FILE", help="what /metrics has answered, in the place of --base-url")
    parser.add_argument("--binary", default=os.environ.get("BIN"), metavar="PATH", help="the program, whose --help is read [env: BIN]")
    parser.add_argument("--help-text", metavar="FILE", help="what --help, and that of every command, has said, in the place of --binary")
    parser.add_argument("--only", choices=sorted(CHECKS), action="append", help="only this check; may be repeated")
    arguments = parser.parse_args()
    program = read_program(arguments, parser)
    texts = {name: source(path) for name, path in FILES.items()}
    failed = 0
    for name, check in CHECKS.items():
        if arguments.only and name not in arguments.only:
            continue
        problems = check(texts, program)
        failed += len(problems)
        print(f"{'FAILED' if problems else 'ok':7}{FILES[name]}")
        for problem in problems:
            print(f"       {problem}")
    notes = list(dict.fromkeys(left_out))
    if not arguments.only:
        blind = prove(texts, program)
        failed += len(blind)
        print(f"{'FAILED' if blind else 'ok':7}{len(DAMAGE)} damaged files were noticed" if not blind else "FAILED the checks themselves")
        for problem in blind:
            print(f"       {problem}")
    for what in notes:
        print(f"note   {what}")
    print(f"operations: {'every check passed' if not failed else f'{failed} things are wrong'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
