// The service worker: wiring only. What it does stands in shell.ts.
import type { Build } from './build';
import { Shell } from './shell';

declare const self: ServiceWorkerGlobalScope;
declare const __CONTING_PRECACHE__: Build; // filled in by build/precache.ts

const shell = new Shell(__CONTING_PRECACHE__, {
  caches: self.caches,
  fetch: (request) => self.fetch(request),
  origin: self.location.origin,
});

self.addEventListener('install', (e) => e.waitUntil(shell.install()));

self.addEventListener('activate', (e) =>
  e.waitUntil(
    (async () => {
      await shell.activate();
      await self.clients.claim(); // the first visit is already good without a network
    })(),
  ),
);

self.addEventListener('fetch', (e) => {
  if (shell.answers(e.request)) e.respondWith(shell.answer(e.request));
});

self.addEventListener('message', (e) => {
  // A page decides when a new build takes over: never while it shows a code.
  if (e.data === 'take-over') e.waitUntil(self.skipWaiting());
  if (e.data === 'complete') e.waitUntil(shell.complete());
});
