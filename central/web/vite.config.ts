import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { ownOrigin } from './build/own-origin.ts';
import { precache } from './build/precache.ts';
import { precompress } from './build/precompress.ts';

// The wallet is served by central under /wallet/; see web.go for the headers it
// gets. `npm run dev` passes API calls on to a central on the usual port.
export default defineConfig({
  base: '/wallet/',
  plugins: [svelte(), ownOrigin(), precache(), precompress()],
  build: {
    outDir: 'dist/wallet',
    emptyOutDir: true,
    target: ['es2022', 'chrome111', 'safari16.4', 'firefox114'],
    // A file in the page is a file that the content security policy must allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: { wallet: 'index.html', sw: 'src/sw/worker.ts' },
      output: {
        // The worker's address is its identity: it must not change with its content.
        entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
      },
    },
  },
  server: {
    proxy: { '/v1': process.env['CONTING_CENTRAL'] ?? 'http://localhost:8080' },
  },
  test: {
    include: ['src/**/*.test.ts'],
    environment: 'node',
    testTimeout: 60_000,
  },
});
