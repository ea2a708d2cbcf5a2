import { download } from './files';
import { walletApi } from './wallet.svelte';

/** saveDossier hands the person everything that central knows of them, as a file. */
export async function saveDossier(): Promise<void> {
  const all = await walletApi().dossier();
  download(`conting-${new Date().toISOString().slice(0, 10)}.json`, `${JSON.stringify(all, null, 2)}\n`, 'application/json');
}
