import { wallet } from './wallet.svelte';

let second = $state(Date.now());
setInterval(() => (second = Date.now()), 1000);

/** ticking is this phone's clock, to the second, for whoever shows times. */
export function ticking(): number {
  return second;
}

/** rightNow is central's time, to the second, as well as this phone knows it. */
export function rightNow(): number {
  return second + (wallet.offset ?? 0);
}
