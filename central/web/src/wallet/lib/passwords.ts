// What is said of a new password before central says it, and after.
import { Problem } from '../../core/api';
import { codeOf } from '../../core/fault';
import { say, sayMaybe } from './i18n.svelte';

/** tooShort is what to say of a password that central would not even look at, if it is one. */
export function tooShort(password: string, least: number): string | undefined {
  return [...password.normalize('NFKC')].length < least ? say('account.weak.short', { n: least }) : undefined;
}

/** weakness is what central has against a password, or undefined if something else went wrong. */
export function weakness(thrown: unknown, least: number): string | undefined {
  if (!(thrown instanceof Problem) || thrown.code !== 'password_weak') return undefined;
  return sayMaybe(`account.weak.${thrown.detail}`, { n: least }) ?? say('problem.password_weak');
}

/** notTheirs is what to say where the account is known and the password is not its. */
export function notTheirs(thrown: unknown): string | undefined {
  return codeOf(thrown) === 'password_refused' ? say('account.password.wrong') : undefined;
}
