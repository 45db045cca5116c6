// A server that a spec has for itself, on an empty store: nobody may sign in on the one that the other specs share.
import { expect, type Page } from "@playwright/test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { form, PAGE } from "./helpers";
import { program } from "./states";

export interface OwnServer {
  base: string;
  /** Where the first founder's account is created: the server prints it when it starts. */
  founderLink: string;
  end: () => Promise<void>;
}

/** A port that was free a moment ago. */
export const freePort = () =>
  new Promise<number>((found) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => found(port));
    });
  });

/** Starts it at a port, with settings and variables of its own. */
export async function ownServer(port: number, settings = "", variables: Record<string, string> = {}): Promise<OwnServer> {
  const folder = mkdtempSync(join(tmpdir(), "scaling-mode-own-"));
  const file = join(folder, "settings.toml");
  writeFileSync(file, settings);
  const base = `http://localhost:${port}`;
  const { SCALING_MODE_SETTINGS: _, ...env } = process.env;
  const given = ["serve", "--no-demo", "--log", "warn", "--settings", file, "--addr", `127.0.0.1:${port}`, "--data-dir", folder];
  const server = spawn(program(), given, { env: { ...env, ...variables }, stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  server.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ready = () => fetch(`${base}/readyz`).then((answer) => answer.ok, () => false);
  await expect.poll(ready, { timeout: 30_000 }).toBe(true);
  // What it prints comes by another way than what it answers.
  const link = () => said.match(/http\S+\/founder\/join\/[0-9a-f]+(?=\s)/)?.[0] ?? "";
  await expect.poll(link, { timeout: 30_000 }).not.toBe("");
  return {
    base,
    founderLink: link(),
    end: async () => {
      const ended = new Promise((done) => server.once("exit", done));
      server.kill();
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}

/** Creates the first founder's account and waits until it is there: going on immediately would cut the form off on its way. */
export async function joinAsFounder(page: Page, server: OwnServer, password: string) {
  await page.goto(server.founderLink);
  const join = form(page, "join");
  await join.getByLabel("E-mail address").fill("anna@example.com");
  await join.getByLabel("Your name").fill("Anna");
  await join.getByLabel("Password").fill(password);
  await join.getByRole("button").click();
  await expect(page).toHaveURL(new RegExp(`${PAGE}$`));
}
