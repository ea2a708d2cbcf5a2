import en from '../../i18n/en.json';
import ko from '../../i18n/ko.json';

export type Lang = 'ko' | 'en';
export type Key = keyof typeof ko & keyof typeof en;
export type Values = Readonly<Record<string, string | number>>;

const words: Readonly<Record<Lang, Readonly<Record<string, string>>>> = { ko, en };
const remembered = 'conting.language';

/** preferred is the language that the person chose, else their browser's. */
function preferred(): Lang {
  try {
    const chosen = localStorage.getItem(remembered);
    if (chosen === 'ko' || chosen === 'en') return chosen;
  } catch {
    // no storage: the browser's own languages decide
  }
  for (const tag of navigator.languages ?? [navigator.language]) {
    if (tag.toLowerCase().startsWith('ko')) return 'ko';
    if (tag.toLowerCase().startsWith('en')) return 'en';
  }
  return 'en';
}

let current = $state<Lang>(preferred());

/** lang is the language that the pages speak now. */
export function lang(): Lang {
  return current;
}

/** speak changes the language of every page at once. */
export function speak(to: Lang): void {
  current = to;
  try {
    localStorage.setItem(remembered, to);
  } catch {
    // it lasts until the page is closed
  }
}

/** say returns a text in the present language, with its {holes} filled. */
export function say(key: Key, values?: Values): string {
  return fill(words[current][key] ?? key, values);
}

/** sayMaybe is say for keys that come from outside, such as problem codes. */
export function sayMaybe(key: string, values?: Values): string | undefined {
  const text = words[current][key];
  return text === undefined ? undefined : fill(text, values);
}

function fill(text: string, values: Values | undefined): string {
  if (!values) return text;
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = values[name];
    return value === undefined ? hole : String(value);
  });
}
