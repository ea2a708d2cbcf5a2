// Reads the same frames with our reader and with zxing-wasm in Chromium and prints
// how they do: node bench.mjs [--dir FOLDER] [--n 10] [--seed 1] [--rounds 3] …
//
// FOLDER has a manifest.tsv; without one, frames of every category are rendered from
// the seed. Each reader runs in a worker of its own and gets the RGBA pixels that a
// page takes from its camera. What a reader finds in a frame counts in the first round;
// its time is the shortest of all rounds. Times are wall-clock, for a page has no other,
// and this machine may be busy with other things: so ours gets a budget that a still
// frame hardly spends, and the lane, which looks as it would at a camera, its usual one.
// A reader's download is what a page fetches for it: module, glue and worker.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import { chromium } from 'playwright-core';
import { rolldown } from 'rolldown';
import { judge, percentile, readManifest } from './manifest.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../../..');
const { values: args } = parseArgs({
  options: {
    dir: { type: 'string', default: '' },
    n: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    starts: { type: 'string', default: '5' },
    budget: { type: 'string', default: '1000' },
    builds: { type: 'string', default: path.join(root, 'bin/wasm') },
  },
});

const work = await mkdtemp(path.join(tmpdir(), 'bench-wasm-'));
async function main() {
  const dir = args.dir || rendered();
  const frames = await readManifest(dir);
  if (frames.length === 0) throw new Error(`${dir} has no frames`);
  for (const [entry, from] of [['ours.js', '../src/worker.ts'], ['zxing.js', 'zxing.ts'], ['page.js', 'page.ts']]) {
    const bundle = await rolldown({ input: path.join(here, from), platform: 'browser', logLevel: 'silent' });
    await bundle.write({ file: path.join(work, entry), format: 'es', minify: true });
    await bundle.close();
  }
  const zxing = fileURLToPath(import.meta.resolve('zxing-wasm/reader/zxing_reader.wasm'));
  const builds = ['tiny', 'go'].filter((b) => existsSync(path.join(args.builds, b, 'reader.wasm')));
  if (builds.length === 0) throw new Error(`no build in ${args.builds}: run make wasm`);
  const still = { budgetMS: Number(args.budget), still: true };
  const contestants = [
    ...builds.map((b) => ({ name: `ours_${b}`, ours: { folder: `/wasm/${b}`, settings: still } })),
    { name: `ours_${builds[0]}_lane`, ours: { folder: `/wasm/${builds[0]}`, settings: {} } }, // as a camera's stream
    { name: 'zxing_wasm', zxing: { wasm: '/zxing.wasm', most: 4 } }, // as the wallet does
    { name: 'zxing_wasm_one', zxing: { wasm: '/zxing.wasm', most: 1 } },
  ];

  const files = (address) => {
    const [, first, ...rest] = new URL(address, 'http://x').pathname.split('/');
    if (first === 'frame') return path.join(dir, frames[Number(rest[0])]?.file ?? 'none');
    if (first === 'wasm' && builds.includes(rest[0])) return path.join(args.builds, rest[0], path.basename(rest[1] ?? ''));
    if (first === 'zxing.wasm') return zxing;
    return path.join(work, path.basename(first));
  };
  const server = await serve(files);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    const trouble = [];
    page.on('pageerror', (e) => trouble.push(e.message));
    page.on('request', (r) => r.url().startsWith(server.origin) || r.url().startsWith('data:') || trouble.push(`asks ${r.url()}`));
    await page.goto(`${server.origin}/`);
    console.log(`${frames.length} frames of ${args.dir || `seed ${args.seed}`}, Chromium ${browser.version()}, ${args.rounds} rounds, a still frame may cost ours ${args.budget} ms`);
    const starts = await startUps(page, contestants);
    const tallies = await readAll(page, frames, contestants);
    if (trouble.length > 0) throw new Error(`the page: ${trouble.join('; ')}`);
    table(tallies, contestants);
    await lines(tallies, contestants, starts, files);
  } finally {
    await browser.close();
    server.close();
  }
}

/** rendered writes fresh frames and returns their folder. */
function rendered() {
  const dir = path.join(work, 'frames');
  execFileSync('go', ['run', './testdata/frames/cmd/frames', '-out', dir, '-n', args.n, '-seed', args.seed], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  return dir;
}

const types = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.html': 'text/html; charset=utf-8' };

/** serve gives the browser files, under the policy that a careful server sends. */
function serve(fileOf) {
  const server = createServer(async (request, response) => {
    const headers = {
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; base-uri 'none'",
      'x-content-type-options': 'nosniff',
    };
    try {
      if (request.url === '/') {
        response.writeHead(200, { ...headers, 'content-type': types['.html'] }).end('<!doctype html><title>bench</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>');
        return;
      }
      const file = fileOf(request.url);
      const body = await readFile(file);
      response.writeHead(200, { ...headers, 'content-type': types[path.extname(file)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done({ origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }));
  });
}

/** startUps measures each reader from nothing to its first answer, in turns. */
async function startUps(page, contestants) {
  const starts = Object.fromEntries(contestants.map((c) => [c.name, []]));
  await page.waitForFunction(() => 'bench' in globalThis);
  for (let i = 0; i < Number(args.starts); i++) {
    for (const c of contestants) starts[c.name].push(await page.evaluate(([c, n]) => globalThis.bench.start(c, n), [c, i]));
  }
  return starts;
}

/** Frames that are shown before the first that counts, until code is compiled well. */
const warmUp = 12;

/** readAll shows every frame to every reader, whose turn moves on with each. */
async function readAll(page, frames, contestants) {
  const names = contestants.map((c) => c.name);
  await page.evaluate((all) => globalThis.bench.openAll(all), contestants);
  const best = frames.map(() => ({})); // shortest time by frame and reader
  const sets = new Set(frames.map((f) => f.set));
  for (let i = 0; i < warmUp; i++) await page.evaluate(([a, o]) => globalThis.bench.look(a, o), [`/frame/${i % frames.length}`, names]).catch(() => undefined);
  const tallies = new Map(); // by kind of frame and reader
  for (let round = 0; round < Number(args.rounds); round++) {
    for (const [i, row] of frames.entries()) {
      const order = names.map((_, k) => names[(k + i + round) % names.length]);
      const seen = await page.evaluate(([a, o]) => globalThis.bench.look(a, o), [`/frame/${i}`, order]).catch((e) => {
        if (round === 0) console.log(`${row.id}: ${String(e.message).split('\n')[0]}`);
        return {};
      });
      for (const name of names) {
        const { texts = [], ms, error } = seen[name] ?? {};
        if (ms !== undefined && !error) best[i][name] = Math.min(ms, best[i][name] ?? Infinity);
        if (round > 0) continue;
        const { read, wrong } = judge(row, texts);
        const kinds = row.mode === 'none' ? [`${row.set} ${row.category}`, 'without a code'] : [`${row.set} ${row.category}`, 'all', ...(sets.size > 1 ? [`all of ${row.set}`] : [])];
        for (const kind of kinds) {
          const t = upsert(tallies, kind, names)[name];
          t.frames.push(i);
          t.codes += row.wants.length;
          t.read += read;
          t.wrong += wrong ? 1 : 0;
          t.none += row.mode === 'none' ? 1 : 0;
        }
      }
    }
  }
  for (const by of tallies.values()) {
    for (const name of names) by[name].ms = by[name].frames.flatMap((i) => best[i][name] ?? []);
  }
  return tallies;
}

function upsert(tallies, kind, names) {
  if (!tallies.has(kind)) tallies.set(kind, Object.fromEntries(names.map((n) => [n, { frames: [], codes: 0, read: 0, wrong: 0, none: 0, ms: [] }])));
  return tallies.get(kind);
}

/** right is the share of codes that were read or, without codes, of frames left alone. */
const right = (t) => (t.codes > 0 ? (100 * t.read) / t.codes : (100 * (t.none - t.wrong)) / Math.max(1, t.none));

function table(tallies, contestants) {
  const rows = [['frames', 'reader', 'n', 'codes', 'right %', 'false', 'median ms', 'p95', 'most']];
  for (const kind of [...tallies.keys()].sort()) {
    for (const { name } of contestants) {
      const t = tallies.get(kind)[name];
      const ms = [50, 95, 100].map((p) => percentile(t.ms, p)?.toFixed(2) ?? '-');
      rows.push([kind, name, t.frames.length, t.codes, right(t).toFixed(1), t.wrong, ...ms].map(String));
    }
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
  for (const r of rows) console.log(r.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '));
}

async function lines(tallies, contestants, starts, files) {
  const line = (name, values) => {
    if (values.length === 0) throw new Error(`${name}: nothing was measured`);
    const p = (k) => percentile(values, k).toFixed(3);
    console.log(`bench: ${name} p50=${p(50)}${values.length > 1 ? ` p95=${p(95)} p99=${p(99)} n=${values.length}` : ''}`);
  };
  for (const [kind, by] of [...tallies].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!kind.startsWith('all') && kind !== 'without a code') continue;
    for (const { name } of contestants) {
      const slug = `wasm_qr_${name}_${kind.replaceAll(' ', '_')}`;
      line(`${slug}_right_percent`, [right(by[name])]);
      line(`${slug}_false_reads`, [by[name].wrong]);
      line(`${slug}_ms`, by[name].ms);
    }
  }
  for (const c of contestants) {
    const parts = c.ours ? ['/ours.js', `${c.ours.folder}/wasm_exec.js`, `${c.ours.folder}/reader.wasm`] : ['/zxing.js', c.zxing.wasm];
    const bodies = await Promise.all(parts.map((p) => readFile(files(p))));
    const small = bodies.map((b) => brotliCompressSync(b, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: b.length, [constants.BROTLI_PARAM_LGWIN]: 24 } }).length);
    const sum = (ns) => ns.reduce((a, b) => a + b, 0);
    line(`wasm_qr_${c.name}_download_bytes`, [sum(bodies.map((b) => b.length))]);
    line(`wasm_qr_${c.name}_download_brotli_bytes`, [sum(small)]);
    line(`wasm_qr_${c.name}_startup_ms`, starts[c.name]);
  }
}

try {
  await main();
} finally {
  await rm(work, { recursive: true, force: true });
}
