// A sale with a waiting room, in two real browsers: the lobby and the draw, a phone
// that is reloaded and loses its network, a fight for one seat, what is sold out, and
// a seat that is given back and goes to who waited for it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before } from "node:test";
import { readFile, writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { acts, pause, ready, story } from "./acts.mjs";
import { openPhone } from "./phone.mjs";
import { openVenue, root } from "./venue.mjs";

const pictures = path.join(root, "var/e2e");
const rush = 2001;
const later = 2002;
const stalls = { zone: 1, klass: 1 };

const step = story(() => [mina, jun]);
let venue, act, mina, jun, dir;
const numbers = {};

before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "conting-queue-"));
  const refund = new Date(Math.floor(Date.now() / 1000) * 1000 + 2 * 3_600_000).toISOString().replace(".000", "");
  const zones = [
    { id: 1, name: "1층", rows: [{ row: "A", first: 1, last: 2 }] },
    { id: 2, name: "2층", rows: [{ row: "A", first: 1, last: 6 }] },
    { id: 3, name: "스탠딩", standing: 10 },
  ];
  venue = await openVenue({
    events: [
      { id: rush, zones, change: { name: "단 하루의 공연", sale: { method: "first_come", max_per_person: 2, refund_until: refund, offer_minutes: 5 } } },
      { id: later, zones, change: { name: "The show after" } },
    ],
  });
  act = acts(venue);
  [mina, jun] = await Promise.all([
    openPhone({ name: "queue-ko-mina", locale: "ko-KR", pictures }),
    openPhone({ name: "queue-en-jun", locale: "en-GB", pictures }),
  ]);
}, { timeout: 180_000 });

after(async () => {
  await Promise.all([mina, jun].map((p) => p?.close()));
  await venue?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** What an organiser tells central. */
async function organise(method, where, body) {
  const token = (await readFile(venue.token_file, "utf8")).trim();
  const answer = await fetch(new URL(`/admin/v1/${where}`, venue.wallet), {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${where}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

const soon = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
const state = (phone, is) => phone.page.locator(`[data-test="queue-state"][data-state="${is}"]`).waitFor();
const numberOf = async (phone) => Number(await phone.at("queue-state").getAttribute("data-number"));
const seat = (phone, label) => phone.at(`seat-${label}`);

/** Seats of the zone that the stalls are, as everybody sees them. */
async function seats() {
  const answer = await fetch(new URL(`/v1/events/${rush}/seats?zone=${stalls.zone}`, venue.wallet));
  return (await answer.json()).seats.map((s) => `${s.seat} ${s.state}`);
}

step("two people come into the lobby", async () => {
  await organise("PUT", `events/${rush}/queue`, { opens: soon(300), rate_per_minute: 600 });
  await act.signUp(mina, "mina@example.org");
  await act.signUp(jun, "jun@example.org");
  for (const phone of [mina, jun]) {
    await act.open(phone, `events/${rush}`, "buy-queue");
    await phone.picture("queue-needed");
    assert.equal(await phone.at("buy-hold").count(), 0, "places can be chosen without standing in line");
    await phone.at("buy-queue").click();
    await ready(phone, "queue-enter");
    await phone.at("queue-enter").click();
    await state(phone, "lobby");
    await phone.picture("lobby");
    numbers[phone.name] = await numberOf(phone);
  }
  assert.deepEqual(Object.values(numbers).sort(), [1, 2]);
});

step("the place stays: the page is reloaded, and the network goes and comes", async () => {
  await mina.page.reload();
  await state(mina, "lobby");
  assert.equal(await numberOf(mina), numbers[mina.name]);
  await jun.context.setOffline(true);
  await jun.page.reload().catch(() => undefined); // the wallet opens without a network
  await jun.context.setOffline(false);
  await act.open(jun, `events/${rush}/queue`, "page-queue");
  await state(jun, "lobby");
  assert.equal(await numberOf(jun), numbers[jun.name]);
  await act.open(mina, "tickets", "line-bar"); // it is said on every page
  await mina.picture("line-bar");
});

step("the sale opens, and both are let in", async () => {
  await organise("PUT", `events/${rush}/queue`, { opens: soon(1) });
  for (const phone of [mina, jun]) {
    await act.open(phone, `events/${rush}/queue`, "page-queue");
    await state(phone, "admitted");
    await phone.picture("admitted");
  }
});

step("anybody can check the draw with the file and a receipt", async () => {
  await mina.at("queue-proof").click();
  const [saved] = await Promise.all([mina.page.waitForEvent("download"), mina.at("queue-receipt").click()]);
  const receipt = path.join(dir, "receipt.txt");
  await saved.saveAs(receipt);
  const shuffle = path.join(dir, "shuffle.txt");
  const [file] = await Promise.all([mina.page.waitForEvent("download"), mina.at("queue-shuffle").click()]);
  await file.saveAs(shuffle);
  await mina.picture("proof");
  const { stdout } = await promisify(execFile)(path.join(root, "bin/central"), ["verify-shuffle", "--json", shuffle, receipt]);
  const found = JSON.parse(stdout);
  assert.equal(found.people, 2);
  assert.equal(found.number, numbers[mina.name]);
  const text = await readFile(shuffle, "utf8");
  await writeFile(shuffle, text.replace(/\d(?=\D*$)/, (d) => String((Number(d) + 1) % 10)));
  await assert.rejects(promisify(execFile)(path.join(root, "bin/central"), ["verify-shuffle", shuffle, receipt]));
});

step("a fight for one seat: one has it, the other chooses another", async () => {
  for (const phone of [mina, jun]) {
    await phone.at("queue-buy").click();
    await phone.at(`zone-${stalls.zone}`).check();
    await phone.at(`class-${stalls.klass}`).check();
    await seat(phone, "A-1").check();
  }
  await mina.at("buy-hold").click();
  await ready(mina, "buy-held");
  await jun.at("buy-hold").click();
  await ready(jun, "trouble-seat_taken");
  await jun.picture("seat-taken");
  await jun.page.locator('[data-test="seat-A-1"][disabled]').waitFor({ state: "attached" });
  await seat(jun, "A-2").check();
  await jun.at("buy-hold").click();
  await act.pay(jun);
  assert.deepEqual(await seats(), ["A-1 held", "A-2 sold"]);
});

step("a reload does not lose what is held, and a card that is refused is not the end", async () => {
  await mina.page.reload();
  await ready(mina, "buy-held");
  assert.match(await mina.at("summary-seat").innerText(), /A-1/);
  await mina.at("buy-outcome").selectOption("declined");
  await mina.at("buy-pay").click();
  await ready(mina, "trouble-payment_declined");
  await mina.picture("declined");
  await mina.at("buy-outcome").selectOption("webhook-late");
  await mina.at("buy-pay").click();
  await ready(mina, "buy-done");
  await mina.picture("bought");
  assert.deepEqual(await seats(), ["A-1 sold", "A-2 sold"]);
});

step("what is sold out can be waited for", async () => {
  await act.open(jun, "tickets", "page-tickets");
  await act.open(jun, `events/${rush}`, "page-event");
  await jun.at(`zone-${stalls.zone}`).check();
  await jun.at(`class-${stalls.klass}`).check();
  await jun.at("waiting-join").click();
  await ready(jun, "wait");
  await jun.picture("waiting");
  assert.equal(await jun.at("wait").count(), 1);
});

step("a seat that is given back is offered to who waits, and to nobody else", async () => {
  await act.open(mina, "orders", "order");
  await mina.picture("orders");
  await mina.at("order").first().click();
  await ready(mina, "order-refund");
  await mina.picture("order");
  await mina.at("order-refund").click();
  await mina.at("refund-yes").click();
  await ready(mina, "order-money");
  await mina.picture("refunded");
  assert.ok(!(await seats()).includes("A-1 free"), "the seat that was given back is free for anybody");

  await act.hear(jun, jun.at("offer"));
  await jun.picture("offered");
  await jun.at("offer").click();
  await ready(jun, "offer-open");
  await jun.picture("offer");
  await jun.at("offer-accept").click();
  await act.pay(jun);
  const bought = (await jun.at("buy-open").getAttribute("href")).split("/").pop();
  await act.open(jun, `tickets/${bought}`, "page-ticket");
  await jun.page.getByText("A-1", { exact: true }).first().waitFor();
  assert.deepEqual(await seats(), ["A-1 sold", "A-2 sold"]);
  await act.open(jun, "tickets", "page-tickets");
  assert.equal(await jun.page.locator('a[href^="#/tickets/"]').count(), 2);
});

step("nobody has more than their share", async () => {
  await act.open(jun, `events/${rush}`, "page-event");
  await jun.at("zone-3").check();
  await jun.at("class-3").check();
  await jun.at("buy-hold").click();
  await ready(jun, "trouble-person_limit");
  await jun.picture("limit");
});

step("the page of the waiting room does without the wallet", async () => {
  await organise("PUT", `events/${later}/queue`, { opens: soon(3600) });
  const plain = await jun.window("queue-en-page");
  await plain.page.goto(new URL(`/queue/${later}`, venue.wallet).href);
  await plain.page.locator('body[data-state="lobby"]').waitFor();
  await plain.picture("lobby");
  await act.open(jun, `events/${later}/queue`, "page-queue");
  await jun.at("queue-enter").click();
  await state(jun, "lobby");
  const mine = await numberOf(jun);
  assert.equal(mine, 1, "the wallet took another place than the page");
  await organise("PUT", `events/${later}/queue`, { opens: soon(1) });
  await plain.page.locator('body[data-state="admitted"]').waitFor();
  await plain.picture("admitted");
  await plain.page.locator("#go").click();
  await plain.at("event-admitted").waitFor();
  await plain.picture("wallet");
  assert.deepEqual(plain.errors, []);
});

step("the show is called off: who paid is told, and gets the money back", async () => {
  await organise("POST", `events/${rush}/cancel`, {});
  await act.open(jun, "orders", "order");
  for (let n = 0; n < 30 && (await jun.page.locator('[data-test="order"][data-state="refunded"]').count()) < 2; n++) {
    await pause(1000);
    await jun.page.reload();
    await ready(jun, "order");
  }
  await jun.at("order").first().click();
  await ready(jun, "order-cancelled");
  await jun.picture("cancelled");
  await act.open(mina, `events/${rush}`, "event-cancelled");
  await mina.picture("cancelled");
});

step("no page threw", () => {
  for (const phone of [mina, jun]) assert.deepEqual(phone.errors, [], phone.name);
});
