// What a call is asked with, checked as strictly as a node does.

import * as base58 from './base58.js';
import { invalid } from './errors.js';

const object = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);

/** The params of a method that takes so many of them; those left out are undefined. */
export function list(params, most, least = 0) {
  if (params === undefined || params === null) params = [];
  if (!Array.isArray(params)) throw invalid('`params` should be an array');
  if (params.length > most) throw invalid(`Invalid params: invalid length ${params.length}, expected at most ${most}.`);
  if (params.length < least) throw invalid('`params` should have at least ' + `${least} argument(s)`);
  return params;
}

export function text(v, what) {
  if (typeof v !== 'string') throw invalid(`Invalid params: invalid type, expected a string: ${what}.`);
  return v;
}

/**
 * A whole number that JSON carries without loss; `or` where it is left out.
 * @param {unknown} v
 * @param {string} what
 * @param {{least?: number, most?: number, or?: number}} [limits]
 * @returns {number}
 */
export function whole(v, what, { least = 0, most = Number.MAX_SAFE_INTEGER, or } = {}) {
  if ((v === undefined || v === null) && or !== undefined) return or;
  if (typeof v !== 'number' || !Number.isSafeInteger(v) || v < least || v > most) throw invalid(`Invalid params: invalid value, expected an integer from ${least} to ${most}: ${what}.`);
  return v;
}

export function share(v, what) {
  if (v === undefined) return 0;
  if (typeof v !== 'number' || !(v >= 0 && v <= 1)) throw invalid(`Invalid params: expected a number from 0 to 1: ${what}.`);
  return v;
}

export function flag(v, what) {
  if (v === undefined || v === null) return false;
  if (typeof v !== 'boolean') throw invalid(`Invalid params: invalid type, expected a boolean: ${what}.`);
  return v;
}

/** A public key, as latin1. */
export function key(v) {
  const bytes = base58.decode(text(v, 'a public key'), 32);
  if (!bytes) throw invalid(/^[1-9A-HJ-NP-Za-km-z]*$/.test(v) ? 'Invalid param: WrongSize' : 'Invalid param: Invalid');
  return bytes.toString('latin1');
}

/** A signature, as it was written. */
export function signature(v) {
  if (!base58.decode(text(v, 'a signature'), 64)) throw invalid(/^[1-9A-HJ-NP-Za-km-z]*$/.test(v) ? 'Invalid param: WrongSize' : 'Invalid param: Invalid');
  return v;
}

/** A list of at most so many. */
export function many(v, most, each) {
  if (!Array.isArray(v)) throw invalid('Invalid params: invalid type, expected a sequence.');
  if (v.length > most) throw invalid(`Too many inputs provided; max ${most}`);
  return v.map(each);
}

/** The object of options that most methods end with. */
export function config(v) {
  if (v === undefined || v === null) return {};
  if (!object(v)) throw invalid('Invalid params: invalid type, expected a configuration object.');
  return v;
}

/** A name out of some. */
export function oneOf(v, names, or) {
  if (v === undefined || v === null) return or;
  if (!names.includes(v)) throw invalid(`Invalid params: unknown variant \`${v}\`, expected one of ${names.map((n) => `\`${n}\``).join(', ')}.`);
  return v;
}

export const commitments = ['processed', 'confirmed', 'finalized'];

export { object };
