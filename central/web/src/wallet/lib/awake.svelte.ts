import { keepAwake } from '../../core/wake';

/** awake keeps the screen on while a condition of a component holds. */
export function awake(when: () => boolean): void {
  const wanted = $derived(when());
  $effect(() => (wanted ? keepAwake() : undefined));
}
