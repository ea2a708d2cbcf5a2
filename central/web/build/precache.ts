import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Plugin } from 'vite';

/** What stands in the worker's source where the list of files goes. */
const placeholder = '__CONTING_PRECACHE__';

/**
 * precache tells the service worker which files make up this build, and fails
 * the build if the worker would need another file to run: a worker that cannot
 * be loaded whole cannot start without a network.
 */
export function precache(): Plugin {
  let base = '/';
  let publicDir = '';
  return {
    name: 'conting-precache',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      base = config.base;
      publicDir = config.publicDir;
    },
    generateBundle: {
      order: 'post',
      async handler(_, bundle) {
        const worker = bundle['sw.js'];
        if (worker?.type !== 'chunk') this.error('there is no sw.js in the build');
        if (worker.imports.length || worker.dynamicImports.length || worker.exports.length) {
          this.error('sw.js must be one file, without imports and exports');
        }
        const contents = new Map<string, string | Uint8Array>();
        for (const [name, file] of Object.entries(bundle)) {
          if (name !== 'sw.js' && !name.startsWith('.')) contents.set(name, file.type === 'chunk' ? file.code : file.source);
        }
        for (const name of await readdir(publicDir)) contents.set(name, await readFile(path.join(publicDir, name)));
        const files = [...contents.keys()].sort();
        const late = new Set(files.filter((name) => name.endsWith('.wasm') || /^assets\/zxing-/.test(name)));
        const hash = createHash('sha256');
        for (const name of files) hash.update(name).update('\0').update(contents.get(name)!).update('\0');
        const list = JSON.stringify({
          version: hash.digest('hex').slice(0, 16),
          shell: base,
          files: files.filter((name) => name !== 'index.html' && !late.has(name)).map((name) => base + name),
          later: files.filter((name) => late.has(name)).map((name) => base + name),
        });
        if (!worker.code.includes(placeholder)) this.error(`sw.js lacks ${placeholder}`);
        worker.code = worker.code.replace(placeholder, () => list);
      },
    },
  };
}
