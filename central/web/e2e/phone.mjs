// A phone: one browser profile of Chromium at the size of a phone, with an
// authenticator of its own.
import { chromium } from "playwright-core";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** The size of a common phone in CSS pixels, and its density. */
const phone = { width: 390, height: 844 };
const density = 2;

export async function openPhone({ name, locale = "ko-KR", lens, pictures, viewport = phone }) {
  const profile = await mkdtemp(path.join(tmpdir(), "conting-phone-"));
  const camera = lens
    ? ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-video-capture=${lens}`]
    : [];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport,
    deviceScaleFactor: density,
    isMobile: true,
    hasTouch: true,
    locale,
    permissions: lens ? ["camera"] : [],
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...camera],
  });
  const page = context.pages()[0] ?? await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable", { enableUI: false });
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
  if (pictures) await mkdir(pictures, { recursive: true });
  return {
    ...glass(page, name, pictures),
    context, lens,

    /** Makes fingerprint or face fail, or work again. */
    verifies: (yes) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: yes }),

    /** Another page of the same browser. */
    window: async (title) => glass(await context.newPage(), title, pictures),

    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** glass is one page: what it shows, to people and to cameras. */
function glass(page, name, pictures) {
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on("pageerror", (e) => errors.push(e.message));
  page.on("console", (m) => m.type() === "error" && !/Failed to load resource/.test(m.text()) && errors.push(m.text()));
  let shot = 0;

  /** Where on a screenshot a code of so many modules is, of an element with a quiet zone of four around it. */
  async function screenOf(element, modules) {
    const [box, png] = [await element.boundingBox(), await page.screenshot()];
    const side = (box.width * density * modules) / (modules + 8);
    return {
      png: png.toString("base64"), modules, seed: 1,
      x: Math.round(box.x * density + (box.width * density - side) / 2),
      y: Math.round(box.y * density + (box.height * density - side) / 2),
      w: Math.round(side), h: Math.round(side),
    };
  }

  return {
    page, errors, name,
    at: (id) => page.locator(`[data-test="${id}"]`),

    /** Leaves a screenshot for people to look at. */
    async picture(title) {
      if (!pictures) return;
      shot += 1;
      await page.screenshot({ path: path.join(pictures, `${name}-${String(shot).padStart(2, "0")}-${title}.png`) });
    },

    /** What a camera sees when this phone is held up to it. */
    async screen() {
      const code = page.locator("svg[data-version]").first();
      await code.waitFor();
      return screenOf(code, 17 + 4 * Number(await code.getAttribute("data-version")));
    },

    /** What a camera sees of a code that is an image. */
    async display(selector) {
      const image = page.locator(selector);
      const side = await image.evaluate(async (img) => {
        const svg = await (await fetch(img.src)).text();
        return Number(/viewBox="0 0 (\d+)/.exec(svg)[1]);
      });
      return screenOf(image, side - 8);
    },
  };
}
