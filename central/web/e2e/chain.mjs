// A Solana cluster on this machine (testdata/localnet), and what its nodes say: what a
// page claims is looked up there.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";
import { root } from "./venue.mjs";

/** Why there is no cluster on this machine, or null if there is one. */
export function chainMissing() {
  try {
    createRequire(path.join(root, "testdata/localnet/main.js")).resolve("litesvm-linux-x64-gnu");
    return null;
  } catch {
    if (process.env.CHAIN === "must") throw new Error("node_modules/litesvm-linux-x64-gnu is missing (make node_modules)");
    return "node_modules/litesvm-linux-x64-gnu is missing (make node_modules): nothing here is tested on a chain";
  }
}

const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** How Solana writes keys and signatures. */
export function base58(bytes) {
  let n = bytes.reduce((sum, b) => sum * 256n + BigInt(b), 0n);
  let out = "";
  for (; n > 0n; n /= 58n) out = digits[Number(n % 58n)] + out;
  for (let i = 0; bytes[i] === 0; i++) out = `1${out}`;
  return out;
}

/** Starts a cluster with a slot every so many milliseconds. */
export async function openChain(slot = 100) {
  const child = spawn(process.execPath, [path.join(root, "testdata/localnet/main.js"), "--attached", "--port", "0", "--slot", String(slot)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const first = await Promise.race([
    new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve)),
    ended.then((code) => {
      throw new Error(`the chain did not open: exit status ${code}`);
    }),
  ]);
  const { url, second } = JSON.parse(first);

  async function ask(method, ...params) {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const { result, error } = await answer.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** An account's bytes, as nobody can undo them any more. */
  async function account(address) {
    const { value } = await ask("getAccountInfo", address, { encoding: "base64", commitment: "finalized" });
    if (!value) throw new Error(`the chain has no account ${address}`);
    return Buffer.from(value.data[0], "base64");
  }

  return {
    nodes: [url, second],
    ask,

    /** How many there are of a token, in whose wallet, and whether it is frozen there. */
    async token(mint) {
      const supply = Number((await account(mint)).readBigUInt64LE(36));
      const { value } = await ask("getTokenLargestAccounts", mint, { commitment: "finalized" });
      const holding = value.filter((v) => v.amount !== "0");
      if (holding.length !== supply) throw new Error(`there are ${supply} of ${mint}, in ${holding.length} accounts`);
      if (supply === 0) return { supply };
      const held = await account(holding[0].address);
      return { supply, owner: base58(held.subarray(32, 64)), frozen: held[108] === 2 };
    },

    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
