// A ticket's token in the life of its holder, in real browsers, on a chain of this
// machine: bought, admitted, free and sent away; and wallets of people's own. What a
// page says of a token, the chain is asked itself.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { generateKeyPairSync, sign } from "node:crypto";
import path from "node:path";
import { acts, ready, said, story } from "./acts.mjs";
import { base58, chainMissing, openChain } from "./chain.mjs";
import { openPhone } from "./phone.mjs";
import { openVenue, root } from "./venue.mjs";

const pictures = process.env.E2E_PICTURES ?? path.join(root, "var/e2e");
const explorer = "https://explorer.example";
const standing = { zone: 3, klass: 3 };

const missing = chainMissing();
const step = missing ? () => {} : story(() => [mina, jun]);
if (missing) test(`SKIPPED: ${missing}`, { skip: missing });
let chain, venue, act, mina, jun;

if (!missing) {
  before(async () => {
    chain = await openChain();
    venue = await openVenue({
      mint: { rpc: chain.nodes, lines: ['poll = "100ms"', `link = "${explorer}/address/{address}?cluster=custom"`, `tx_link = "${explorer}/tx/{signature}"`] },
      gates: [{ key: "north", gate: "north" }],
    });
    act = acts(venue);
    [mina, jun] = await Promise.all([
      openPhone({ name: "token-ko-mina", locale: "ko-KR", pictures }),
      openPhone({ name: "token-en-jun", locale: "en-US", pictures }),
    ]);
  }, { timeout: 180_000 });

  after(async () => {
    await Promise.all([mina, jun].map((p) => p?.close()));
    await venue?.close();
    await chain?.close();
  });
}

/** A wallet of somebody's own: its key is nobody else's. */
function ownWallet() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { x } = publicKey.export({ format: "jwk" });
  return { address: base58(Buffer.from(x, "base64url")), sign: (message) => sign(null, Buffer.from(message), privateKey) };
}

/** How long a page is followed before it is opened anew, and how often, on a machine that has other things to do. */
const [patience, openings] = [30_000, 6];

/**
 * Waits on a ticket's page until its token is in a state, and in a wallet if one is
 * given. The page follows by itself what is under way, but does not know that central
 * is about to begin something.
 */
async function becomes(phone, id, state, owner) {
  const at = phone.page.locator(`[data-test="token-state"][data-state="${state}"]`);
  const all = owner ? phone.page.locator('[data-test="page-token"]').filter({ has: at }).filter({ hasText: owner }) : at;
  for (let n = 1; ; n++) {
    await act.open(phone, `tickets/${id}/token`, "page-token");
    try {
      await all.waitFor({ timeout: patience });
      break;
    } catch (thrown) {
      if (n === openings) throw thrown;
      await phone.page.reload();
    }
  }
  return { address: await phone.at("token-address").innerText(), owner: await phone.at("token-owner").innerText() };
}

let ticket, first;

step("a ticket's page leads to its token, which the chain has", async () => {
  await act.signUp(mina, "mina@example.org");
  ticket = await act.buy(mina, standing);
  await act.open(mina, `tickets/${ticket}`, "ticket-token");
  await mina.picture("ticket");
  await mina.at("ticket-token").click();
  await ready(mina, "page-token");
  first = await becomes(mina, ticket, "held");
  await mina.picture("held");
  assert.deepEqual(await chain.token(first.address), { supply: 1, owner: first.owner, frozen: true });
  assert.equal(await mina.at("token-address-link").getAttribute("href"), `${explorer}/address/${first.address}?cluster=custom`);
  assert.ok((await mina.at("token-signature-link").getAttribute("href")).startsWith(`${explorer}/tx/`));
  assert.equal(await mina.at("token-send").count(), 0, "a token that is tied to its ticket can be sent");
  await mina.at("token-wallet").click();
  await ready(mina, "chain-custodial");
  assert.equal(await mina.at("chain-address").innerText(), first.owner);
  await mina.picture("wallet");
});

step("whoever was let in has it free", async () => {
  await act.show(mina, ticket);
  const verdict = await act.holdUp(mina, "north");
  assert.equal(said(verdict), "admit ok");
  await ready(mina, "show-admitted");
  assert.deepEqual(await becomes(mina, ticket, "free"), first);
  await mina.picture("free");
  assert.deepEqual(await chain.token(first.address), { supply: 1, owner: first.owner, frozen: false });
});

step("it is sent to another wallet, for good, once that is confirmed", async () => {
  const { address } = ownWallet();
  await mina.at("token-send").click();
  await mina.at("send-to").fill(first.address);
  await mina.at("send-next").click();
  await ready(mina, "send-to-error"); // the token's own
  await mina.at("send-to").fill(` ${address}\n`);
  await mina.at("send-next").click();
  await ready(mina, "send-yes");
  assert.equal(await mina.at("send-address").innerText(), address);
  await mina.picture("send");
  await mina.at("send-yes").click();
  await ready(mina, "page-token");
  const sent = await becomes(mina, ticket, "free", address);
  await mina.picture("sent");
  assert.deepEqual(await chain.token(sent.address), { supply: 1, owner: address, frozen: false });
  assert.equal(await mina.at("token-send").count(), 0, "what was sent can be sent again");
  const kinds = await mina.at("token-action").evaluateAll((all) => all.map((a) => `${a.dataset.kind} ${a.dataset.state}`));
  assert.deepEqual(kinds, ["send finalized", "release finalized", "mint finalized"]);
});

const own = ownWallet();
let his;

step("a wallet of one's own is linked by hand, with a signature of its key alone", async () => {
  await act.signUp(jun, "jun@example.org");
  await act.open(jun, "settings", "settings-wallet");
  await jun.at("settings-wallet").click();
  await jun.at("chain-link").click();
  await jun.at("chain-hand-address").fill(own.address);
  await jun.at("chain-hand-get").click();
  await ready(jun, "chain-message");
  const message = await jun.at("chain-message").textContent();
  assert.ok(message.includes(own.address) && message.includes(new URL(venue.wallet).host), message);
  await jun.at("chain-signature").fill(base58(ownWallet().sign(message)));
  await jun.at("chain-hand-submit").click();
  await ready(jun, "trouble-wallet_not_proved");
  await jun.picture("not-proved");
  await jun.at("chain-signature").fill(base58(own.sign(message)));
  await jun.at("chain-hand-submit").click();
  await ready(jun, "chain-outside");
  await jun.picture("linked");
  assert.equal(await jun.at("chain-address").innerText(), own.address);
});

step("a ticket that is bought then has its token there", async () => {
  his = await act.buy(jun, standing);
  const { address } = await becomes(jun, his, "held", own.address);
  assert.deepEqual(await chain.token(address), { supply: 1, owner: own.address, frozen: true });
  await jun.picture("held-outside");
});

step("unlinked, and linked again with a wallet of the browser: the token follows", async () => {
  await act.open(jun, "settings/wallet", "chain-unlink");
  const kept = await jun.at("chain-kept").innerText();
  await jun.at("chain-unlink").click();
  await jun.at("chain-unlink-yes").click();
  await ready(jun, "chain-custodial");
  const { address } = await becomes(jun, his, "held", kept);
  assert.deepEqual(await chain.token(address), { supply: 1, owner: kept, frozen: true });

  const another = ownWallet();
  await jun.page.exposeFunction("signWithAnother", (message) => [...another.sign(Uint8Array.from(message))]);
  await jun.page.addInitScript((address) => {
    const accounts = [{ address, chains: ["solana:localnet"] }];
    const signMessage = async ({ account, message }) => {
      if (account !== accounts[0]) throw new Error("another account");
      return [{ signedMessage: message, signature: Uint8Array.from(await globalThis.signWithAnother([...message])) }];
    };
    addEventListener("wallet-standard:app-ready", (e) => e.detail.register({ name: "Lantern", features: { "standard:connect": { connect: async () => ({ accounts }) }, "solana:signMessage": { signMessage } } }));
  }, another.address);
  await jun.page.reload();
  await act.open(jun, "settings/wallet/link", "chain-with");
  await jun.at("chain-with").click();
  await ready(jun, "chain-outside");
  await becomes(jun, his, "held", another.address);
  assert.deepEqual(await chain.token(address), { supply: 1, owner: another.address, frozen: true });
  await jun.picture("moved");
});

step("no page threw", () => {
  for (const phone of [mina, jun]) assert.deepEqual(phone.errors, [], phone.name);
});
