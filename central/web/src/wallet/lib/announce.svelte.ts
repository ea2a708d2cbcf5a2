import { untrack } from 'svelte';

/**
 * What a screen reader says without the focus moving. One polite region and one
 * assertive one stand in the page from the start, since browsers do not notice
 * regions that come together with their text.
 */
let polite = $state('');
let assertive = $state('');

export function spoken(): { readonly polite: string; readonly assertive: string } {
  return { polite, assertive };
}

export function announce(text: string, urgent = false): void {
  // Whoever announces within an effect must not depend on what was said before.
  untrack(() => {
    const again = (said: string) => (said === text ? `${text}\u00a0` : text); // the same words twice are two announcements
    if (urgent) assertive = again(assertive);
    else polite = again(polite);
  });
}
