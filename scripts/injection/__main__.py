"""Tries SQL injection with sqlmap against a running server: with-server.sh python3 -B scripts/injection [WORD...]

Every request of tries.py is tried by somebody who may do everything; WORDs narrow it to requests that hold each. Nothing may be
injectable, no answer may be a 5xx or a 429, the log may hold no error, and the store must be intact afterwards. A server that is
injectable in every way (control.py) is tried first by the same command line: what is not found there would not be found here.
INJECTION_LEVEL (1) is sqlmap's level: from 1 to 5 it tries more, and takes longer. Only this machine is spoken to.
"""

import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import control
import servers
import tries

SIDE_BY_SIDE = 2
LEVEL = int(os.environ.get("INJECTION_LEVEL", 1))
LONGEST = 180 * LEVEL  # seconds for one request

# A cookie is sent as it is: nothing decodes it.
SQLMAP = """sqlmap --batch --ignore-stdin --disable-coloring --flush-session --ignore-proxy --ignore-redirects --drop-set-cookie
--skip-waf --dbms=SQLite --risk=1 --param-exclude=^__Host- --timeout=20 --retries=1""".split() + ["--answers=URL encode cookie=N"]
# Boolean, errors, UNION, inline queries. What would show by its time alone breaks on a quote as well, and that is a 5xx.
AT_LENGTH = ["--technique=BEUQ", f"--level={LEVEL}"]
# Pages take long to compare, differ in each answer except for their text, and ask the functions that are tried at length.
IN_SHORT = ["--technique=BE", "--level=1", "--text-only"]

NOTHING_FOUND = "all tested parameters do not appear to be injectable"
SPEAKS_OF_ERRORS = "there is a DBMS error found in the HTTP response body"  # of the untouched request
FOUND = re.compile(r"^Parameter: (.+)$", re.MULTILINE)
SUSPECTED = re.compile(r"test shows that (.+? parameter '.+?') might be injectable")
TRIED = re.compile(r"parameter '(.+?)' does not seem to be injectable")
EXCHANGE = re.compile(r"^HTTP request \[#(\d+)\]:\n.*?^HTTP response \[#\1\] \((?P<status>\d+).*?^#{60,}$", re.DOTALL | re.MULTILINE)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Judged:
    """What sqlmap said of a request, and what it was answered."""

    def __init__(self, text="", traffic="", trouble=()):
        self.text, self.trouble = text, list(trouble)
        self.found = FOUND.findall(text)
        self.suspected = [] if SPEAKS_OF_ERRORS in text else SUSPECTED.findall(text)
        self.tried = [name.removeprefix("JSON ") for name in TRIED.findall(text)]
        exchanges = list(EXCHANGE.finditer(traffic))
        self.statuses = collections.Counter(int(one["status"]) for one in exchanges)
        self.broken = next((one.group(0) for one in exchanges if one["status"].startswith("5")), None)

    def problems(self, expected):
        """Why this request is not known to be safe."""
        yield from self.trouble
        injectable = self.found + self.suspected
        if injectable:
            yield f"injectable: {', '.join(injectable)}"
        if self.broken:
            yield f"a statement broke, or something else:\n{self.broken[:2000]}"
        if self.statuses[429]:
            yield f"{self.statuses[429]} requests were held off (429): of what they held nothing is known"
        if injectable or self.trouble:
            return
        if NOTHING_FOUND not in self.text or not self.tried:
            yield "sqlmap did not get through"
        elif expected - set(self.tried):
            yield f"not tried: {', '.join(sorted(expected - set(self.tried)))}"


def sqlmap(one, url, own_headers, values):
    """Runs sqlmap on a request, in a folder of its own that is gone afterwards."""
    address, body, headers = tries.request(one, values)
    with tempfile.TemporaryDirectory() as folder:
        traffic = pathlib.Path(folder, "traffic")
        command = [*SQLMAP, *(IN_SHORT if one.is_page else AT_LENGTH), f"--output-dir={folder}", "-t", str(traffic)]
        # A 401 would end it.
        command += [f"--url={url}{address}", f"--method={one.method}", f"--ignore-code=401,{max(one.status, 401)}"]
        command += [f"--header={name}: {value}" for name, value in {**own_headers, **headers}.items()]
        command += [f"--data={body}"] if body is not None else []
        command += [f"--param-filter={one.place}"] if one.place else []
        command += [f"-p{','.join(one.only)}"] if one.only else []
        command += [] if one.has_blanks else ["--tamper=space2comment"]
        # What it keeps from run to run, and what it leaves behind, is kept here, too.
        options = {"env": {**os.environ, "XDG_DATA_HOME": folder, "TMPDIR": folder}, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            text = subprocess.run(command, timeout=LONGEST, check=False, **options).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as late:
            text = (late.stdout or b"").decode(errors="replace") + f"\nended after {LONGEST} s"
        return Judged(text, traffic.read_text(encoding="utf-8", errors="replace") if traffic.exists() else "")


def attempt(one, server):
    """Tries a request, once it is known to be answered as it should while nobody tampers with it."""
    between = servers.AIDS[one.aid](server)
    try:
        own_headers = server.headers(one.asks_as, between.url)
        status, answer = servers.ask(between.url, *tries.untouched(one, server.values, own_headers))
        if status != one.status:
            return Judged(trouble=[f"untouched it was answered {status} in the place of {one.status}: {answer[:300]}"])
        return sqlmap(one, between.url, own_headers, server.values)
    except (OSError, http.client.HTTPException) as error:
        return Judged(trouble=[f"no answer: {error!r}"])
    finally:
        between.close()


def blind_spots():
    """The ways of injecting that are not noticed where they are there, each with what sqlmap said."""
    child = subprocess.Popen([sys.executable, "-B", control.__file__], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{int(child.stdout.readline())}"
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for one, judged in zip(control.TRIES, pool.map(lambda one: sqlmap(one, url, {}, {}), control.TRIES)):
                if not (judged.broken if one == control.WRITE else judged.found):
                    yield f"{one.method} {one.address}", judged.text
    finally:
        child.kill()
        child.wait()


def faults_of(server):
    """The faults of a server after all that."""
    try:
        status, answer = servers.ask(server.url, "/readyz")
        if status != 200:
            yield f"/readyz is answered {status}: {answer}"
    except OSError as error:
        yield f"it is gone: {error!r}"
    log = re.sub(r"\x1b\[[0-9;]*m", "", pathlib.Path(server.log).read_text(encoding="utf-8", errors="replace"))
    errors = re.findall(r"^\S+ +ERROR .*|.*panicked at.*", log, re.MULTILINE)
    if errors:
        yield f"its log holds {len(errors)} errors: {errors[0]}"
    verified = subprocess.run([servers.BIN, "verify", "--data-dir", server.data_dir], capture_output=True, text=True, timeout=120, check=False)
    if verified.returncode != 0:
        yield f"verify does not find it whole: {verified.stdout}{verified.stderr}"


def main():
    chosen = [one for one in tries.TRIES if all(word in f"{one.method} {one.address} {one.headers}" for word in sys.argv[1:])]
    failures = 0

    def fail(what, said=""):
        nonlocal failures
        failures += 1
        lines = [f"    {line}" for line in said.splitlines() if line.strip()]
        say("\n".join([f"FAILED {what}", *lines[-40:]]))

    server = servers.Server(os.environ["BASE_URL"], os.environ["SERVER_DATA_DIR"], os.environ["SERVER_LOG"])
    for problem in tries.missing(json.loads(servers.ask(server.url, "/api/openapi.json")[1])):
        fail(f"{problem}: give it a line in scripts/injection/tries.py")
    began = time.monotonic()
    for way, said in blind_spots():
        fail(f"the control's {way} is injectable, and nothing was found: what sqlmap says of the server means nothing", said)
    control_took = time.monotonic() - began

    with tempfile.TemporaryDirectory() as folder:
        forgetful = servers.Server(f"http://127.0.0.1:{servers.free_port()}", f"{folder}/data", f"{folder}/log")
        try:
            forgetful.start()
            for one in [server, forgetful]:
                one.prepare()
            with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                judged = list(pool.map(lambda one: attempt(one, forgetful if one.aid == "a_server_that_forgets" else server), chosen))
            for one, found in zip(chosen, judged):
                for problem in found.problems(one.expected()):
                    fail(f"{one.method} {one.address} {one.headers or ''}: {problem}", found.text)
            for name, one in [("the server", server), ("the second server", forgetful)]:
                for fault in faults_of(one):
                    fail(f"{name}: {fault}")
        finally:
            forgetful.stop()

    statuses = sum((found.statuses for found in judged), collections.Counter())
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    endpoints, parameters = len({(one.method, one.path) for one in chosen}), sum(len(found.tried) for found in judged)
    say(f"injection: {endpoints} endpoints, {parameters} parameters, {sum(statuses.values())} requests ({answers})")
    if failures or not parameters:
        say(f"injection: {failures} things are wrong" if failures else "injection: nothing was tried")
        return 1
    say(f"injection: nothing is injectable; the control was found so in each of {len(control.TRIES)} ways, in {control_took:.0f} s")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
