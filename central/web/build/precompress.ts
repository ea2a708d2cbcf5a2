import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

const worthwhile = /\.(?:js|css|html|json|svg|wasm|webmanifest)$/;

/**
 * precompress writes each file's .br and .gz beside it, for web.go to choose
 * from, and prints what the wallet weighs on the wire.
 */
export function precompress(): Plugin {
  let dir = '';
  return {
    name: 'conting-precompress',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      dir = path.resolve(config.root, config.build.outDir);
    },
    async closeBundle() {
      const rows: [string, number, number, number][] = [];
      for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !worthwhile.test(entry.name)) continue;
        const file = path.join(entry.parentPath, entry.name);
        const raw = await readFile(file);
        const [br, gz] = await Promise.all([
          promisify(brotliCompress)(raw, {
            params: {
              [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
              [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
            },
          }),
          promisify(gzip)(raw, { level: 9 }),
        ]);
        // What does not get smaller is served as it is.
        if (br.length < raw.length) await writeFile(`${file}.br`, br);
        if (gz.length < raw.length) await writeFile(`${file}.gz`, gz);
        rows.push([path.relative(dir, file), raw.length, gz.length, br.length]);
      }
      rows.sort((a, b) => a[0].localeCompare(b[0]));
      const cell = (n: number) => String(n).padStart(9);
      console.log(`${'file'.padEnd(44)}      raw     gzip   brotli`);
      for (const [name, raw, gz, br] of rows) console.log(name.padEnd(42) + cell(raw) + cell(gz) + cell(br));
    },
  };
}
