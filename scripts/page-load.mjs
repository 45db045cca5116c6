// How fast the founder's page is served: $PAGE of the running server ($BASE_URL) over $CONNECTIONS connections that are
// kept open, for $LOAD_SECONDS, as a plain client asks for it and as a browser does (compressed). The time to the first
// byte runs from when a request is sent. The figures are printed, not judged; only an error answer fails.
import http from "node:http";

const CONNECTIONS = Number(process.env.CONNECTIONS ?? 16);
const SECONDS = Number(process.env.LOAD_SECONDS ?? 10);
const page = new URL(process.env.PAGE ?? "/founder/scaling-mode?environment=demo", process.env.BASE_URL);

async function load(name, headers) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const first = [];
  let bytes = 0;
  const ask = () =>
    new Promise((resolve, reject) => {
      const sent = performance.now();
      http
        .get(page, { agent, headers }, (response) => {
          first.push(performance.now() - sent);
          if (response.statusCode !== 200) return reject(new Error(`the page was answered with ${response.statusCode}`));
          response.on("data", (chunk) => (bytes += chunk.length));
          response.on("end", resolve);
        })
        .on("error", reject);
    });
  await ask();
  first.length = bytes = 0;
  const began = performance.now();
  const until = began + SECONDS * 1000;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (performance.now() < until) await ask();
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const sorted = first.sort((one, other) => one - other);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(2);
  const rate = Math.round(sorted.length / seconds);
  console.log(`${name}: ${rate} requests/s over ${CONNECTIONS} connections, first byte p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${Math.round(bytes / sorted.length)} bytes each`);
  agent.destroy();
}

await load("plain     ", { accept: "text/html" });
await load("compressed", { accept: "text/html", "accept-encoding": "gzip, deflate, br, zstd" });
