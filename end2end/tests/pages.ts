// Every page, in every state that it has, by name: what the specs that look at all of them walk through.
import type { APIRequestContext } from "@playwright/test";
import { PAGE } from "./helpers";
import { STATES } from "./states";

export interface Look {
  name: string;
  path: string;
  /** What the server answers with. */
  status: number;
}

const one = (name: string, path: string, status = 200): Look => ({ name, path, status });
const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString();

export async function everyPage(request: APIRequestContext): Promise<Look[]> {
  const list = await (await request.get("/api/scaling-mode/health?environment=demo&type=list&limit=2")).json();
  const [newer, older] = list.snapshots.map((snapshot: { id: string }) => snapshot.id);
  const scenario = "mode=lab&inputs.clients=6&inputs.at_risk=0&inputs.warnings=0&inputs.critical=0&inputs.posts=10";
  return [
    ...["production", "this-server", "demo", ...STATES].map((name) => one(name, `${PAGE}?environment=${name}`)),
    one("notice", `${PAGE}?environment=demo&notice=conflict`),
    one("history narrowed", `${PAGE}?environment=demo&type=snapshot_recorded&range=365`),
    one("snapshot", `${PAGE}/snapshots/${newer}`),
    one("compare", `${PAGE}/compare?from=${older}&to=${newer}`),
    one("event", `${PAGE}/events/1?environment=demo`),
    one("samples", `${PAGE}/samples?environment=demo&signal=ai.spend&from=${day(2)}&to=${day(0)}`),
    one("connections", `${PAGE}/connections?environment=measured`),
    one("connections, nothing yet", `${PAGE}/connections?environment=production`),
    one("connections, failing", `${PAGE}/connections?environment=asked`),
    one("connections, source with mistakes", `${PAGE}/connections?environment=added&notice=source-wrong&name=a&token_env=HOME`),
    one("connections, signal with mistakes", `${PAGE}/connections?environment=added&notice=source-wrong&to=warehouse&signal=warnings.open`),
    one("settings", `${PAGE}/settings?environment=demo`),
    one("settings reviewed", `${PAGE}/settings?environment=demo&review=1&guardrails.max_churn_risk=0.1`),
    one("settings with mistakes", `${PAGE}/settings?environment=demo&review=1&guardrails.max_churn_risk=9&weights.infra=1`),
    one("what-if", `${PAGE}/what-if?environment=measured&${scenario}`),
    one("what-if with mistakes", `${PAGE}/what-if?environment=production&inputs.clients=many`),
    one("backtest", `${PAGE}/backtest?environment=demo&limits.pilot.max_clients=9`),
    one("backtest with mistakes", `${PAGE}/backtest?environment=demo&limits.pilot.max_clients=many`),
    one("rules", `${PAGE}/rules?environment=demo`),
    one("error", `${PAGE}?environment=nowhere`, 404),
    one("no page", "/founder/nothing-here", 404),
  ];
}
