import type { Plugin } from 'vite';

/** Addresses that may stand in the code: names of things, never fetched. */
const names = [
  /^https?:\/\/www\.w3\.org\//, // contexts and namespaces
  /^https:\/\/svelte\.dev\/e\//, // in messages
  /^https:\/\/goo\.gl\/yabPex$/, // what Chromium writes into client data
];

/**
 * ownOrigin keeps every address of another origin out of the build. The policy that
 * web.go sends would stop such a request; this finds it before a holder does.
 */
export function ownOrigin(): Plugin {
  return {
    name: 'conting-own-origin',
    apply: 'build',
    enforce: 'post',
    transform: {
      // The reader's default place, which core/zxing.ts overrides anyway.
      filter: { id: /node_modules\/zxing-wasm\// },
      handler: (code) => ({ code: code.replace(/`https:\/\/fastly\.jsdelivr\.net\/[^`]*`/g, '``'), map: null }),
    },
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        for (const file of Object.values(bundle)) {
          const code = file.type === 'chunk' ? file.code : /\.(?:css|html)$/.test(file.fileName) ? String(file.source) : '';
          for (const [address] of code.matchAll(/https?:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)+[^\s"'`)<\\]*/gi)) {
            if (!names.some((n) => n.test(address))) this.error(`${file.fileName} names ${address}`);
          }
        }
      },
    },
  };
}
