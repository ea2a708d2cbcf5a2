// The holder's proof from end to end, in real browsers: what a page shows is
// photographed, read by a gate's camera, and decided on by a real gate.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import path from "node:path";
import { openPhone } from "./phone.mjs";
import { openVenue, root } from "./venue.mjs";

const pictures = process.env.E2E_PICTURES ?? path.join(root, "var/e2e");

let venue, mina, jun, lane;

/** An event whose gates make everybody answer their nonce. */
const strict = 1002;
const lens = path.join(root, "var/e2e-lens.y4m");

before(async () => {
  venue = await openVenue({
    events: [{ id: strict, change: { always_challenge: true } }],
    gates: [{ key: "north", gate: "north" }, { key: "south", gate: "south" }, { key: "strict", gate: "north", event: strict }],
  });
  mina = await openPhone({ name: "ko-mina", locale: "ko-KR", lens, pictures });
  jun = await openPhone({ name: "en-jun", locale: "en-US", pictures });
}, { timeout: 180_000 });

after(async () => {
  await Promise.all([mina, jun, lane].map((p) => p?.close()));
  await venue?.close();
});

/** Steps depend on each other: after one has failed, the others would only add noise. */
let broken = false;
function step(title, run) {
  test(title, { timeout: 300_000 }, async (t) => {
    if (broken) return t.skip("an earlier step failed");
    broken = true;
    await run(t);
    broken = false;
  });
}

const ready = (phone, id) => phone.at(id).waitFor();

/** Holds a phone up to a gate until it says something. */
async function holdUp(phone, gate, profile = "gate") {
  const screen = await phone.screen(7);
  return venue.step(`/gates/${gate}/sees`, { screens: [{ ...screen, profile }] });
}

async function signUp(phone, email) {
  await phone.page.goto(venue.wallet);
  await ready(phone, "page-welcome");
  await phone.picture("welcome");
  await phone.at("welcome-join").click();
  await phone.at("join-email").fill(email);
  await phone.picture("join");
  await phone.at("join-submit").click();
  await ready(phone, "recovery-code");
  await phone.picture("recovery-code");
  await phone.at("recovery-kept").check();
  await phone.at("recovery-continue").click();
  await ready(phone, "page-tickets");
  await phone.picture("no-tickets");
}

/** Buys one ticket and returns its id. */
async function buy(phone, { zone, klass, form, event = venue.event }) {
  await phone.page.goto(`${venue.wallet}#/events/${event}`);
  await phone.at(`zone-${zone}`).check();
  await phone.at(`class-${klass}`).check();
  if (form) await phone.at(`form-${form}`).check();
  await phone.picture("buy");
  await phone.at("buy-hold").click();
  await ready(phone, "buy-held");
  await phone.picture("buy-held");
  await phone.at("buy-pay").click();
  await ready(phone, "buy-done");
  await phone.picture("buy-done");
  const href = await phone.at("buy-open").getAttribute("href");
  return href.split("/").pop();
}

async function show(phone, id) {
  await phone.page.goto(`${venue.wallet}#/tickets/${id}/show`);
  await phone.at("show-open").click();
  await ready(phone, "code");
}

let first, second, third, given;

step("sign up with a passkey", async () => {
  await signUp(mina, "mina@example.org");
  await signUp(jun, "jun@example.org");
});

step("a refused fingerprint is told, and tried again", async () => {
  first = await buy(mina, { zone: 3, klass: 3 });
  await mina.page.goto(`${venue.wallet}#/tickets/${first}`);
  await ready(mina, "page-ticket");
  await mina.picture("ticket");
  await mina.verifies(false);
  await mina.page.goto(`${venue.wallet}#/tickets/${first}/show`);
  await ready(mina, "show-idle");
  await mina.picture("show-idle");
  await mina.at("show-open").click();
  await ready(mina, "show-refused");
  await mina.picture("biometrics-refused");
  await mina.verifies(true);
});

step("the displayed code is admitted from camera frames", async () => {
  await show(mina, first);
  await mina.picture("show-live");
  const verdict = await holdUp(mina, "north");
  assert.equal(`${verdict.outcome} ${verdict.reason}`, "admit ok");
  assert.equal(verdict.ticket, first.slice(0, 8));
  await venue.step("/gates/north/passage", { seq: verdict.seq });
});

step("the wallet hears of the entry and keeps the receipt", async () => {
  await ready(mina, "show-admitted");
  await mina.picture("show-admitted");
  await mina.at("show-done").click();
  await ready(mina, "used");
  await mina.picture("used");
  await mina.at("ticket-receipt").click();
  await ready(mina, "receipt");
  await mina.picture("receipt");
});

step("no network on either side: offline wallet, offline gate", async () => {
  second = await buy(mina, { zone: 3, klass: 3 });
  await mina.page.goto(`${venue.wallet}#/tickets`);
  await ready(mina, "page-tickets");
  await mina.picture("tickets");
  await venue.step("/central", { on: false });
  await mina.page.reload();
  await ready(mina, "page-tickets");
  await mina.picture("offline");
  await show(mina, second);
  await mina.picture("show-offline");
  const verdict = await holdUp(mina, "south");
  assert.equal(`${verdict.outcome} ${verdict.reason} ${verdict.mode}`, "admit ok alone");
  await venue.step("/central", { on: true });
});

step("challenge: the wallet reads the lane's display with its camera", async () => {
  third = await buy(mina, { zone: 3, klass: 3, event: strict });
  lane = await openPhone({ name: "lane", pictures, viewport: { width: 800, height: 600 } });
  await lane.page.goto(venue.panels.strict);
  await lane.page.locator("#nonce:not([hidden]) img").waitFor();
  await lane.picture("nonce");
  await mina.page.goto(`${venue.wallet}#/tickets/${third}`);
  await ready(mina, "page-ticket");
  await venue.step("/lens", { path: lens, screen: await lane.display("#picture", 1) });
  await mina.page.goto(`${venue.wallet}#/tickets/${third}/answer`);
  await ready(mina, "code");
  await mina.picture("answer");
  const verdict = await holdUp(mina, "strict");
  assert.equal(`${verdict.outcome} ${verdict.reason}`, "admit ok");
});

step("a ticket given to a relative: the old phone's code dies, the new one's lives", async () => {
  for (const phone of [mina, jun]) {
    await phone.page.goto(`${venue.wallet}#/family`);
    await phone.at("did-make").click();
    await ready(phone, "did-text");
    await phone.picture("family");
  }
  const [one, other] = await Promise.all([mina, jun].map((p) => p.at("did-text").innerText()));
  const { jwt } = await venue.step("/registrar", {
    args: ["family", "--subject", one.trim(), "--relative", other.trim(), "--relation", "sibling"],
  });
  await mina.page.goto(`${venue.wallet}#/credentials`);
  await mina.at("credential-text").fill(jwt);
  await mina.picture("credential");
  await mina.at("credential-submit").click();
  await mina.at("relative").waitFor();
  await mina.picture("relatives");

  given = await buy(mina, { zone: 1, klass: 1 });
  await mina.page.goto(`${venue.wallet}#/tickets/${given}/give`);
  await mina.at("give-to").locator("input").first().check();
  await mina.picture("give");
  await mina.at("give-submit").click();
  await ready(mina, "giving");
  await mina.picture("giving");

  await jun.page.goto(`${venue.wallet}#/tickets`);
  await jun.at("incoming-transfer").click();
  await ready(jun, "take-accept");
  await jun.picture("take");
  await show(mina, given); // still hers, and her phone will hear nothing of what follows
  await mina.context.setOffline(true);
  await jun.at("take-accept").click();
  await jun.page.waitForURL(new RegExp(given));
  await jun.picture("taken");

  const stale = await holdUp(mina, "north");
  assert.equal(`${stale.outcome} ${stale.reason}`, "refuse transferred");
  await mina.context.setOffline(false);
  await mina.page.goto(`${venue.wallet}#/tickets/${given}`);
  await ready(mina, "moved");
  await mina.picture("moved");
  await show(jun, given);
  await jun.picture("show-live");
  const verdict = await holdUp(jun, "north");
  assert.equal(`${verdict.outcome} ${verdict.reason}`, "admit ok");
});

step("a paper ticket has its page, and is admitted from it", async () => {
  const paper = await buy(jun, { zone: 3, klass: 5, form: "paper" });
  await jun.page.goto(`${venue.wallet}#/tickets/${paper}/paper`);
  await ready(jun, "paper");
  await jun.picture("paper");
  const verdict = await holdUp(jun, "north", "easy");
  assert.match(`${verdict.outcome} ${verdict.reason}`, /^(admit ok|refer wrong_gate)$/);
});

step("no page threw", () => {
  for (const phone of [mina, jun]) assert.deepEqual(phone.errors, [], phone.name);
});
