// What people do with their phones at a venue, as steps of a test.
import assert from "node:assert/strict";
import { test } from "node:test";

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Steps of one story depend on each other: after one has failed, the others would
 * only add noise. The phones are pictured as they were then.
 */
export function story(phones) {
  let broken = false;
  return (title, run) =>
    test(title, { timeout: 300_000 }, async (t) => {
      if (broken) return t.skip("an earlier step failed");
      try {
        await run(t);
      } catch (thrown) {
        broken = true;
        await Promise.allSettled(phones().map((p) => p?.picture("failed")));
        throw thrown;
      }
    });
}

export const said = (v) => `${v.outcome} ${v.reason}`;

export const ready = (phone, id) => phone.at(id).first().waitFor();

/** What passes when the same person tries again, with a fresh code. */
const again = new Set(["stale_pass", "nonce_unknown"]);
const tries = 6;

/** How long a gate's camera looks at what is held up, in milliseconds. */
const look = 10_000;

/** The acts at one venue. */
export function acts(venue) {
  /**
   * attempt shows what take() finds to a gate's camera until the gate has an answer
   * that another try would not change. take is called for each try: it returns
   * screens, or null where there is nothing to show yet.
   */
  async function attempt(gate, take, profile = "gate") {
    let verdict;
    for (let n = 1; n <= tries; n++) {
      const screens = await take(n);
      if (!screens) continue;
      const seen = [].concat(screens).map((s) => ({ ...s, profile, seed: 7 * n }));
      verdict = await venue.step(`/gates/${gate}/sees`, { screens: seen, millis: look });
      if (verdict.outcome && !again.has(verdict.reason)) return verdict;
    }
    assert.fail(`gate ${gate} gave no lasting answer in ${tries} tries; the last was ${JSON.stringify(verdict)}`);
  }

  async function open(phone, path, id) {
    await phone.page.goto(`${venue.wallet}#/${path}`);
    await ready(phone, id);
  }

  /** Opens the list of tickets and asks for news until something is there. */
  async function hear(phone, what) {
    await open(phone, "tickets", "page-tickets");
    for (let n = 1; ; n++) {
      try {
        return await what.first().waitFor({ timeout: 5000 });
      } catch (thrown) {
        if (n >= tries) throw thrown;
        await phone.at("refresh").click();
      }
    }
  }

  return {
    attempt,
    open,
    hear,

    /** Holds a phone up to a gate until it says something that lasts. */
    holdUp: (phone, gate, profile) => attempt(gate, () => phone.screen(), profile),

    passes: (gate, verdict) => venue.step(`/gates/${gate}/passage`, { seq: verdict.seq }),

    /** Makes an account, and returns its recovery code. */
    async signUp(phone, email) {
      await open(phone, "", "page-welcome");
      await phone.picture("welcome");
      await phone.at("welcome-join").click();
      await phone.at("join-email").fill(email);
      await phone.picture("join");
      await phone.at("join-submit").click();
      await ready(phone, "recovery-code");
      await phone.picture("recovery-code");
      const code = await phone.at("recovery-code").getAttribute("data-code");
      await phone.at("recovery-kept").check();
      await phone.at("recovery-continue").click();
      await ready(phone, "page-tickets");
      await phone.picture("no-tickets");
      return code;
    },

    /** Makes the identity of a phone, and returns its DID. */
    async identify(phone) {
      await open(phone, "family", "did-make");
      await phone.at("did-make").click();
      await ready(phone, "did-text");
      await phone.picture("family");
      return (await phone.at("did-text").innerText()).trim();
    },

    /** Has the registrar issue a credential: the arguments of "registrar issue". */
    async certify(...args) {
      const { jwt } = await venue.step("/registrar", { args });
      const { jti } = JSON.parse(Buffer.from(jwt.split(".")[1], "base64url").toString());
      return { jwt, id: jti };
    },

    /** Adds a credential in the wallet. */
    async adds(phone, { jwt }) {
      await open(phone, "credentials", "page-credential");
      await phone.at("credential-text").fill(jwt);
      await phone.picture("credential");
      await phone.at("credential-submit").click();
      await phone.at("credential").first().waitFor();
      await phone.picture("credential-added");
    },

    /** Chooses what to buy, as far as the button that reserves it. */
    async choose(phone, { zone, klass, form, event = venue.event }) {
      await open(phone, `events/${event}`, "page-event");
      await phone.at(`zone-${zone}`).check();
      await phone.at(`class-${klass}`).check();
      if (form) await phone.at(`form-${form}`).check();
      await phone.picture("buy");
      await phone.at("buy-hold").click();
    },

    /** Pays for what was reserved. */
    async pay(phone) {
      await ready(phone, "buy-held");
      await phone.picture("buy-held");
      await phone.at("buy-pay").click();
      await ready(phone, "buy-done");
      await phone.picture("buy-done");
    },

    /** Buys one ticket and returns its id. */
    async buy(phone, what) {
      await this.choose(phone, what);
      await this.pay(phone);
      return (await phone.at("buy-open").getAttribute("href")).split("/").pop();
    },

    /** Unlocks a ticket's code, with the button on the ticket. */
    async show(phone, id) {
      await open(phone, `tickets/${id}`, "ticket-show");
      await phone.at("ticket-show").click();
      await ready(phone, "code");
    },

    /**
     * A phone that lost its network while it showed a code has closed it, or is about to.
     * Opened again, the code names no session, and stays for as long as one may.
     */
    async reopen(phone) {
      await ready(phone, "show-closed");
      await phone.at("show-open").click();
      await ready(phone, "code");
    },

    /** Answers the nonce on a lane's display with a page of the wallet, and holds the answer up. */
    answer: (phone, lane, gate, path) => attempt(gate, async () => {
      await open(phone, "tickets", "page-tickets"); // the camera is off
      await aim(phone, lane);
      await phone.page.goto(`${venue.wallet}#/${path}`);
      await ready(phone, "code");
      return phone.screen();
    }),

    /** Presents the credentials that name a kind, and holds up part after part. */
    present: (phone, lane, gate, title, kind) => attempt(gate, async () => {
      await open(phone, "family", "family-present");
      await phone.at("family-present").click();
      await phone.page.locator("label", { hasText: kind }).locator('[data-test="present-choose"]').first().check();
      await phone.picture(`${title}-choose`);
      await aim(phone, lane);
      await phone.at("present-scan").click();
      await ready(phone, "code");
      await phone.at("present-pause").click();
      await phone.picture(title);
      const screens = [];
      const numbers = (await phone.at("present-part").innerText()).match(/\d+/g);
      const total = Math.max(...numbers); // which of how many, in the order of the language
      while (screens.length < total) {
        screens.push(await phone.screen());
        await phone.at("present-next").click();
      }
      return screens;
    }),
  };

  /** Holds a phone's camera up to a lane's display. */
  async function aim(phone, lane) {
    await lane.page.locator("#nonce:not([hidden]) img").waitFor({ timeout: 15_000 });
    await venue.step("/lens", { path: phone.lens, screen: await lane.display("#picture") });
  }
}
