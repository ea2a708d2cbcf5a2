import { expect, test } from 'vitest';
import { dropLetter, letter, letterIn, letterOf, openLetter } from './letters.svelte';

const token = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';

test.each([
  ['the link', `https://tickets.example/wallet/#/confirm/reset/${token}`],
  ['the link between words', `본인이 요청하셨다면 열어 주세요:\n\nhttps://tickets.example/wallet/#/confirm/reset/${token}\n\n요청하지 않으셨다면`],
  ['the link in brackets', `<http://localhost:8080/wallet/#/confirm/reset/${token}>`],
])('%s is found', (_, text) => expect(letterIn(text)).toEqual({ topic: 'reset', token }));

test.each([
  ['nothing', ''],
  ['another page', 'https://tickets.example/wallet/#/tickets/0f'],
  ['another topic', `https://tickets.example/wallet/#/confirm/delete/${token}`],
  ['half a link', 'https://tickets.example/wallet/#/confirm/join/AAEC'],
  ['a token alone', token],
  ['a link far into a long text', `${' '.repeat(5000)}#/confirm/join/${token}`],
])('%s is no letter', (_, text) => expect(letterIn(text)).toBeNull());

test('a token of another form is none', () => {
  for (const t of [undefined, '', 'a'.repeat(129), `${token}=`, `${token}/..`]) expect(letterOf('join', t)).toBeNull();
  expect(letterOf(undefined, token)).toBeNull();
});

test('an open letter waits until it is used up, and is of one topic', () => {
  openLetter({ topic: 'verify', token });
  expect(letter('verify')?.token).toBe(token);
  expect(letter('verify')?.token).toBe(token);
  expect(letter('join')).toBeNull();
  expect(letter(undefined)).toBeNull();
  dropLetter();
  expect(letter('verify')).toBeNull();
});
