"""Owns a server that is injectable in each way that is tried, so that a tool which finds nothing there is known to find nothing
anywhere. It says its port on standard output. It answers as the real one does: a statement that breaks is a 500 without a word of why.
"""

import http.server
import json
import sqlite3
import sys
import threading
import urllib.parse

from tries import Try

# The text comes from each place that the real one takes a text from. The second finds nothing while nobody tampers with it.
FORM = "name=anna&password=zebra"
TRIES = [
    Try("GET", "/query?name=anna&limit=5"),
    Try("GET", "/query?name=nobody&limit=5", status=404),
    Try("POST", "/form", FORM),
    Try("POST", "/without-blanks", FORM, has_blanks=False),
    Try("PUT", "/json", {"client": {"name": "anna"}}),
    Try("GET", "/path/anna*"),
    Try("GET", "/founder/path/anna*"),
    Try("GET", "/header", headers={"Authorization": "Bearer anna*"}),
    Try("GET", "/cookie", headers={"Cookie": "__Host-name=anna*"}),
    # Shows in no answer but in that of a broken statement.
    Try("POST", "/write", FORM),
]
WRITE = TRIES[-1]


class Control(http.server.BaseHTTPRequestHandler):
    database = sqlite3.connect(":memory:", check_same_thread=False)
    one_at_a_time = threading.Lock()

    def text(self, path, query, body):
        if "/path/" in path:
            return urllib.parse.unquote(path.partition("/path/")[2])
        if path == "/header":
            return self.headers["Authorization"].removeprefix("Bearer ")
        if path == "/cookie":
            return self.headers["Cookie"].partition("=")[2]
        if path == "/json":
            return json.loads(body)["client"]["name"]
        return dict(urllib.parse.parse_qsl(query or body, keep_blank_values=True))["name"]

    def answer(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        try:
            text = self.text(path, query, body)
        except (KeyError, TypeError, ValueError):
            return self.say(400, "malformed")
        if path == "/without-blanks" and any(character.isspace() for character in text):
            return self.say(400, "out-of-range")
        try:
            with self.one_at_a_time:
                if path == "/write":
                    self.database.execute(f"INSERT INTO written VALUES ('{text}')")
                    return self.say(200, "done")
                found = self.database.execute(f"SELECT name, number FROM clients WHERE name = '{text}'").fetchall()
        except sqlite3.Error:
            return self.say(500, "internal")
        return self.say(200, found) if found else self.say(404, "unknown")

    def say(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Control.database.execute("CREATE TABLE clients (name TEXT, number INTEGER)")
    Control.database.execute("CREATE TABLE written (name TEXT)")
    Control.database.execute("INSERT INTO clients VALUES ('anna', 1)")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
    print(server.server_port, flush=True)
    sys.exit(server.serve_forever())
