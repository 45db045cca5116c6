"""How many samples a second are taken, durable, by the running server (BASE_URL, SERVER_PID) and, in the same run, by a Prometheus
that takes the same bodies from the same client: intake.py PROMETHEUS

Every body holds SAMPLES samples (2,000) of counters with ten labels, CONNECTIONS (4) connections send BODIES (100) each. The figures
are printed, not judged; an answer that is no success ends it.
"""

import http.client
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import urlsplit

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

SAMPLES = int(os.environ.get("SAMPLES", 2000))
BODIES = int(os.environ.get("BODIES", 100))
CONNECTIONS = int(os.environ.get("CONNECTIONS", 4))
STEP_MS = 1000


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(tag, body):
    return varint(tag << 3 | 2) + varint(len(body)) + body


def snappy(raw):
    """Snappy of literals alone: valid, and the same work for both sides."""
    out = bytearray(varint(len(raw)))
    for start in range(0, len(raw), 65536):
        part = raw[start : start + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part
    return bytes(out)


def labels(connection, place):
    return [
        ("__name__", "bench_requests_total"),
        ("cluster", "eu-1"),
        ("code", "200" if place % 10 else "500"),
        ("container", "web"),
        ("instance", f"10.0.0.{connection}:9100"),
        ("job", f"bench-{connection}"),
        ("method", "GET"),
        ("namespace", "production"),
        ("path", f"/route/{place}"),
        ("pod", f"web-{place % 50}"),
    ]


def remote_write(connection, at, count):
    body = bytearray()
    for place in range(SAMPLES):
        series = b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in labels(connection, place))
        series += field(2, b"\x09" + struct.pack("<d", count) + b"\x10" + varint(at))
        body += field(1, series)
    return snappy(bytes(body))


def otlp(connection, at, count):
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add()
    for name, value in labels(connection, 0):
        if name in ("cluster", "container", "instance", "namespace"):
            metrics.resource.attributes.add(key=name).value.string_value = value
    metrics.resource.attributes.add(key="service.name").value.string_value = f"otlp-{connection}"
    metric = metrics.scope_metrics.add().metrics.add(name="bench_requests_total")
    metric.sum.aggregation_temporality = 2
    metric.sum.is_monotonic = True
    for place in range(SAMPLES):
        point = metric.sum.data_points.add(time_unix_nano=at * 1_000_000, as_int=count)
        for name, value in labels(connection, place):
            if name in ("code", "method", "path", "pod"):
                point.attributes.add(key=name).value.string_value = value
    return request.SerializeToString()


def send(name, base, path, make, headers, pid):
    address = urlsplit(base)
    start = int(time.time() * 1000) - BODIES * STEP_MS
    bodies = [[make(c, start + b * STEP_MS, 10 * b) for b in range(BODIES)] for c in range(CONNECTIONS)]
    problems = []

    def one(mine):
        connection = http.client.HTTPConnection(address.hostname, address.port)
        for body in mine:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                problems.append(f"{answer.status} {text[:200]}")
                return

    threads = [threading.Thread(target=one, args=(mine,)) for mine in bodies]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if problems:
        sys.exit(f"{name}: {problems[0]}")
    with open(f"/proc/{pid}/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024
    print(f"{name:26} {SAMPLES * BODIES * CONNECTIONS / took:10,.0f} samples/s, memory at most {peak} MB", flush=True)


REMOTE = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
OTLP = {"Content-Type": "application/x-protobuf"}


def own():
    base, pid = os.environ["BASE_URL"], os.environ["SERVER_PID"]
    send("Scaling Mode, remote write", base, "/api/v1/write", remote_write, REMOTE, pid)
    send("Scaling Mode, OTLP", base, "/v1/metrics", otlp, OTLP, pid)


def peer(program):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        configuration = os.path.join(folder, "prometheus.yml")
        with open(configuration, "w") as file:
            file.write("global: {}\n")
        process = subprocess.Popen(
            [program, f"--config.file={configuration}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
             "--web.enable-remote-write-receiver"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", port)
                    connection.request("GET", "/-/ready")
                    if connection.getresponse().status == 200:
                        break
                except OSError:
                    pass
                time.sleep(0.1)
            send("Prometheus, remote write", f"http://127.0.0.1:{port}", "/api/v1/write", remote_write, REMOTE, process.pid)
        finally:
            process.terminate()
            process.wait()


own()
peer(sys.argv[1])
