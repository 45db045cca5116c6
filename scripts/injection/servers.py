"""Owns what sqlmap speaks to: a server with a founder and all that requests name, and what is put between sqlmap and a server where
requests need help to reach anything. Must not know what is tried.
"""

import datetime
import http.client
import http.server
import itertools
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PASSWORD = "zebra lamp quietly"
BIN = os.environ["BIN"]
SCOPES = "config:write,health:read,health:write,metrics:read,sources:write,telemetry:write"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


# Straight to this machine, even if the environment names a proxy, and to nowhere else.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def ask(url, address, method="GET", body=None, headers=None):
    """The status and the text of an answer."""
    answer = answered(url + address, method, body, headers)
    with answer:
        return answer.status, answer.read().decode(errors="replace")


def answered(url, method, body, headers):
    asked = urllib.request.Request(url, body.encode() if body is not None else None, headers or {}, method=method)
    try:
        return OPENER.open(asked, timeout=30)
    except urllib.error.HTTPError as error:
        return error


class Server:
    """A running server, in which a founder has made all that requests name."""

    def __init__(self, url, data_dir, log):
        self.url, self.data_dir, self.log = url, data_dir, log
        # For what several tries share: a second request may not come between two that belong together.
        self.one_at_a_time = threading.Lock()
        self.values, self.process = {}, None
        self.numbers = itertools.count(1)

    def program(self, *words, text=None):
        command = [BIN, *words, "--data-dir", self.data_dir, "--log", "error"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise SystemExit(f"error: {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def headers(self, who, url):
        """What somebody has, on a page of that address where it is a person."""
        if who == "founder":
            return {"Cookie": f"__Host-scaling-mode={self.values['session']}", "Origin": url, "Sec-Fetch-Site": "same-origin"}
        return {"Authorization": f"Bearer {self.values['token']}"} if who == "token" else {}

    def form(self, name, fields, who="founder"):
        headers = {"Content-Type": "application/x-www-form-urlencoded", **self.headers(who, self.url)}
        answer = answered(f"{self.url}/api/scaling-mode/forms/{name}", "POST", urllib.parse.urlencode(fields), headers)
        text = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f"error: {name} was answered {answer.status}: {text}")
        cookies = [cookie.split(";")[0].partition("=") for cookie in answer.headers.get_all("Set-Cookie", [])]
        return json.loads(text), {name.removeprefix("__Host-scaling-mode").lstrip("-") or "session": value for name, _, value in cookies}

    def json(self, method, path, body=None):
        headers = {"Content-Type": "application/json", **self.headers("token", self.url)}
        return json.loads(ask(self.url, path, method, None if body is None else json.dumps(body), headers)[1])

    def secret(self, name, fields):
        return self.form(name, fields)[0]["secret"].rsplit("/", 1)[1]

    def prepare(self):
        """Makes the founder and all else; what requests name of it is in `values` from then on."""
        values = self.values
        for person, role in [("anna", "founder"), ("bob", "viewer")]:
            self.program("person", "create", f"{person}@example.com", "--role", role, text=f"{PASSWORD}\n")
        self.program("environment", "create", "trial", "--kind", "live")
        values["token"] = self.program("token", "create", "everything", "--scope", SCOPES)
        values |= self.form("sign-in", {"email": "anna@example.com", "password": PASSWORD}, "nobody")[1]
        link = {"environment": "production", "days": 7, "view.answer": "on"}
        values["link"] = self.secret("make-share-link", {"name": "open", **link})
        values["locked"] = self.secret("make-share-link", {"name": "locked", "passphrase": "kettle orbit green", **link})
        values["share"] = self.form("open-share", {"link": values["link"]}, "nobody")[1]["share"]
        values["invitation"] = self.invitation()
        snapshots = [self.json("POST", "/api/scaling-mode/health", {}) for _ in range(2)]
        values["snapshot"] = snapshots[0]["id"]
        values["before"] = self.json("GET", "/api/scaling-mode/health?type=list&limit=1")["next"]
        now = datetime.datetime.now(datetime.timezone.utc)
        values["now"], values["nanos"] = now.strftime("%Y-%m-%dT%H:%M:%SZ"), str(int(now.timestamp()) * 10**9)

    def invitation(self):
        return self.secret("invite", {"email": "carl@example.com", "environment": "production", "role": "viewer"})

    def start(self):
        """Starts the program on this server's address and folder, as a child that `stop` ends."""
        address = self.url.removeprefix("http://")
        with open(self.log, "ab") as log:
            command = [BIN, "serve", "--addr", address, "--data-dir", self.data_dir, "--no-demo"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(1500):
            try:
                if ask(self.url, "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise SystemExit(f"error: a second server did not get ready: see {self.log}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


BY_CHANCE = re.compile(rb"[0-9a-f]{24,}|\d\d:\d\d(:\d\d)?(\.\d+)?")


class Between:
    """The relay between sqlmap and a server: `answer` passes requests on, with what help they need."""

    def __init__(self, server):
        self.server = server
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, answer = between.answer(self.command, self.path, body, dict(self.headers))
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = pass_on

            def log_message(self, *_):
                pass

        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.listener.server_port}"
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()

    def answer(self, method, path, body, headers):
        return self.passed_on(method, path, body, headers)

    def passed_on(self, method, path, body, headers, quiet=30):
        """The answer; its body ends where nothing more has come for so many seconds."""
        headers = {name: value for name, value in headers.items() if name.lower() not in ("accept-encoding", "content-length")}
        connection = http.client.HTTPConnection(self.server.url.removeprefix("http://"), timeout=30)
        try:
            connection.connect()
            wire = connection.sock
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            wire.settimeout(quiet)
            # What differs by chance, secrets and times, is made the same for a program that compares answers.
            return answer.status, answer.getheaders(), BY_CHANCE.sub(b"0", read(answer))
        finally:
            connection.close()


def read(answer):
    """An answer's body, as far as it comes."""
    whole = b""
    try:
        while part := answer.read1():
            whole += part
    except TimeoutError:
        pass
    return whole


class AStream(Between):
    """Cuts a stream of events off as soon as nothing more comes."""

    def answer(self, method, path, body, headers):
        return self.passed_on(method, path, body, headers, quiet=0.1)


class AFreshInvitation(Between):
    """Puts an invitation that was just made into each request: it can be used once."""

    def answer(self, method, path, body, headers):
        with self.server.one_at_a_time:
            return self.passed_on(method, path, body.replace(b"fresh-link", self.server.invitation().encode()), headers)


class AFreshName(Between):
    """Puts a name into each request that was not given yet."""

    def answer(self, method, path, body, headers):
        return self.passed_on(method, path, body.replace(b"fresh-name", b"name-%d" % next(self.server.numbers)), headers)


class AnUnfrozenTrial(Between):
    """Has the environment unfrozen before each request, so that each freezes it."""

    def answer(self, method, path, body, headers):
        with self.server.one_at_a_time:
            self.server.json("PUT", "/api/scaling-mode/config", {"action": "unfreeze", "environment": "trial", "reason": "again"})
            return self.passed_on(method, path, body, headers)


class ARemovedSource(Between):
    """Has the sources removed before each request, so that each adds one."""

    def answer(self, method, path, body, headers):
        with self.server.one_at_a_time:
            for name in self.added():
                self.server.json("POST", "/api/scaling-mode/sources", {"action": "remove", "name": name})
            return self.passed_on(method, path, body, headers)


    def added(self):
        """The sources that requests before this one have added, under any name: at most 50 are taken."""
        shown = self.server.json("GET", "/api/scaling-mode/connections?environment=production")
        return [source["name"] for source in shown["connections"] if source["is_added"]]


class AServerThatForgets(Between):
    """Starts the server again when it refuses further guesses, and asks again: a 429 says nothing of what was sent."""

    def answer(self, method, path, body, headers):
        # Several speak to this server, and none may find it stopped.
        with self.server.one_at_a_time:
            status, *answer = self.passed_on(method, path, body, headers)
            if status == 429:
                self.server.stop()
                self.server.start()
                status, *answer = self.passed_on(method, path, body, headers)
            return status, *answer


AIDS = {
    "": Between,
    "a_stream": AStream,
    "a_fresh_invitation": AFreshInvitation,
    "a_fresh_name": AFreshName,
    "an_unfrozen_trial": AnUnfrozenTrial,
    "a_removed_source": ARemovedSource,
    "a_server_that_forgets": AServerThatForgets,
}
