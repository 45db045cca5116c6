// What the server makes of LiteLLM's log: all that was spent, rounded up once a minute at most, and what has no price by its name.
import assert from "node:assert/strict";

const { BASE_URL, LOGGED } = process.env;
const [rows, spent, free] = LOGGED.split("|").map(Number);
assert.ok(rows > 4 && spent > 0 && free === 1, LOGGED);

const json = async (path) => (await fetch(`${BASE_URL}${path}`)).json();
const at = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString();

async function told() {
  const path = `/api/scaling-mode/samples?environment=production&signal=ai.spend&from=${at(-60)}&to=${at(5)}`;
  const { samples } = await json(path);
  return samples.reduce((sum, sample) => sum + Number(String(sample.value).replace(/[^0-9.]/g, "")), 0);
}

const deadline = Date.now() + 60_000;
let sum = await told();
while (sum === 0 && Date.now() < deadline) {
  await new Promise((done) => setTimeout(done, 500));
  sum = await told();
}
const { connections } = await json("/api/scaling-mode/connections?environment=production");
const source = connections.find((connection) => connection.name === "litellm");
assert.equal(source?.failure, null, JSON.stringify(source));
assert.equal(source.notice === null || !source.notice.includes("could not be used"), true, source.notice);
// Micro-dollars, rounded up in each of a few minutes.
assert.ok(sum >= spent - 1e-12 && sum < spent + 1e-5, `${sum} of ${spent}`);
assert.deepEqual(source.signals.find((signal) => signal.signal === "ai.spend").unpriced, ["of-our-own"]);
console.log(`LiteLLM's log: ${rows} requests for $${spent}, told as $${sum.toFixed(6)}; of-our-own has no price`);
