// The API as a program sees it that was written against the document alone: a client
// is generated from what central serves, compiled, and plays a sale from the sign-up to
// an offer of what somebody gave back.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pause, story } from "./acts.mjs";
import { makeClient } from "./client.mjs";
import { mailbox } from "./letters.mjs";
import { openVenue } from "./venue.mjs";

/** An event with a waiting room. */
const rush = 1002;
const [standing, paper] = [3, 5]; // zone and class
const patience = 60_000;
const step = story(() => []);

let dir, venue, api, letter, admin, mina, jun;

before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "conting-client-"));
  const soon = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000).toISOString();
  venue = await openVenue({ dir, events: [{ id: rush, change: { sale: { method: "first_come", max_per_person: 4, refund_until: soon } } }] });
  api = await makeClient(venue.api);
  letter = mailbox(dir);
  admin = { Authorization: `Bearer ${(await readFile(venue.token_file, "utf8")).trim()}` };
}, { timeout: 180_000 });

after(async () => {
  await venue?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** good returns the data of an answer, which must have a status. */
function good(answer, status = 200) {
  assert.equal(answer.response?.status, status, JSON.stringify(answer.error));
  return answer.data;
}

/** refused looks at a problem, and at what its type leads to. */
async function refused(answer, status, code) {
  assert.equal(answer.response.status, status, JSON.stringify(answer.data ?? answer.error));
  assert.match(answer.response.headers.get("Content-Type"), /^application\/problem\+json/);
  assert.equal(answer.error.code, code);
  assert.equal(answer.error.type, `/v1/problems/${code}`);
  const told = good(await api.problem({ path: { code } }));
  assert.deepEqual([told.code, told.status], [code, status]);
}

/** until asks again until a look at the answer is content with it. */
async function until(ask, content) {
  let last;
  for (const end = Date.now() + patience; Date.now() < end; await pause(200)) {
    last = await ask();
    if (content(last)) return last;
  }
  assert.fail(`it never came: ${JSON.stringify(last)}`);
}

/** signUp makes an account with a password and returns the headers of its session. */
async function signUp(email) {
  good(await api.registerWithPassword({ body: { email, language: "en" } }), 202);
  const { link } = await letter("choose a password", email);
  const answer = await api.confirmRegistration({ body: { token: link.split("/").pop(), password: `a concert for ${email}` } });
  good(answer, 201);
  const cookie = answer.response.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
  return { Cookie: cookie, Origin: new URL(venue.wallet).origin };
}

const key = () => ({ "Idempotency-Key": crypto.randomUUID() });

/** buy holds places on paper and pays for them. */
async function buy(event, body, headers = {}) {
  const held = good(await api.hold({ path: { event }, body: { paper: true, class: paper, zone: standing, ...body }, headers: { ...headers, ...key() } }), 201);
  const paid = good(await api.pay({
    path: { order: held.id }, body: { provider: "sandbox", token: "ok" }, headers: { Authorization: `Bearer ${held.secret}`, ...key() },
  }));
  assert.equal(paid.state, "paid");
  return paid;
}

step("what is on sale", async () => {
  assert.deepEqual(good(await api.events()).events.map((e) => e.id), [venue.event, rush]);
  assert.equal(good(await api.event({ path: { event: rush } })).id, rush);
  await refused(await api.event({ path: { event: 77 } }), 404, "unknown_event");
});

step("two people sign up with passwords", async () => {
  mina = await signUp("mina@example.org");
  jun = await signUp("jun@example.org");
  assert.equal(good(await api.account({ headers: mina })).email, "mina@example.org");
  await refused(await api.account(), 401, "sign_in_required");
});

step("a waiting room stands before the sale", async () => {
  const opens = new Date().toISOString();
  await refused(await api.putQueue({ path: { event: rush }, body: { opens, rate_per_minute: 6000 } }), 401, "unauthorized");
  good(await api.putQueue({ path: { event: rush }, body: { opens, rate_per_minute: 6000 }, headers: admin }));
  await refused(await api.hold({ path: { event: rush }, body: { paper: true, class: paper, zone: standing }, headers: { ...mina, ...key() } }), 403, "queue_required");
});

step("whoever waited may buy, and nobody with another's admission", async () => {
  const { token } = good(await api.access({ headers: mina }), 201);
  const bearer = { Authorization: `Bearer ${token}` };
  const place = good(await api.enterQueue({ path: { event: rush }, body: {}, headers: bearer }));
  assert.equal(good(await api.enterQueue({ path: { event: rush }, body: {}, headers: bearer })).number, place.number);
  const mine = await until(
    async () => good(await api.pollQueue({ path: { event: rush }, headers: { ...bearer, "Queue-Token": place.token } })),
    (p) => p.state === "admitted",
  );
  const admission = { "Queue-Admission": mine.admission.token };
  await refused(await api.hold({
    path: { event: rush }, body: { paper: true, class: paper, zone: standing }, headers: { ...jun, ...admission, ...key() },
  }), 403, "queue_required");
  const order = await buy(rush, { count: 2 }, { ...mina, ...admission });
  assert.equal(order.items.length, 2);

  const tooMany = { path: { event: rush }, body: { paper: true, class: paper, zone: standing, count: 3 }, headers: { ...mina, ...admission } };
  await refused(await api.hold(tooMany), 409, "person_limit");
  await refused(await api.returnOrder({ path: { order: order.id }, headers: jun }), 404, "unknown_order");
  assert.equal(good(await api.returnOrder({ path: { order: order.id }, headers: mina })).state, "refunded");
  const again = { path: { event: rush }, body: { paper: true, class: paper, zone: standing }, headers: { ...mina, ...admission, ...key() } };
  const held = good(await api.hold(again), 201);
  assert.equal(good(await api.hold(again), 201).id, held.id, "the same request with the same key made two orders");
  const money = { Authorization: `Bearer ${held.secret}` };
  const payment = good(await api.startPayment({ path: { order: held.id }, body: { provider: "sandbox" }, headers: money }));
  assert.equal(payment.action.kind, "token");
  const step = { path: { order: held.id, payment: payment.id }, headers: money };
  await refused(await api.confirmPayment({ ...step, body: {} }), 409, "payment_not_authorised");
  assert.equal(good(await api.confirmPayment({ ...step, body: { token: "ok" } })).state, "paid");
});

step("a zone sells out, and what is given back is offered to who waits", async () => {
  const first = await buy(venue.event, {}, mina);
  for (let left = 199; left > 0; left -= 8) await buy(venue.event, { count: Math.min(left, 8) });
  await refused(await api.hold({ path: { event: venue.event }, body: { paper: true, class: paper, zone: standing }, headers: { ...jun, ...key() } }), 409, "sold_out");
  good(await api.wait({ path: { event: venue.event }, body: { zone: standing, class: paper }, headers: jun }));
  good(await api.refund({ path: { order: first.id }, body: {}, headers: { ...admin, ...key() } }));

  const [offer] = await until(async () => good(await api.offers({ headers: jun })).offers, (all) => all.length > 0);
  await refused(await api.acceptOffer({ path: { offer: offer.id }, body: { paper: true }, headers: { ...mina, ...key() } }), 404, "unknown_offer");
  const held = good(await api.acceptOffer({ path: { offer: offer.id }, body: { paper: true }, headers: { ...jun, ...key() } }), 201);
  good(await api.pay({ path: { order: held.id }, body: { provider: "sandbox", token: "ok" }, headers: { Authorization: `Bearer ${held.secret}`, ...key() } }));
});

step("people see what they bought and what is known of them", async () => {
  const mine = good(await api.orderHistory({ headers: mina })).orders;
  assert.deepEqual(mine.map((o) => [o.event, o.state]).sort(), [[venue.event, "refunded"], [rush, "paid"], [rush, "refunded"]]);
  const tickets = good(await api.walletTickets({ headers: jun })).tickets;
  assert.equal(tickets.length, 1);
  assert.match(JSON.stringify(good(await api.getExport({ headers: jun }))), /jun@example\.org/);
  assert.doesNotMatch(JSON.stringify(good(await api.getExport({ headers: jun }))), /mina@example\.org/);
  good(await api.signOut({ headers: jun }));
  await refused(await api.walletTickets({ headers: jun }), 401, "sign_in_required");
});
