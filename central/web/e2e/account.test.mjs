// Somebody without a passkey: an account by e-mail and password, a paper ticket, a
// passkey when a phone ticket is wanted, a new password by letter, the sessions of two
// phones, a file of all that is known, and the end of the account. Central writes its
// letters into a folder.
import { after, before } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { acts, ready, story } from "./acts.mjs";
import { mailbox } from "./letters.mjs";
import { openPhone } from "./phone.mjs";
import { openVenue, root } from "./venue.mjs";

const pictures = path.join(root, "var/e2e");
const [first, second] = ["비 오는 날의 첫 공연", "second night at the hall"];
const sora = "sora@example.org";
const step = story(() => [phone, other]);

let venue, act, dir, letter, phone, other;

before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "conting-account-"));
  venue = await openVenue({ dir });
  act = acts(venue);
  letter = mailbox(dir);
  phone = await openPhone({ name: "account-ko", locale: "ko-KR", pictures });
  other = await openPhone({ name: "account-en", locale: "en-GB", pictures });
});

after(async () => {
  await phone?.close();
  await other?.close();
  await venue?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** refused is what the page says went wrong. */
const refused = (on, code) => ready(on, `trouble-${code}`);

step("an account is made with e-mail and password", async () => {
  await act.open(phone, "join", "join-password");
  await phone.picture("join");
  await phone.at("join-password").click();
  await phone.at("letter-email").fill(sora);
  await phone.at("letter-submit").click();
  await ready(phone, "letter-sent");
  await phone.picture("letter-sent");
  const l = await letter("비밀번호를 정해 주세요"); // the language of the page
  assert.equal(l.to, sora);
  await phone.page.goto(l.link);
  await ready(phone, "confirm-password");
  assert.ok(!phone.page.url().includes(l.link.split("/").pop()), "the token stays in the address");
  await phone.at("confirm-password").fill("sorasorasora");
  await phone.at("confirm-submit").click();
  await ready(phone, "confirm-password-error"); // central's word: it is the address
  await phone.at("confirm-password").fill(first);
  await phone.picture("confirm-join");
  await phone.at("confirm-submit").click();
  await ready(phone, "confirm-passkey");
  await phone.picture("joined");
  await phone.at("confirm-home").click();
  await ready(phone, "tickets-empty");

  await phone.page.goto(l.link);
  await phone.at("confirm-password").fill(first);
  await phone.at("confirm-submit").click();
  await refused(phone, "link_invalid");
});

step("paper needs no passkey, a phone ticket asks for one", async () => {
  await act.open(phone, `events/${venue.event}`, "page-event");
  await phone.at("zone-1").check();
  await phone.at("class-1").check();
  await ready(phone, "passkey-needed");
  await phone.picture("passkey-needed");
  await act.open(phone, "tickets", "page-tickets");
  await act.buy(phone, { zone: 1, klass: 5, form: "paper" });

  await act.open(phone, "tickets", "page-tickets");
  await act.open(phone, `events/${venue.event}`, "page-event");
  await phone.at("zone-1").check();
  await phone.at("class-1").check();
  await phone.at("buy-add-passkey").click();
  await phone.at("passkey-password").fill("not the password");
  await phone.at("passkey-submit").click();
  await ready(phone, "passkey-password-error");
  await phone.at("passkey-password").fill(first);
  await phone.picture("add-passkey");
  await phone.at("passkey-submit").click();
  await ready(phone, "recovery-code");
  await phone.at("recovery-kept").check();
  await phone.at("recovery-continue").click();
  await ready(phone, "page-event"); // where it was asked for
  await letter("패스키가 추가되었습니다");
  const ticket = await act.buy(phone, { zone: 1, klass: 1 });
  await act.show(phone, ticket);
});

step("another device gets in with the password, and is seen", async () => {
  await act.open(other, "sign-in", "sign-in-password");
  await other.at("sign-in-password").click();
  await other.at("password-email").fill("SORA@example.org ");
  await other.at("password").fill("not the password");
  await other.at("password-submit").click();
  await refused(other, "password_refused");
  await other.at("password").fill(first);
  await other.picture("password-sign-in");
  await other.at("password-submit").click();
  await ready(other, "page-tickets");
  await act.open(other, "settings", "settings-passkey");
  await other.picture("settings");

  await act.open(phone, "settings/sessions", "session");
  await phone.at("session-end").first().waitFor();
  await phone.picture("sessions");
  assert.equal(await phone.at("session").count(), 2);
  await phone.at("session-end").click();
  await phone.at("session-end").waitFor({ state: "detached" });
  await other.page.reload(); // it would hear of it within twenty seconds
  await act.open(other, "tickets", "session-over");
});

step("a forgotten password is set anew by letter", async () => {
  await act.open(other, "sign-in/password", "password-forgot");
  await other.at("password-forgot").click();
  await other.at("letter-email").fill("nobody@example.org");
  await other.at("letter-submit").click();
  await ready(other, "letter-sent"); // told the same as whoever has an account
  await other.at("letter-other").click();
  await other.at("letter-email").fill(sora);
  await other.at("letter-submit").click();
  await ready(other, "letter-sent");
  const l = await letter("asked for a new password");
  assert.equal(l.to, sora);
  assert.deepEqual((await letter.unread()).filter((x) => x.to !== sora), []); // nobody else got one
  await other.at("letter-link").fill(`Open this: ${l.link}`);
  await other.at("letter-follow").click();
  await other.at("confirm-password").fill(second);
  await other.at("confirm-submit").click();
  await ready(other, "confirm-done");
  await other.picture("password-reset");
  await letter("비밀번호가 바뀌었");
  await phone.page.reload();
  await act.open(phone, "tickets", "session-over"); // every session but the new one ended
  await phone.page.goto(`${venue.wallet}#/sign-in/password`);
  await phone.at("password-email").fill(sora);
  await phone.at("password").fill(first);
  await phone.at("password-submit").click();
  await refused(phone, "password_refused");
  await act.open(phone, "sign-in", "sign-in-submit");
  await phone.at("sign-in-submit").click(); // the passkey is as it was
  await ready(phone, "page-tickets");
});

step("a passkey sets a password, and the old one proves it too", async () => {
  await act.open(phone, "settings/password", "password-new");
  await phone.at("password-new").fill(first);
  await phone.at("password-proof-passkey").check();
  await phone.at("password-change").click();
  await ready(phone, "password-changed");
  await letter("비밀번호가 바뀌었");
  await phone.at("password-done").click();
  await ready(phone, "page-settings");
  await act.open(phone, "settings/password", "password-new");
  await phone.at("password-proof-password").check();
  await phone.at("password-proof-old").fill(first);
  await phone.at("password-new").fill(second);
  await phone.at("password-change").click();
  await ready(phone, "password-changed");
  await letter("비밀번호가 바뀌었");
});

step("an address is confirmed by letter, by its account alone", async () => {
  const mina = await openPhone({ name: "account-mina", locale: "ko-KR", pictures });
  try {
    await act.signUp(mina, "mina@example.org");
    await act.open(mina, "settings", "settings-verify");
    await mina.at("settings-verify").click();
    await mina.at("letter-submit").click();
    await ready(mina, "letter-sent");
    const l = await letter("주소가 적혀 있습니다");
    await phone.page.goto(l.link);
    await phone.at("confirm-submit").click();
    await refused(phone, "link_invalid");
    await mina.page.goto(l.link);
    await mina.at("confirm-submit").click();
    await ready(mina, "confirm-done");
    await act.open(mina, "settings", "settings-email-state");
    assert.equal(await mina.at("settings-verify").count(), 0);

    // Nothing ties her to central: her account goes at once.
    await act.open(mina, "settings/delete", "delete-submit");
    await mina.at("delete-submit").click();
    await mina.at("delete-yes").click();
    await ready(mina, "page-welcome");
    await letter("삭제했습니다");
    assert.deepEqual(mina.errors, []);
    await act.open(mina, "sign-in", "sign-in-submit");
    await mina.at("sign-in-submit").click();
    await mina.page.locator('[data-test^="trouble-"]').first().waitFor();
  } finally {
    await mina.close();
  }
});

step("all that is known is handed over, and a ticket keeps the account", async () => {
  await act.open(phone, "settings/delete", "delete-export");
  const [file] = await Promise.all([phone.page.waitForEvent("download"), phone.at("delete-export").click()]);
  const all = JSON.parse(await readFile(await file.path(), "utf8"));
  assert.equal(all.account.email, sora);
  assert.equal(all.account.passkeys.length, 1);
  assert.ok(JSON.stringify(all).length > 500);
  assert.ok(!JSON.stringify(all).includes(second));
  await phone.at("delete-proof-password").check();
  await phone.at("delete-proof-old").fill(second);
  await phone.at("delete-submit").click();
  await phone.at("delete-yes").click();
  await refused(phone, "tickets_left");
  await phone.picture("tickets-left");
  await act.open(phone, "settings", "settings-delete");
});

step("no page threw", () => {
  for (const p of [phone, other]) assert.deepEqual(p.errors, [], p.name);
});
