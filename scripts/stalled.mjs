// What senders that stall do to the others: the running server ($BASE_URL) is asked over and over while 3, 30 and 300 senders have
// stopped in the middle of a body, while 1,100 requests stop in their head, and while 400 send 2 MiB to each form that anybody may
// send. Prints the time of the others' answers and the memory, before, during and after. Only an answer that is not 200 fails.
import fs from "node:fs";
import http from "node:http";
import net from "node:net";

const { BASE_URL: base, SERVER_PID: pid } = process.env;
const SECONDS = Number(process.env.STALLED_SECONDS ?? 8);
const { port } = new URL(base);
const memory = () => Math.round(Number(fs.readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]) / 1024);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });

/// Milliseconds until a whole answer. A connection that was kept open may be closed to make room: like any client, this one asks again.
const asked = async (method, path, body) => {
  const began = performance.now();
  for (;;) {
    try {
      await once(method, path, body);
      return performance.now() - began;
    } catch (error) {
      if (error.code !== "ECONNRESET") throw error;
    }
  }
};

const once = (method, path, body) =>
  new Promise((resolve, reject) => {
    const headers = body ? { "content-type": "application/json", "content-length": Buffer.byteLength(body) } : {};
    const request = http.request(base + path, { agent, method, headers }, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${path}: ${answer.statusCode}`))));
    });
    request.on("error", reject);
    request.end(body);
  });

const export_ = JSON.stringify({ resourceMetrics: [] });
/// Measures everybody else's answers: a probe, a reading and an export in turn, about 100 a second.
async function others() {
  const times = [];
  const until = performance.now() + SECONDS * 1000;
  while (performance.now() < until) {
    times.push(await asked("GET", "/healthz"), await asked("GET", "/api/scaling-mode/config"), await asked("POST", "/v1/metrics", export_));
    await pause(30);
  }
  times.sort((one, other) => one - other);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
  return { count: times.length, p50: at(0.5), p99: at(0.99) };
}

function stalled(count, text) {
  return Array.from({ length: count }, () => {
    const socket = net.connect(Number(port), "127.0.0.1", () => socket.write(text));
    socket.on("error", () => {});
    return socket;
  });
}

const head = (path, length, type = "application/json") => `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;
const form = "application/x-www-form-urlencoded";
const cases = [
  ["nobody stalls", () => []],
  ...[3, 30, 300].map((count) => [`${count} senders stop in their body, at each of 4 doors`, () => ["/api/stripe", "/v1/metrics", "/api/alertmanager", "/api/telemetry"].flatMap((path) => stalled(count, `${head(path, 100)}{`))]),
  ["1,100 requests stop in their head", () => stalled(1100, "GET / HTTP/1.1\r\nhost: local")],
  ...["/api/scaling-mode/forms/sign-in", "/api/scaling-mode/forms/passkey-sign-in", "/founder/theme"].map((path) => [`400 x 2 MiB to ${path}`, () => stalled(400, Buffer.concat([Buffer.from(head(path, 2 << 20, form)), Buffer.alloc(64 << 10, 120)]))]),
];
const idle = memory();
for (const [name, begin] of cases) {
  const sockets = begin();
  const { count, p50, p99 } = await others();
  const during = memory();
  sockets.forEach((socket) => socket.destroy());
  await pause(500);
  console.log(`${name.padEnd(58)} ${String(count).padStart(5)} answers   p50 ${p50.padStart(6)} ms   p99 ${p99.padStart(6)} ms   ${during} MB, then ${memory()} MB`);
}
console.log(`at the beginning ${idle} MB, at the end ${memory()} MB`);
agent.destroy();
