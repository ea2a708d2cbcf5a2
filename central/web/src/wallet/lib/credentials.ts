import { payloadOf } from '../../core/pack';
import type { CredentialView } from '../../core/wire';
import { say, sayMaybe } from './i18n.svelte';

/** Kept is a credential as the pages show it; its text is there if this phone keeps it. */
export interface Kept extends CredentialView {
  readonly jwt: string | null;
}

/** nameOf says what a credential is. */
export function nameOf(c: CredentialView): string {
  switch (c.type) {
    case 'family':
      return `${say('credentials.family')}${c.relation ? ` · ${relationOf(c.relation)}` : ''}`;
    case 'age':
      return `${say('credentials.age')}${c.over ? ` · ${say('credentials.age.over', { n: c.over })}` : ''}`;
    case 'staff':
      return `${say('credentials.staff')}${c.role ? ` · ${c.role}` : ''}`;
  }
}

/** relationOf says a registrar's word for a relation, as it stands if it is a new one. */
export function relationOf(word: string): string {
  return sayMaybe(`family.relation.${word.toLowerCase()}`) ?? word;
}

/** looksLike is whether a text can be a credential, before anybody is asked. */
export function looksLike(jwt: string): boolean {
  try {
    const p = payloadOf(jwt);
    return typeof p === 'object' && p !== null && 'vc' in p;
  } catch {
    return false;
  }
}
