// A venue to test in: central, gates and cameras, as processes of their own.
// See testdata/stage/cmd/venue.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

/**
 * Starts a venue and returns a function that asks it to do a step. The events come
 * besides that of the plan; each gate's display gets an address in panels, under the
 * gate's key. All that the processes keep is in dir, if there is one to look into.
 * Where mint names the nodes of a cluster (rpc), central makes tokens there.
 */
export async function openVenue({ events = [], gates = [], mint, dir } = {}) {
  const child = spawn(path.join(root, "bin/venue"), ["-bin", path.join(root, "bin"), ...(dir ? ["-dir", dir] : [])], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    new Promise((resolve) => lines.once("line", resolve)),
    ended.then((code) => {
      throw new Error(`the venue did not open: exit status ${code}`);
    }),
  ]);
  const { url } = JSON.parse(first);

  async function step(name, body) {
    const answer = await fetch(url + name, body === undefined ? {} : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${name}: ${text.trim()}`);
    return JSON.parse(text);
  }
  if (mint) await step("/mint", mint);
  const about = await step("/venue");
  const panels = {};
  for (const event of events) await step("/events", event);
  await Promise.all(gates.map(async (gate) => {
    const { panel } = await step("/gates", { event: about.event, ...gate });
    panels[gate.key] = panel;
  }));
  return {
    ...about,
    panels,
    step,
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
