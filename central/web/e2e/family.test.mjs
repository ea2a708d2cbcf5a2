// What happens to tickets between people and phones, in real browsers: a relative
// books, a phone falls silent, a clock is wrong, a phone is lost.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import path from "node:path";
import { acts, pause, ready, said, story } from "./acts.mjs";
import { openPhone } from "./phone.mjs";
import { openVenue, root } from "./venue.mjs";

const pictures = process.env.E2E_PICTURES ?? path.join(root, "var/e2e");
const standing = { zone: 3, klass: 3 };

/** How long after a session began gates know that it lapsed, on a busy machine too. */
const lapse = 23_000;

const step = story(() => [mina, jun, found]);
let venue, act, mina, jun, found;
let recovery;

before(async () => {
  venue = await openVenue({ gates: [{ key: "north", gate: "north" }] });
  act = acts(venue);
  [mina, jun] = await Promise.all([
    openPhone({ name: "family-ko-mina", locale: "ko-KR", pictures }),
    openPhone({ name: "family-en-jun", locale: "en-US", pictures }),
  ]);
}, { timeout: 180_000 });

after(async () => {
  await Promise.all([mina, jun, found].map((p) => p?.close()));
  await venue?.close();
});

step("two people, whom a registrar calls family", async () => {
  recovery = await act.signUp(mina, "mina@example.org");
  await act.signUp(jun, "jun@example.org");
  const [one, other] = [await act.identify(mina), await act.identify(jun)];
  await act.adds(jun, await act.certify("family", "--subject", other, "--relative", one, "--relation", "child"));
  await ready(jun, "relative");
});

step("a relative books and pays what was asked for, for the phone of who asked", async () => {
  await act.open(mina, `events/${venue.event}/ask`, "ask-what");
  await mina.at("ask-what").locator(`input[value="${standing.zone}/${standing.klass}"]`).check();
  await mina.at("ask-to").locator("input").first().check();
  await mina.picture("ask");
  await mina.at("ask-submit").click();
  await ready(mina, "outgoing-ask");
  await mina.picture("asked");

  await act.hear(jun, jun.at("incoming-ask"));
  await jun.picture("incoming-ask");
  await jun.at("incoming-ask").click();
  await jun.at("ask-fulfil").click();
  await ready(jun, "buy-ask");
  await jun.picture("ask-fulfil");
  await jun.at("buy-hold").click();
  await act.pay(jun);
  await act.open(jun, "tickets", "tickets-empty"); // who pays holds nothing

  const card = mina.page.locator('a[href^="#/tickets/"]').first();
  await act.hear(mina, card);
  await mina.picture("asked-ticket");
  const booked = (await card.getAttribute("href")).split("/").pop();
  await act.show(mina, booked);
  const verdict = await act.holdUp(mina, "north");
  assert.equal(said(verdict), "admit ok");
  assert.equal(verdict.ticket, booked.slice(0, 8));
});

step("a phone that falls silent: its code ends, at the gate as on its screen", async () => {
  const [hers, his] = [await act.buy(mina, standing), await act.buy(jun, standing)];

  // A copy of the wallet that shows on and on, whatever central says: what it is told
  // about the session is not from central.
  const relayed = [];
  const beats = /\/v1\/wallet\/leases\/[^/]+\/beat$/;
  await jun.context.route(beats, (route) => {
    relayed.push(route.request().url());
    return route.fulfill({ status: 204 });
  });
  await act.show(jun, his);
  const shown = Date.now();
  await act.show(mina, hers);
  await mina.context.setOffline(true);

  // The wallet gives its code up before central lets the session lapse.
  await ready(mina, "show-closed");
  await mina.picture("show-lapsed");
  assert.equal(await mina.at("show-state").getAttribute("data-state"), "closed");
  assert.equal(await mina.at("code").count(), 0);
  // Unlocked where there is no network, its code names no session: a gate at an event
  // that takes sessions for advice lets it in.
  await act.reopen(mina);
  await mina.picture("show-no-lease");
  const alone = await act.holdUp(mina, "north");
  assert.equal(said(alone), "admit ok");
  await mina.context.setOffline(false);

  await pause(Math.max(0, shown + lapse - Date.now()));
  const lapsed = await act.holdUp(jun, "north");
  assert.equal(said(lapsed), "refuse lease_lapsed");
  assert.ok(relayed.length > 0, "the wallet never beat");
  await jun.picture("show-relayed");

  await jun.context.unroute(beats);
  await act.open(jun, "tickets", "page-tickets");
  await act.show(jun, his);
  const verdict = await act.holdUp(jun, "north");
  assert.equal(said(verdict), "admit ok");
});

step("a phone whose clock is wrong says so, and its code is right", async () => {
  for (const [off, title] of [[90_000, "fast"], [-90_000, "slow"]]) {
    const ticket = await act.buy(jun, standing);
    await jun.context.addInitScript(setClock, off);
    await jun.page.reload();
    await act.show(jun, ticket);
    await ready(jun, "clock-wrong");
    await jun.picture(`show-clock-${title}`);
    const told = await jun.page.evaluate(() => Date.now());
    assert.ok(Math.abs(told - Date.now() - off) < 30_000, "the page's clock is not off");
    const verdict = await act.holdUp(jun, "north");
    assert.equal(said(verdict), "admit ok");
  }
});

/** Sets the clock of every page that opens from now on; the last one counts. */
function setClock(off) {
  const Real = globalThis.RealDate ?? Date;
  globalThis.RealDate = Real;
  globalThis.Date = class extends Real {
    constructor(...args) {
      super(...(args.length ? args : [Real.now() + off]));
    }
    static now() {
      return Real.now() + off;
    }
  };
}

step("a lost phone: the account's tickets move to the new one, and the old code dies", async () => {
  const ticket = await act.buy(mina, { zone: 1, klass: 1 });
  await act.show(mina, ticket);
  await mina.context.setOffline(true); // whoever has it keeps it from the news

  found = await openPhone({ name: "family-ko-new", locale: "ko-KR", pictures });
  await act.open(found, "recover", "recover-email");
  await found.at("recover-email").fill("mina@example.org");
  await found.at("recover-code").fill("0000-0000-0000-0000-0000");
  await found.at("recover-submit").click();
  await ready(found, "trouble-recovery_refused");
  await found.picture("recover-refused");
  await found.at("recover-code").fill(recovery.toLowerCase());
  await found.at("recover-submit").click();
  await ready(found, "recovery-code");
  const next = await found.at("recovery-code").getAttribute("data-code");
  assert.notEqual(next, recovery);
  await found.picture("recovered");
  await found.at("recovery-kept").check();
  await found.at("recovery-continue").click();
  await ready(found, "page-tickets");
  await found.picture("recovered-tickets");

  await act.reopen(mina);
  const old = await act.holdUp(mina, "north");
  assert.equal(said(old), "refuse transferred");
  await act.show(found, ticket);
  const verdict = await act.holdUp(found, "north");
  assert.equal(said(verdict), "admit ok");
  assert.equal(verdict.ticket, ticket.slice(0, 8));

  await mina.context.setOffline(false);
  await act.open(mina, "tickets", "session-over");
  await mina.picture("session-over");
});

step("no page threw", () => {
  for (const phone of [mina, jun, found]) assert.deepEqual(phone.errors, [], phone.name);
});
