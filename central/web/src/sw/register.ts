/** Update is a newer build that waits for the page to let it in. */
export interface Update {
  /** apply takes it over and loads the page again. */
  apply(): void;
}

const listeners = new Set<(u: Update) => void>();
let waiting: Update | null = null;

/**
 * onUpdate tells of a newer build, at once if one waits already. The page asks the
 * person, or applies it at a moment when nothing is shown that would be lost. It
 * returns what ends the telling.
 */
export function onUpdate(listener: (u: Update) => void): () => void {
  listeners.add(listener);
  if (waiting) listener(waiting);
  return () => listeners.delete(listener);
}

/**
 * register installs the service worker. At the start of a page a newer build that is
 * already there takes over at once, unless the page is one that must not be loaded
 * again; one that comes later is told to onUpdate.
 */
export async function register(mayReload: () => boolean): Promise<void> {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
  const workers = navigator.serviceWorker;
  let wanted = false;
  workers.addEventListener('controllerchange', () => {
    if (wanted) location.reload();
    wanted = false;
  });
  const base = import.meta.env.BASE_URL;
  const registration = await workers.register(address(`${base}sw.js`), { scope: base, updateViaCache: 'none' }).catch(() => null);
  if (!registration) return; // private windows; the wallet works, with a network
  const apply = (worker: ServiceWorker) => {
    wanted = true;
    worker.postMessage('take-over');
  };
  if (registration.waiting && workers.controller && mayReload()) apply(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing;
    worker?.addEventListener('statechange', () => {
      if (worker.state !== 'installed' || !workers.controller) return;
      waiting = { apply: () => apply(worker) };
      for (const tell of listeners) tell(waiting);
    });
  });
  const ready = await workers.ready;
  ready.active?.postMessage('complete');
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (s: string) => string }): { createScriptURL(s: string): unknown };
}

/** address marks the one address that the policy of web.go lets a worker come from. */
function address(script: string): string {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  return (types?.createPolicy('conting-worker', { createScriptURL: (s) => s }).createScriptURL(script) ?? script) as string;
}
