import { span } from '../lib/format';
import { say } from '../lib/i18n.svelte';

/** How far a phone's clock may be off before its owner is told. */
export const tolerableMs = 10_000;

/** clockNote says that this phone's clock is wrong, or nothing. The offset is central's time minus the phone's. */
export function clockNote(offset: number | null): { title: string; text: string } | null {
  if (offset === null || Math.abs(offset) <= tolerableMs) return null;
  const by = span(Math.abs(offset));
  return { title: say(offset < 0 ? 'show.clock.fast' : 'show.clock.slow', { by }), text: say('show.clock.what') };
}
