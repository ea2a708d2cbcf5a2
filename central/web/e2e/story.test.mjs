// The holder's proof from end to end, in real browsers: what a page shows is
// photographed, read by a gate's camera, and decided on by a real gate.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import path from "node:path";
import { acts, ready, said, story } from "./acts.mjs";
import { openPhone } from "./phone.mjs";
import { openVenue, root } from "./venue.mjs";

const pictures = process.env.E2E_PICTURES ?? path.join(root, "var/e2e");

const step = story(() => [mina, jun, lane]);
let venue, act, mina, jun, lane;

/** An event whose gates make everybody answer their nonce. */
const strict = 1002;
const lens = path.join(root, "var/e2e-lens.y4m");

before(async () => {
  venue = await openVenue({
    events: [{ id: strict, change: { always_challenge: true } }],
    gates: [{ key: "north", gate: "north" }, { key: "south", gate: "south" }, { key: "strict", gate: "north", event: strict }],
  });
  act = acts(venue);
  mina = await openPhone({ name: "ko-mina", locale: "ko-KR", lens, pictures });
  jun = await openPhone({ name: "en-jun", locale: "en-US", pictures });
}, { timeout: 180_000 });

after(async () => {
  await Promise.all([mina, jun, lane].map((p) => p?.close()));
  await venue?.close();
});

let first, second, third, given;

step("sign up with a passkey", async () => {
  await act.signUp(mina, "mina@example.org");
  await act.signUp(jun, "jun@example.org");
});

step("a refused fingerprint is told, and tried again", async () => {
  first = await act.buy(mina, { zone: 3, klass: 3 });
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
  await act.show(mina, first);
  await mina.picture("show-live");
  const verdict = await act.holdUp(mina, "north");
  assert.equal(said(verdict), "admit ok");
  assert.equal(verdict.ticket, first.slice(0, 8));
  await act.passes("north", verdict);
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
  second = await act.buy(mina, { zone: 3, klass: 3 });
  await mina.page.goto(`${venue.wallet}#/tickets`);
  await ready(mina, "page-tickets");
  await mina.picture("tickets");
  await venue.step("/central", { on: false });
  await mina.page.reload();
  await ready(mina, "page-tickets");
  await mina.picture("offline");
  await act.show(mina, second);
  await mina.picture("show-offline");
  const verdict = await act.holdUp(mina, "south");
  assert.equal(`${verdict.outcome} ${verdict.reason} ${verdict.mode}`, "admit ok alone");
  await venue.step("/central", { on: true });
});

step("challenge: the wallet reads the lane's display with its camera", async () => {
  third = await act.buy(mina, { zone: 3, klass: 3, event: strict });
  lane = await openPhone({ name: "lane", pictures, viewport: { width: 800, height: 600 } });
  await lane.page.goto(venue.panels.strict);
  await lane.page.locator("#nonce:not([hidden]) img").waitFor();
  await lane.picture("nonce");
  const verdict = await act.answer(mina, lane, "strict", `tickets/${third}/answer`);
  await mina.picture("answer");
  assert.equal(said(verdict), "admit ok");
});

step("a ticket given to a relative: the old phone's code dies, the new one's lives", async () => {
  const [one, other] = [await act.identify(mina), await act.identify(jun)];
  await act.adds(mina, await act.certify("family", "--subject", one, "--relative", other, "--relation", "sibling"));
  await ready(mina, "relative");
  await mina.picture("relatives");

  given = await act.buy(mina, { zone: 1, klass: 1 });
  await mina.page.goto(`${venue.wallet}#/tickets/${given}/give`);
  await mina.at("give-to").locator("input").first().check();
  await mina.picture("give");
  await mina.at("give-submit").click();
  await ready(mina, "giving");
  await mina.picture("giving");

  await act.hear(jun, jun.at("incoming-transfer"));
  await jun.at("incoming-transfer").click();
  await ready(jun, "take-accept");
  await jun.picture("take");
  await act.show(mina, given); // still hers, and her phone will hear nothing of what follows
  await mina.context.setOffline(true);
  await jun.at("take-accept").click();
  await jun.page.waitForURL(new RegExp(given));
  await jun.picture("taken");

  await act.reopen(mina);
  const stale = await act.holdUp(mina, "north");
  assert.equal(said(stale), "refuse transferred");
  await mina.context.setOffline(false);
  await mina.page.goto(`${venue.wallet}#/tickets/${given}`);
  await ready(mina, "moved");
  await mina.picture("moved");
  await act.show(jun, given);
  await jun.picture("show-live");
  const verdict = await act.holdUp(jun, "north");
  assert.equal(said(verdict), "admit ok");
});

step("a paper ticket has its page, and is admitted from it", async () => {
  const paper = await act.buy(jun, { zone: 3, klass: 5, form: "paper" });
  await jun.page.goto(`${venue.wallet}#/tickets/${paper}/paper`);
  await ready(jun, "paper");
  await jun.picture("paper");
  const verdict = await act.holdUp(jun, "north", "easy");
  assert.match(said(verdict), /^(admit ok|refer wrong_gate)$/);
});

step("no page threw", () => {
  for (const phone of [mina, jun]) assert.deepEqual(phone.errors, [], phone.name);
});
