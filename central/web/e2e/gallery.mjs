// Every state of the wallet, in both languages, on a common phone and on a small
// one: a picture of each for people to look at, and axe's judgement of each. Needs a
// build (make web) and Chromium.
//
//   node e2e/gallery.mjs [--out DIR] [--only SCENE,…] [--lang ko|en] [--size phone|small] [--dark] [--zoom 2] [--shuffle SEED]
//
// Exits 1 if axe finds a violation, a page throws, a page is wider than the screen, or
// something that can be touched lies over the page.
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { openStage } from './fixtures/stage.mjs';
import { scenes } from './fixtures/scenes.mjs';

const { values: args } = parseArgs({ options: { out: { type: 'string', default: 'var/gallery' }, only: { type: 'string' }, lang: { type: 'string' }, size: { type: 'string' }, dark: { type: 'boolean' }, zoom: { type: 'string' }, shuffle: { type: 'string' } } });
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const sizes = { phone: { width: 390, height: 844 }, small: { width: 320, height: 640 } };
const problems = [];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});

/** The scenes to play. Each has a world and a browser of its own: any order will do. */
function programme() {
  const only = args.only?.split(',');
  for (const name of only ?? []) if (!scenes[name]) throw new Error(`there is no scene ${name}; there are ${Object.keys(scenes)}`);
  const names = Object.keys(scenes).filter((name) => !only || only.includes(name));
  if (args.shuffle === undefined) return names;
  let seed = Number(args.shuffle) >>> 0;
  const below = (n) => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0), Math.floor((seed / 2 ** 32) * n));
  for (let i = names.length - 1; i > 0; i--) {
    const k = below(i + 1);
    [names[i], names[k]] = [names[k], names[i]];
  }
  return names;
}

/** look is what is wrong with how a page lies on its screen, and how much of it cannot be seen at once. */
const look = (page) => page.evaluate(() => {
  const test = (e) => e.closest('[data-test]')?.getAttribute('data-test') ?? e.tagName;
  const boxes = [document.documentElement, ...document.querySelectorAll('[data-test^="page-"], [data-test^="page-"] > div')];
  const wrong = boxes.filter((e) => e.scrollWidth > e.clientWidth).map((e) => `${test(e)} is ${e.scrollWidth - e.clientWidth} px wider than the screen`);
  // Of what such a thing covers in part, too little may be left to touch.
  const over = (e) => e && (/sticky|fixed/.test(getComputedStyle(e).position) || over(e.parentElement));
  for (const e of document.querySelectorAll('a, button, input, select, textarea')) if (!e.closest('dialog') && over(e)) wrong.push(`${test(e)} lies over the page`);
  const below = [...document.querySelectorAll('*')].filter((e) => e.scrollHeight > e.clientHeight + 1 && e.tagName !== 'TEXTAREA' && /auto|scroll/.test(getComputedStyle(e).overflowY));
  return { wrong, below: Math.max(0, document.documentElement.scrollHeight - innerHeight, ...below.map((e) => e.scrollHeight - e.clientHeight)) };
});

/** play plays one scene, and returns how many pictures it made. */
async function play(name, lang, size, dir) {
  let [now, shots] = [name, 0];
  const blame = (what) => problems.push(`${lang} ${size} ${name}/${now}: ${what}`);
  const stage = await openStage(browser, {
    viewport: sizes[size], deviceScaleFactor: 2, isMobile: true, hasTouch: true, serviceWorkers: 'block',
    locale: lang === 'ko' ? 'ko-KR' : 'en-GB', timezoneId: 'Asia/Seoul', permissions: ['clipboard-write'], colorScheme: args.dark ? 'dark' : 'light',
  }, blame);
  const { page, rest } = stage;
  if (args.zoom) await page.addInitScript((z) => addEventListener('DOMContentLoaded', () => (document.documentElement.style.fontSize = `${z * 100}%`)), Number(args.zoom));

  async function picture(title) {
    now = title;
    shots++;
    await rest();
    const file = path.join(dir, `${name}-${String(shots).padStart(2, '0')}-${title}`);
    await page.screenshot({ path: `${file}.png` });
    const { wrong, below } = await look(page);
    wrong.forEach(blame);
    if (below) {
      await page.setViewportSize({ ...sizes[size], height: sizes[size].height + below });
      await page.screenshot({ path: `${file}-full.png` });
    }
    if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
    const found = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ['violations'] }), rules);
    for (const v of found.violations) blame(`${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`);
    if (below) await page.setViewportSize(sizes[size]);
  }

  const { begins, ...scene } = typeof scenes[name] === 'function' ? { begins: 'joined', play: scenes[name] } : scenes[name];
  try {
    if (begins === 'joined') await stage.signUp();
    await scene.play({ ...stage, lang, picture });
  } catch (e) {
    blame(e.message.split('\n').slice(0, 3).join(' '));
    await page.screenshot({ path: path.join(dir, `failed-${name}.png`) }).catch(() => undefined);
  }
  await stage.close();
  return shots;
}

let shots = 0;
const began = Date.now();
for (const lang of args.lang ? [args.lang] : ['ko', 'en']) {
  for (const size of args.size ? [args.size] : Object.keys(sizes)) {
    const dir = path.join(args.out, `${lang}-${size}${args.dark ? '-dark' : ''}${args.zoom ? `-x${args.zoom}` : ''}`);
    await mkdir(dir, { recursive: true });
    for (const name of programme()) shots += await play(name, lang, size, dir);
  }
}
await browser.close();
for (const p of problems) console.error(p);
console.log(`${shots} states in ${args.out}, ${problems.length} problems, ${Math.round((Date.now() - began) / 1000)} s`);
process.exitCode = problems.length ? 1 : 0;
