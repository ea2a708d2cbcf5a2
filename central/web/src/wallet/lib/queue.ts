// What is said of a wait.
import { say } from './i18n.svelte';

const minute = 60_000;
const hour = 60 * minute;

/** waiting says a range of time, from what is likely at best to what is likely at worst. */
export function waiting(from: number, to: number): string {
  if (to <= minute) return say('queue.wait.soon');
  const [a, b] = [Math.max(1, Math.floor(from / minute)), Math.ceil(to / minute)];
  if (b < 90) return a === b ? say('queue.wait.minutes', { n: a }) : say('queue.wait.minutes.range', { from: a, to: b });
  const [c, d] = [Math.max(1, Math.floor(from / hour)), Math.ceil(to / hour)];
  return c === d ? say('queue.wait.hours', { n: c }) : say('queue.wait.hours.range', { from: c, to: d });
}

/** countdown is 2 d 03:04:05 without the days when there are none, and without the hours when there are none of them either. */
export function countdown(ms: number): string {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const pad = (n: number) => String(n).padStart(2, '0');
  const [days, hours, minutes, seconds] = [Math.floor(all / 86_400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60, all % 60];
  const clock = days || hours ? `${pad(hours)}:${pad(minutes)}:${pad(seconds)}` : `${minutes}:${pad(seconds)}`;
  return days ? `${say('span.days', { n: days })} ${clock}` : clock;
}
