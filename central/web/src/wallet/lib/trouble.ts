import { Problem } from '../../core/api';
import { codeOf } from '../../core/fault';
import { passkeys, same } from './codes';
import * as format from './format';
import { say, sayMaybe } from './i18n.svelte';

/** Trouble is what a person is told when something did not work: what, and what to do. */
export interface Trouble {
  readonly code: string;
  readonly title: string;
  readonly text: string | undefined;
}

export function troubleOf(thrown: unknown): Trouble {
  const raw = codeOf(thrown);
  const code = same[raw] ?? raw;
  const [titleKey, textKey] = passkeys[code] ?? [`problem.${code}`, `problem.${code}.what`];
  const wait = thrown instanceof Problem && raw === 'too_many_tries' ? thrown.retryAfter : 0;
  if (wait > 0) return { code: raw, title: say('problem.too_many_tries.wait', { left: format.span(wait) }), text: undefined };
  const title = sayMaybe(titleKey);
  if (title) return { code: raw, title, text: textKey ? sayMaybe(textKey, { origin: location.origin }) : undefined };
  if (raw === 'internal') console.error(thrown);
  return { code: raw, title: say('problem.generic'), text: say('problem.generic.what', { code: raw }) };
}
