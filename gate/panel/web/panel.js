// The page of a lane: it draws whatever view the panel sends and keeps no state
// but that view. It loads nothing from elsewhere.
'use strict';

const byId = (id) => document.getElementById(id);
const language = document.documentElement.lang;
let words = {};
let shown = { face: '', number: -1 }; // nothing is said before the gate has spoken
let silent = 0; // timer: no sign of life

// say looks a text up and fills in {names}. A key that the catalogue lacks is
// left out: a screen never shows a code.
function say(key, values) {
  const text = words[key];
  return text ? text.replace(/\{(\w+)\}/g, (_, name) => String((values || {})[name] ?? '')) : '';
}

function span(seconds) {
  if (seconds < 60) return say('time.seconds', { n: seconds });
  if (seconds < 3600) return say('time.minutes', { n: Math.floor(seconds / 60) });
  return say('time.hours', { n: Math.floor(seconds / 3600) });
}

function line(kind, text, small) {
  if (!text && !small) return null;
  const p = document.createElement('p');
  p.className = kind;
  p.textContent = text;
  if (small) {
    const s = document.createElement('small');
    s.textContent = small;
    p.append(s);
  }
  return p;
}

function nextText(v) {
  if (v.next === 'other_gate' && !(v.gates || []).length) return say('next.staff');
  if (v.next === 'wait' && !v.until) return say('next.staff');
  return say('next.' + v.next, { gates: (v.gates || []).join(', '), until: v.until });
}

function answer(v) {
  const lines = [line('word', say('word.' + v.face))];
  if (v.face === 'idle') {
    lines.push(line('next', v.nonce && !v.offer ? say('idle.challenge') : say('idle.hint')));
    return lines;
  }
  if (v.face === 'closed') {
    lines.push(line('reason', say('closed.reason')), line('next', say('closed.next')));
    return lines;
  }
  if (v.face !== 'admit') {
    lines.push(line('reason', say('reason.' + v.reason) || say('reason.refer_to_staff')));
    if (!v.confirm) lines.push(line('next', nextText(v)));
  }
  const seat = v.seat ? say('seat', { seat: v.seat }) : '';
  lines.push(line('place', v.zone || seat, [v.zone ? seat : '', v.class].filter(Boolean).join(' · ')));
  if (v.at) {
    lines.push(line('earlier', say('earlier.when', { at: v.at, ago: span(v.ago || 0) }), v.where ? say('earlier.where', { where: v.where }) : ''));
  }
  if ((v.flags || []).length) {
    const p = document.createElement('p');
    p.className = 'flags';
    for (const f of v.flags) {
      const s = document.createElement('span');
      s.textContent = say('flag.' + f);
      if (s.textContent) p.append(s);
    }
    lines.push(p);
  }
  for (const c of v.shown || []) {
    const what = say('credential.' + c.type, { what: c.what, over: c.over });
    const status = say('status.' + c.status, { age: span(c.age || 0) });
    lines.push(line('credential', what, [say('credential.issuer', { issuer: c.issuer }), status].filter(Boolean).join(' · ')));
  }
  return lines;
}

// How long the button of another person sleeps: a tap that was meant for the one
// before must not fall on the one who has just come.
const sleep = 700;

// A steward's word: the button belongs to one referral and works once.
function offer(v) {
  const box = byId('steward');
  const button = byId('confirm');
  box.hidden = !v.confirm;
  if (!v.confirm || v.confirm === shown.confirm) return;
  button.textContent = say('confirm.button');
  const same = shown.confirm && v.seat && v.seat === shown.seat && v.zone === shown.zone; // the next code of one phone
  button.disabled = !same;
  if (!same) setTimeout(() => { if (shown.confirm === v.confirm) button.disabled = false; }, sleep);
  byId('said').textContent = '';
  button.onclick = () => confirm(v.confirm).catch(() => { byId('said').textContent = say('confirm.failed'); button.disabled = false; });
}

async function confirm(seq) {
  byId('confirm').disabled = true;
  const token = document.querySelector('meta[name="token"]')?.content ?? '';
  const answer = await fetch('/confirm', {
    method: 'POST', body: JSON.stringify({ seq }), headers: { 'Content-Type': 'application/json', 'X-Conting-Token': token },
  });
  if (answer.status === 403) location.reload(); // the gate was started anew
  if (answer.status === 410) byId('said').textContent = say('confirm.gone');
  else if (!answer.ok) throw new Error(String(answer.status));
}

function barParts(b) {
  if (!b) return [];
  const parts = [say('bar.' + b.mode), say('bar.behind', { time: span(b.behind) })];
  if (b.unseen) parts.push(say('bar.unseen', { n: b.unseen }));
  if (b.at_risk) parts.push(say('bar.at_risk', { n: b.at_risk }));
  if (b.unacked) parts.push(say('bar.unacked', { n: b.unacked }));
  return parts.filter(Boolean);
}

function setBar(parts) {
  const bar = byId('bar');
  if (bar.dataset.said !== parts.join('\n')) {
    bar.dataset.said = parts.join('\n');
    bar.replaceChildren(...parts.flatMap((text) => {
      const s = document.createElement('span'); // a part is not broken across lines
      s.textContent = text;
      return [s, ' '];
    }));
  }
  bar.hidden = !parts.length;
}

function draw(v) {
  const fresh = v.number !== shown.number || v.face !== shown.face || !!v.nonce !== !!shown.nonce || !!v.offer !== !!shown.offer;
  setBar(barParts(v.bar));
  document.body.classList.toggle('asking', !!v.nonce && !v.offer);
  document.body.classList.toggle('offering', !!v.offer);
  // Whoever lacks a proof of their age may have one in their wallet.
  const proving = !!v.offer && v.reason === 'age_unproven';
  document.body.classList.toggle('proving', proving);
  byId('caption').textContent = say(proving ? 'nonce.age' : v.offer ? 'nonce.offer' : 'nonce.caption');
  byId('parts').hidden = !v.parts;
  if (v.parts) byId('parts').textContent = say('parts', v.parts);
  byId('nonce').hidden = !v.nonce;
  if (v.nonce && v.nonce !== shown.nonce) byId('picture').src = '/nonce/' + v.nonce + '.svg';
  if (fresh) {
    document.body.dataset.face = v.face;
    byId('answer').replaceChildren(...answer(v).filter(Boolean));
    offer(v);
    if (v.number !== shown.number && shown.number >= 0) sound(v.face);
  }
  shown = v;
}

// Three sounds that differ in pitch, number and length, for those who do not look.
const tunes = {
  admit: [[1320, 0, 0.14]],
  refuse: [[196, 0, 0.22], [196, 0.3, 0.35]],
  look: [[660, 0, 0.1], [880, 0.16, 0.1], [660, 0.32, 0.1]],
};
let audio = null;

function sound(face) {
  const tune = tunes[face];
  if (!tune || !window.AudioContext) return;
  audio = audio || new AudioContext();
  if (audio.state === 'suspended') audio.resume().catch(() => {});
  for (const [pitch, start, length] of tune) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.type = face === 'refuse' ? 'square' : 'sine';
    tone.frequency.value = pitch;
    volume.gain.value = 0.25;
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + start);
    tone.stop(audio.currentTime + start + length);
  }
  // A browser whose page nobody has touched refuses to vibrate, and logs it as an error.
  if (navigator.vibrate && navigator.userActivation?.hasBeenActive) navigator.vibrate(tune.map((t) => Math.round(t[2] * 1000)).flatMap((ms) => [ms, 80]));
}

// A page that hears nothing must not look as if it were up to date.
function alive() {
  clearTimeout(silent);
  silent = setTimeout(lost, 12000);
}

function lost() {
  draw({ face: 'closed', number: shown.number });
  setBar([say('bar.lost')]);
}

async function awake() {
  try {
    if (navigator.wakeLock && document.visibilityState === 'visible') await navigator.wakeLock.request('screen');
  } catch { /* the browser's own settings decide */ }
}

async function start() {
  words = await (await fetch('/catalogue/' + language + '.json')).json();
  byId('picture').alt = say('nonce.alt');
  const stream = new EventSource('/events');
  stream.addEventListener('view', (e) => { alive(); draw(JSON.parse(e.data)); });
  stream.addEventListener('beat', alive);
  stream.addEventListener('error', () => {
    // A stream that the server turned away does not come back by itself.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  });
  alive();
  document.addEventListener('visibilitychange', awake);
  awake();
}

start().catch(() => setTimeout(() => location.reload(), 2000));
