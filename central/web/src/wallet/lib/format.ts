import { lang, say } from './i18n.svelte';

const locale = () => (lang() === 'ko' ? 'ko-KR' : 'en-GB');

/** In the venue's own zone: a ticket says the same time wherever it is read. */
function zoned(options: Intl.DateTimeFormatOptions, timezone: string | undefined): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat(locale(), timezone ? { ...options, timeZone: timezone } : options);
  } catch {
    return new Intl.DateTimeFormat(locale(), options); // a zone that this phone does not know
  }
}

export function day(ms: number, timezone?: string): string {
  return zoned({ month: 'long', day: 'numeric', weekday: 'short' }, timezone).format(ms);
}

export function dayOfYear(ms: number, timezone?: string): string {
  return zoned({ year: 'numeric', month: 'long', day: 'numeric' }, timezone).format(ms);
}

export function time(ms: number, timezone?: string): string {
  return zoned({ hour: '2-digit', minute: '2-digit', hour12: false }, timezone).format(ms);
}

export function moment(ms: number, timezone?: string): string {
  return zoned({ month: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false }, timezone).format(ms);
}

export function clock(ms: number, timezone?: string): string {
  return zoned({ hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }, timezone).format(ms);
}

/** span says a length of time in its largest unit. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return say('span.seconds', { n: seconds });
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return say('span.minutes', { n: minutes });
  const hours = Math.round(minutes / 60);
  if (hours < 48) return say('span.hours', { n: hours });
  return say('span.days', { n: Math.round(hours / 24) });
}

export function ago(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return say('ago.now');
  if (minutes < 60) return say('ago.minutes', { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return say('ago.hours', { n: hours });
  return say('ago.days', { n: Math.floor(hours / 24) });
}

/** minutesSeconds is 1:05 for 65 seconds. */
export function minutesSeconds(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** count is a number of people or things. */
export const count = (n: number): string => n.toLocaleString(locale());

/** money takes an amount in the currency's smallest unit. */
export function money(amount: number, currency: string): string {
  try {
    const format = new Intl.NumberFormat(locale(), { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
    return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 0));
  } catch {
    return `${amount} ${currency}`;
  }
}
