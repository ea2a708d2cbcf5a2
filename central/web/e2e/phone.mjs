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
  page.setDefaultTimeout(60_000);
  const errors = [];
  page.on("pageerror", (e) => errors.push(e.message));
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable", { enableUI: false });
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
  if (pictures) await mkdir(pictures, { recursive: true });
  let shot = 0;
  return {
    page, context, errors, name,
    at: (id) => page.locator(`[data-test="${id}"]`),

    /** Makes fingerprint or face fail, or work again. */
    verifies: (yes) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: yes }),

    /** Leaves a screenshot for people to look at. */
    async picture(title) {
      if (!pictures) return;
      shot += 1;
      await page.screenshot({ path: path.join(pictures, `${name}-${String(shot).padStart(2, "0")}-${title}.png`) });
    },

    /** What a camera sees when this phone is held up to it. */
    async screen(seed = 1) {
      const code = page.locator("svg[data-version]").first();
      await code.waitFor();
      const [box, version, png] = [await code.boundingBox(), Number(await code.getAttribute("data-version")), await page.screenshot()];
      const modules = 17 + 4 * version;
      const side = (box.width * density * modules) / (modules + 8); // without the quiet zone of four modules
      return {
        png: png.toString("base64"), modules, seed,
        x: Math.round(box.x * density + (box.width * density - side) / 2),
        y: Math.round(box.y * density + (box.height * density - side) / 2),
        w: Math.round(side), h: Math.round(side),
      };
    },

    /** What a camera sees of a code drawn as an image with a quiet zone of four modules. */
    async display(selector, seed = 1) {
      const image = page.locator(selector);
      const [box, png, side] = [await image.boundingBox(), await page.screenshot(),
        await image.evaluate(async (img) => {
          const svg = await (await fetch(img.src)).text();
          return Number(/viewBox="0 0 (\d+)/.exec(svg)[1]);
        })];
      const modules = side - 8;
      const wide = (box.width * density * modules) / side;
      return {
        png: png.toString("base64"), modules, seed,
        x: Math.round(box.x * density + (box.width * density - wide) / 2),
        y: Math.round(box.y * density + (box.height * density - wide) / 2),
        w: Math.round(wide), h: Math.round(wide),
      };
    },

    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
