/** What somebody who reads a list of sessions knows a browser and a device by. Browsers that name others come first. */
const browsers: readonly (readonly [string, RegExp])[] = [
  ['KakaoTalk', /KAKAOTALK/],
  ['NAVER', /NAVER\(/],
  ['Instagram', /Instagram/],
  ['Samsung Internet', /SamsungBrowser\//],
  ['Whale', /Whale\//],
  ['Edge', /Edg(?:e|A|iOS)?\//],
  ['Opera', /OPR\//],
  ['Firefox', /(?:Firefox|FxiOS)\//],
  ['Chrome', /(?:Chrome|CriOS|Chromium|HeadlessChrome)\//],
  ['Safari', /Version\/[\d.]+ .*Safari\//],
];
const systems: readonly (readonly [string, RegExp])[] = [
  ['iPhone', /iPhone/],
  ['iPad', /iPad/],
  ['Android', /Android/],
  ['Windows', /Windows/],
  ['Mac', /Macintosh/],
  ['ChromeOS', /CrOS/],
  ['Linux', /Linux|X11/],
];

/**
 * agentName is what to call the program that a User-Agent names, or null where it
 * names none that people know. It may lie; it is only ever shown.
 */
export function agentName(agent: string): string | null {
  const name = (all: typeof browsers) => all.find(([, form]) => form.test(agent))?.[0];
  const parts = [name(systems), name(browsers)].filter((p) => p !== undefined);
  return parts.length ? parts.join(' · ') : null;
}

/** handheld is whether it is a phone or tablet. */
export const handheld = (agent: string): boolean => /iPhone|iPad|Android|Mobile/.test(agent);
