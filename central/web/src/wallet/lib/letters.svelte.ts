// The links of letters: what they bring must not stay in the address and its history.

/** The topics of letters with a link that works once: central/account's. */
const topics = ['join', 'reset', 'verify'] as const;
export type Topic = (typeof topics)[number];

export interface Letter {
  readonly topic: Topic;
  readonly token: string;
}

const form = /^[A-Za-z0-9_-]{16,128}$/;
const link = /#\/confirm\/(\w+)\/([A-Za-z0-9_-]+)/;

/** letterOf is the letter that a topic and a token name, or null. */
export function letterOf(topic: string | undefined, token: string | undefined): Letter | null {
  const known = topics.find((t) => t === topic);
  return known && token && form.test(token) ? { topic: known, token } : null;
}

/** letterIn finds the link of a letter in what somebody pasted, whatever stands around it, or null. */
export function letterIn(text: string): Letter | null {
  const found = link.exec(text.slice(0, 4096));
  return letterOf(found?.[1], found?.[2]);
}

/** The letter whose link was opened last, until it is used up: signing in first does not lose it. */
let open = $state.raw<Letter | null>(null);

export function openLetter(l: Letter): void {
  open = l;
}

/** letter is the open letter of a topic, or null. */
export function letter(topic: string | undefined): Letter | null {
  return open?.topic === topic ? open : null;
}

export function dropLetter(): void {
  open = null;
}
