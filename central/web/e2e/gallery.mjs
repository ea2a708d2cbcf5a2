// Every state of the wallet, in both languages, on a common phone and on a small
// one: a picture of each for people to look at, and axe's judgement of each. Needs a
// build (make web) and Chromium.
//
//   node e2e/gallery.mjs [--out DIR] [--only SCENE,…] [--lang ko|en] [--size phone|small] [--dark] [--zoom 2]
//
// Exits 1 if axe finds a violation, a page throws, or a page is wider than the screen.
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { nonce, openCentral } from './fixtures/central.mjs';
import { scenes } from './fixtures/scenes.mjs';

const { values: args } = parseArgs({ options: { out: { type: 'string', default: 'var/gallery' }, only: { type: 'string' }, lang: { type: 'string' }, size: { type: 'string' }, dark: { type: 'boolean' }, zoom: { type: 'string' } } });
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const sizes = { phone: { width: 390, height: 844 }, small: { width: 320, height: 640 } };
const problems = [];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});

async function visit(lang, size) {
  const central = await openCentral();
  const context = await browser.newContext({
    viewport: sizes[size], deviceScaleFactor: 2, isMobile: true, hasTouch: true, serviceWorkers: 'block',
    locale: lang === 'ko' ? 'ko-KR' : 'en-GB', timezoneId: 'Asia/Seoul', permissions: ['clipboard-write'], colorScheme: args.dark ? 'dark' : 'light',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  if (args.zoom) await context.addInitScript((z) => addEventListener('DOMContentLoaded', () => (document.documentElement.style.fontSize = `${z * 100}%`)), Number(args.zoom));
  let now = 'start';
  page.on('pageerror', (e) => problems.push(`${lang} ${size} ${now}: ${e.message}`));
  page.on('console', (m) => (m.type() === 'error' || /svelte\.dev/.test(m.text())) && !/Failed to load resource/.test(m.text()) && problems.push(`${lang} ${size} ${now}: ${m.text()}`));
  const dir = path.join(args.out, `${lang}-${size}${args.dark ? '-dark' : ''}${args.zoom ? `-x${args.zoom}` : ''}`);
  await mkdir(dir, { recursive: true });
  const go = async (hash) => {
    await page.evaluate((h) => (location.hash = h), `#/${hash}`);
    await page.waitForTimeout(50);
  };
  const tools = {
    page, central, go, nonce, lang,
    at: (test) => page.locator(`[data-test="${test}"]`).first(),
    tap: (test) => page.locator(`[data-test="${test}"]`).first().click(),
    load: async (hash = '') => {
      await page.goto(`${central.origin}/wallet/#/${hash}`);
      await page.reload();
    },
    verifies: (yes) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: yes }),
    presence: (yes) => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: yes }),
  };
  let shot = 0;
  tools.picture = async (name) => {
    now = name;
    shot++;
    await page.waitForTimeout(350); // what moves has come to rest
    await page.screenshot({ path: path.join(dir, `${String(shot).padStart(2, '0')}-${name}.png`) });
    await page.screenshot({ path: path.join(dir, `${String(shot).padStart(2, '0')}-${name}-full.png`), fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) problems.push(`${lang} ${size} ${name}: ${wide} px wider than the screen`);
    await page.evaluate(axe);
    const found = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    for (const v of found.violations) problems.push(`${lang} ${size} ${name}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`);
  };
  for (const [name, play] of Object.entries(scenes)) {
    if (args.only && !['enter', ...args.only.split(',')].includes(name)) continue;
    now = name;
    try {
      await play(tools);
    } catch (e) {
      problems.push(`${lang} ${size} ${now}: ${e.message.split('\n').slice(0, 3).join(' ')}`);
      await page.screenshot({ path: path.join(dir, `failed-${name}.png`) });
    }
  }
  await context.close();
  await central.close();
  return shot;
}

let shots = 0;
for (const lang of args.lang ? [args.lang] : ['ko', 'en']) for (const size of args.size ? [args.size] : Object.keys(sizes)) shots += await visit(lang, size);
await browser.close();
for (const p of problems) console.error(p);
console.log(`${shots} states in ${args.out}, ${problems.length} problems`);
process.exitCode = problems.length ? 1 : 0;
