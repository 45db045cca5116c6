// Many open pages: $LISTENERS streams of server-sent events on the running server ($BASE_URL), while events are made by a
// founder's act at $EVENTS_PER_SECOND for $LISTEN_SECONDS. The delay of each event at each listener runs from before the act
// is sent. Fails when an event is missed; the figures are printed, not judged.
import http from "node:http";

const LISTENERS = Number(process.env.LISTENERS ?? 4000);
const PER_SECOND = Number(process.env.EVENTS_PER_SECOND ?? 4);
const SECONDS = Number(process.env.LISTEN_SECONDS ?? 20);
const base = new URL(process.env.BASE_URL);

const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const delays = [];
let heard = 0;
let actAt = 0;
let measuring = false;

function listen() {
  return new Promise((resolve, reject) => {
    const request = http.get(new URL("/api/scaling-mode/events?environment=production", base), { agent }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`a listener got ${response.statusCode}`));
      let rest = "";
      response.setEncoding("latin1");
      response.on("data", (chunk) => {
        const now = performance.now();
        const parts = (rest + chunk).split("\n\n");
        rest = parts.pop();
        for (const part of parts) {
          if (!measuring || !part.includes("event: history")) continue;
          heard++;
          delays.push(now - actAt);
        }
      });
      response.on("error", () => {});
      resolve(request);
    });
    request.on("error", reject);
  });
}

async function act(enabled) {
  const body = JSON.stringify({ environment: "production", action: "set_auto_mode", enabled });
  actAt = performance.now();
  const response = await fetch(new URL("/api/scaling-mode/config", base), { method: "PUT", headers: { "content-type": "application/json" }, body });
  if (!response.ok) throw new Error(`the act was answered with ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}

const requests = [];
for (let opened = 0; opened < LISTENERS; opened += 100) {
  requests.push(...(await Promise.all(Array.from({ length: Math.min(100, LISTENERS - opened) }, listen))));
}
console.log(`${requests.length} listeners are connected`);
measuring = true;
const count = PER_SECOND * SECONDS;
for (let place = 0; place < count; place++) {
  const began = performance.now();
  await act(place % 2 === 0);
  await new Promise((wake) => setTimeout(wake, Math.max(0, 1000 / PER_SECOND - (performance.now() - began))));
}
await new Promise((wake) => setTimeout(wake, 2000));

const sorted = Float64Array.from(delays).sort();
const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1);
console.log(`${count} events at ${PER_SECOND} a second to ${LISTENERS} listeners: ${heard} told, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`);
for (const request of requests) request.destroy();
if (heard !== count * LISTENERS) throw new Error(`${count * LISTENERS - heard} of ${count * LISTENERS} were not heard`);
process.exit(0);
