// Runs the page's script without a browser and taps the steward's button.
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import vm from 'node:vm';

const elements = {};
const element = () => ({ dataset: {}, classList: { toggle() {} }, replaceChildren() {}, append() {}, hidden: false });
const timers = [];
const posted = [];
const page = vm.createContext({
  document: {
    documentElement: { lang: 'en' }, body: element(), addEventListener() {}, visibilityState: 'hidden',
    createElement: element, getElementById: (id) => (elements[id] ??= element()), querySelector: () => ({ content: 'token' }),
  },
  window: {}, navigator: {}, location: { reload() {} }, clearTimeout() {}, console,
  setTimeout: (run, after) => timers.push({ run, after }),
  fetch: async (url, options) => { posted.push(options && JSON.parse(options.body).seq); return { ok: true, status: 204, json: async () => ({}) }; },
  EventSource: class { addEventListener() {} },
});
vm.runInContext(readFileSync(process.argv[2], 'utf8'), page);
const draw = (v) => { page.v = v; vm.runInContext('draw(v)', page); };
const wait = () => { for (const t of timers.splice(0)) if (t.after < 1000) t.run(); };
const tap = () => { if (!elements.confirm.disabled) elements.confirm.onclick(); };
posted.length = 0;

const look = { face: 'look', reason: 'id_check', next: 'staff' };
draw({ ...look, number: 1, confirm: 41, zone: 'Floor', seat: 'A-1' });
tap();
assert.deepEqual(posted, [], 'a tap on a button that has just appeared');
wait();
draw({ ...look, number: 2, confirm: 42, zone: 'Floor', seat: 'A-1' }); // the next code of the same phone
tap();
assert.deepEqual(posted, [42], 'the same person');
draw({ ...look, number: 2, confirm: 42, zone: 'Floor', seat: 'A-1', nonce: 'ab', offer: true }); // a nonce comes up beside it
tap();
assert.deepEqual(posted, [42], 'the same referral drawn again');
draw({ ...look, number: 3, confirm: 43, zone: 'Floor', seat: 'A-2' });
tap();
assert.deepEqual(posted, [42], 'a tap that was meant for the one before');
draw({ ...look, number: 4, confirm: 44, zone: 'Floor' });
wait(); // the timer of 43 and that of 44
assert.equal(elements.confirm.disabled, false);
draw({ ...look, number: 5, confirm: 45, zone: 'Floor' }); // without seats nobody can tell
tap();
assert.deepEqual(posted, [42], 'somebody without a seat');
wait();
tap();
tap();
assert.deepEqual(posted, [42, 45], 'one tap, one word');
draw({ face: 'idle', number: 5 });
wait();
assert.equal(elements.steward.hidden, true);
