// The lane with a steward, in real browsers: staff prove themselves with a key of
// their own, ages are proved, and a steward has the last word.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import path from "node:path";
import { acts, ready, said, story } from "./acts.mjs";
import { openPhone } from "./phone.mjs";
import { openVenue, root } from "./venue.mjs";

const pictures = process.env.E2E_PICTURES ?? path.join(root, "var/e2e");
const lens = path.join(root, "var/e2e-lens-staff.y4m");

/** An event with a crew and named tickets, and one for adults. */
const show = 2001;
const late = 2002;
const crew = 9;
const named = 6;
const paper = 5;
const classes = [
  { id: crew, name: "무대 스태프", staff: true },
  { id: named, name: "실명 확인 티켓", paper: true, id_check: true },
];
const prices = [{ zone: 3, class: named, amount: 110000 }];

const step = story(() => [kim, desk, door]);
let venue, act, kim, did, desk, door;
let pass, accreditation;

before(async () => {
  venue = await openVenue({
    events: [{ id: show, classes, prices }, { id: late, classes, prices, change: { minimum_age: 19 } }],
    gates: [{ key: "crew", gate: "north", event: show, steward: true }, { key: "late", gate: "north", event: late, steward: true }],
  });
  act = acts(venue);
  const display = { pictures, viewport: { width: 800, height: 600 } };
  [kim, desk] = await Promise.all([
    openPhone({ name: "staff-ko-kim", locale: "ko-KR", lens, pictures }),
    openPhone({ name: "staff-desk", ...display }),
  ]);
  door = await desk.window("staff-door");
  await desk.page.goto(venue.panels.crew);
  await door.page.goto(venue.panels.late);
}, { timeout: 180_000 });

after(async () => {
  await Promise.all([kim, desk].map((p) => p?.close()));
  await venue?.close();
});

step("a registrar accredits somebody, whose wallet has the pass", async () => {
  await act.signUp(kim, "kim@example.org");
  did = await act.identify(kim);
  accreditation = await act.certify("staff", "--subject", did, "--role", "lighting", "--event", String(show), "--class", String(crew));
  await act.adds(kim, accreditation);
  const card = kim.page.locator('a[href^="#/tickets/"]').first();
  await act.hear(kim, card);
  await kim.picture("pass");
  pass = (await card.getAttribute("href")).split("/").pop();
  await act.open(kim, `tickets/${pass}`, "ticket-staff");
  await kim.picture("pass-open");
});

step("staff answer the lane's nonce, and enter as often as they work", async () => {
  for (const time of ["first", "second"]) {
    const verdict = await act.answer(kim, desk, "crew", `tickets/${pass}/staff`);
    await kim.picture(`answer-${time}`);
    assert.equal(said(verdict), "admit ok");
    assert.equal(verdict.ticket, pass.slice(0, 8));
    await act.passes("crew", verdict);
  }
});

step("the credential itself, presented in parts by a phone without network, opens the lane", async () => {
  await kim.context.setOffline(true);
  await kim.page.reload();
  const verdict = await act.present(kim, desk, "crew", "present", "lighting");
  await kim.context.setOffline(false);
  assert.equal(said(verdict), "admit ok");
  await desk.picture("presented");
  await act.passes("crew", verdict);
});

step("a steward has looked at a document, and says so", async () => {
  const ticket = await act.buy(kim, { event: show, zone: 3, klass: named, form: "paper" });
  await act.open(kim, `tickets/${ticket}/paper`, "paper");
  const referred = await act.holdUp(kim, "crew", "easy");
  assert.equal(said(referred), "refer id_check");
  const button = desk.page.locator("#confirm");
  await button.waitFor();
  await desk.picture("confirm");
  await button.click();
  const verdict = await venue.step("/gates/crew/verdict", { seq: referred.seq });
  assert.equal(said(verdict), "admit confirmed_by_staff");
  assert.equal(verdict.ticket, ticket.slice(0, 8));
  await desk.page.locator('body[data-face="admit"]').waitFor();
  await desk.picture("confirmed");
  await act.passes("crew", verdict);
});

step("an age that is asked for: nothing is sold before it is proved", async () => {
  const ticket = { event: late, zone: 3, klass: 3 };
  await act.choose(kim, ticket);
  await ready(kim, "trouble-age_required");
  await kim.picture("age-required");
  await act.adds(kim, await act.certify("age", "--subject", did, "--over", "19"));
  const id = await act.buy(kim, ticket);
  await act.show(kim, id);
  const verdict = await act.holdUp(kim, "late");
  assert.equal(said(verdict), "admit ok");
  await act.passes("late", verdict);
});

step("paper proves no age: an age that is shown at the lane does", async () => {
  const id = await act.buy(kim, { event: late, zone: 3, klass: paper, form: "paper" });
  const holdUp = async () => {
    await act.open(kim, `tickets/${id}/paper`, "paper");
    return act.holdUp(kim, "late", "easy");
  };
  assert.equal(said(await holdUp()), "refer age_unproven");
  await door.picture("age-unproven");
  const shown = await act.present(kim, door, "late", "present-age", "19");
  assert.equal(said(shown), "refer credential_shown");
  await door.picture("age-shown");
  const verdict = await holdUp();
  assert.equal(said(verdict), "admit ok");
  assert.equal(verdict.ticket, id.slice(0, 8));
});

step("what the registrar takes back opens nothing any more", async () => {
  await venue.step("/revoke", { id: accreditation.id, gate: "crew" });
  const presented = await act.present(kim, desk, "crew", "present-revoked", "lighting");
  assert.equal(said(presented), "refuse credential_revoked");
  await desk.picture("revoked");
  const answered = await act.answer(kim, desk, "crew", `tickets/${pass}/staff`);
  assert.equal(said(answered), "refuse revoked");
  await act.open(kim, `tickets/${pass}`, "revoked");
  await kim.picture("pass-revoked");
});

step("no page threw", () => {
  for (const phone of [kim, desk, door]) assert.deepEqual(phone.errors, [], phone.name);
});
