/** What Chromium offers when a page can be put on the home screen. */
interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

let prompt = $state.raw<InstallPrompt | null>(null);

/** listenForInstall keeps the browser's offer until somebody wants it. */
export function listenForInstall(): void {
  addEventListener('beforeinstallprompt', (e) => {
    e.preventDefault();
    prompt = e as InstallPrompt;
  });
  addEventListener('appinstalled', () => (prompt = null));
}

export const installable = (): boolean => prompt !== null;

export async function install(): Promise<void> {
  await prompt?.prompt();
  prompt = null;
}

/** Whether the wallet was opened from the home screen. */
export const installed = (): boolean => matchMedia('(display-mode: standalone)').matches;

/** iOS has no offer: its owner adds the page by hand. */
export const byHand = (): boolean => /iPhone|iPad/.test(navigator.userAgent);
