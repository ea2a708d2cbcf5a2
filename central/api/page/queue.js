// The waiting room's page: enters, asks when the server says, and shows the place.
// What it keeps, {token, receipt}, stands in localStorage under conting-queue-EVENT;
// the place is the account's, and the wallet finds it there as well.
"use strict";

const words = {
  ko: {
    name: "한국어", title: "대기실", opensIn: "판매 시작까지", lobby: "대기실에 들어왔습니다. 판매 시작까지", drawing: "추첨하고 있습니다",
    lobbyWhat: "시작 전이면 먼저 와도 늦게 와도 똑같습니다. 시작할 때 추첨합니다.", ahead: "내 앞에", people: (n) => `${n}명`, next: "다음 차례",
    soon: "예상 대기 1분 안", about: (n) => `예상 대기 약 ${n}분`, range: (a, b) => `예상 대기 ${a}~${b}분`, aboutHours: (n) => `예상 대기 약 ${n}시간`, rangeHours: (a, b) => `예상 대기 ${a}~${b}시간`,
    unknown: "예상 시간을 계산하고 있습니다", admitted: "입장하셨습니다", admittedWhat: "이 시간 안에 자리를 잡아 주세요", go: "예매하러 가기",
    skipped: "차례에 응답이 없었습니다", skippedWhat: "돌아오셨으니 곧 입장합니다.", left: "줄에서 나왔습니다", leftWhat: "다시 서려면 맨 뒤부터 기다립니다.", silent: "오래 응답이 없어 순서를 잃었습니다.", expired: "입장한 시간 안에 자리를 잡지 않았습니다.",
    closed: "대기실이 닫혔습니다", closedWhat: "더 이상 입장하지 않습니다.", none: "이 공연에는 대기실이 없습니다", noneWhat: "바로 예매할 수 있습니다.", signin: "먼저 로그인해 주세요", signinWhat: "순서는 계정에 매겨집니다. 지갑에서 로그인하고 돌아오면 됩니다.", wallet: "지갑 열기",
    working: "줄을 설 준비를 하고 있습니다", workingWhat: "자동 프로그램을 막기 위해 잠시 계산합니다.", crowd: (n) => `함께 기다리는 사람 ${n}명`, live: "연결됨 · 저절로 바뀝니다", away: "연결이 끊겼지만 순서는 그대로입니다", paused: "입장이 잠시 멈췄습니다. 순서는 그대로입니다.",
    keep: "이 페이지를 열어 두세요. 새로 고치거나 네트워크가 바뀌어도 순서는 뒤로 밀리지 않습니다.", again: "다시 줄 서기", leave: "줄에서 나가기", sure: "지금 순서가 사라집니다. 줄에서 나갈까요?",
    fair: "순서는 이렇게 정합니다", fairWhat: "판매 전에 온 사람은 미리 봉인한 값으로 한 번에 추첨하고, 그 뒤에 온 사람은 온 순서대로 섭니다. 추첨 파일이 있으면 누구나 다시 계산해 볼 수 있습니다. 확인할 수 있는 것은 추첨까지이고, 그 순서대로 들여보내는 것은 주최자를 믿어야 합니다.",
    commitment: "봉인한 추첨 값의 지문", receipt: "내 확인증", file: "추첨 파일 받기", fileLater: "추첨 파일은 판매가 열릴 때 공개됩니다.", days: (n) => `${n}일`,
  },
  en: {
    name: "English", title: "Waiting room", opensIn: "The sale opens in", lobby: "You are in. The sale opens in", drawing: "The order is being drawn",
    lobbyWhat: "Early or late makes no difference before the opening: the order is drawn by lot.", ahead: "Ahead of you", people: (n) => n, next: "You are next",
    soon: "Expected wait: less than a minute", about: (n) => `Expected wait: about ${n} min`, range: (a, b) => `Expected wait: ${a} to ${b} min`, aboutHours: (n) => `Expected wait: about ${n} h`, rangeHours: (a, b) => `Expected wait: ${a} to ${b} h`,
    unknown: "The wait is not known yet", admitted: "It is your turn", admittedWhat: "Reserve your places within this time", go: "Choose your places",
    skipped: "You were away when your turn came", skippedWhat: "You are back, and are let in next.", left: "You are no longer in line", leftWhat: "To wait again, stand at the end.", silent: "You were away for too long when your turn came.", expired: "The time to reserve has passed.",
    closed: "The waiting room is closed", closedWhat: "Nobody is let in any more.", none: "This event has no waiting room", noneWhat: "You can book at once.", signin: "Please sign in first", signinWhat: "A place belongs to an account. Sign in with the wallet, and come back.", wallet: "Open the wallet",
    working: "Getting your place in line", workingWhat: "This browser works for a moment. It keeps robots out.", crowd: (n) => `Waiting here: ${n}`, live: "Connected · updates by itself", away: "No connection. Your place is kept.", paused: "Nobody is let in for a moment. You keep your place.",
    keep: "Keep this page open. Reloading it or another network never moves you back.", again: "Stand in line again", leave: "Leave the line", sure: "Your place is gone then. Leave the line?",
    fair: "How the order is made", fairWhat: "Everybody who is here before the opening is drawn by lot with a seed that is sealed beforehand; whoever comes later stands behind, in the order of arrival. With the shuffle file, anybody can recompute it. This proves the draw; that people are then let in by it is the organiser's word.",
    commitment: "Fingerprint of the sealed seed", receipt: "My receipt", file: "Download the shuffle file", fileLater: "The shuffle file is published when the sale opens.", days: (n) => `${n} d`,
  },
};

const event = location.pathname.split("/").pop();
const base = `/v1/events/${event}/queue`;
const slot = `conting-queue-${event}`;
const at = (id) => document.getElementById(id);
const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* it lasts until the page is closed */ } };

// The wallet keeps the language under this name too.
const chosen = stored("conting.language");
let lang = words[chosen] ? chosen : (navigator.languages ?? [navigator.language]).some((l) => l.toLowerCase().startsWith("ko")) ? "ko" : "en";
let say = words[lang];

let kept = {};
try { kept = JSON.parse(stored(slot)) ?? {}; } catch { kept = {}; }
let info = null;
let place = null;
let says = null; // what is said in the place of a place: [state, title, text]
let away = false;
let failures = 0;
let skew = 0; // the server's clock minus ours
let informed = 0;
let timer = 0;

function keep(changes) {
  kept = { ...kept, ...changes };
  store(slot, JSON.stringify({ token: kept.token, receipt: kept.receipt }));
}

function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(poll, ms);
}

async function call(path, options = {}) {
  const r = await fetch(path, { cache: "no-store", ...options });
  const date = Date.parse(r.headers.get("Date") ?? "");
  if (!Number.isNaN(date)) skew = date + 500 - Date.now();
  const body = r.status === 204 ? {} : await r.json();
  if (!r.ok) throw Object.assign(new Error(body.code ?? "error"), { code: body.code, status: r.status, after: Number(r.headers.get("Retry-After")) || 0 });
  return body;
}

async function inform() {
  informed = Date.now();
  info = await call(`${base}/info`);
}

async function poll() {
  if (!kept.token) { await enter(); return; }
  try {
    await hear(await call(base, { headers: { "Queue-Token": kept.token } }));
  } catch (e) {
    trouble(e);
  }
}

async function enter() {
  try {
    await inform();
    const access = (await call("/v1/account/access", { method: "POST" })).token;
    const join = (more) => call(base, { method: "POST", headers: { Authorization: `Bearer ${access}`, "Content-Type": "application/json" }, body: JSON.stringify({ ...(kept.token ? { token: kept.token } : {}), ...more }) });
    let p;
    try {
      p = await join({});
    } catch (e) {
      if (e.code !== "work_required") throw e;
      await inform();
      says = ["working", say.working, say.workingWhat];
      show();
      p = await join({ work: info.work ? await work(info.work, accountOf(access)) : "" });
    }
    keep({ receipt: p.receipt });
    await hear(p);
  } catch (e) {
    trouble(e);
  }
}

async function hear(p) {
  const before = place?.state;
  place = p;
  says = null;
  away = false;
  failures = 0;
  keep({ token: p.token });
  show();
  if (p.state === "left" || p.state === "closed") { clearTimeout(timer); return; }
  later(p.retry_ms);
  if (before !== p.state || (Date.now() - informed > 20000 && (p.state !== "waiting" || !p.eta))) await inform().then(show, () => {});
}

function trouble(e) {
  if (e.status === 401) says = ["signin", say.signin, say.signinWhat];
  else if (e.code === "unknown_queue" || e.code === "unknown_event") says = ["none", say.none, say.noneWhat];
  else if (e.code === "queue_closed") says = ["closed", say.closed, say.closedWhat];
  else {
    if (e.code === "queue_token_invalid") keep({ token: undefined });
    away = true;
    later(Math.max(1000 * (e.after ?? 0), Math.min(20000, 2000 * 2 ** failures++)));
  }
  show();
}

const now = () => Date.now() + skew;
const count = (n) => n.toLocaleString(lang === "ko" ? "ko-KR" : "en-GB");

function text(id, value) {
  const e = at(id);
  if (e.textContent !== value) e.textContent = value;
  e.hidden = value === "";
}

function clock(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const pad = (n) => String(n).padStart(2, "0");
  const [d, h, m, s] = [Math.floor(all / 86400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60, all % 60];
  return (d ? `${say.days(d)} ` : "") + (d || h ? `${pad(h)}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`);
}

function wait(eta) {
  const [from, to] = [Date.parse(eta.earliest) - now(), Date.parse(eta.latest) - now()];
  if (to <= 60000) return say.soon;
  const [a, b] = [Math.max(1, Math.floor(from / 60000)), Math.ceil(to / 60000)];
  if (b < 90) return a === b ? say.about(a) : say.range(a, b);
  const [c, d] = [Math.max(1, Math.floor(from / 3600000)), Math.ceil(to / 3600000)];
  return c === d ? say.aboutHours(c) : say.rangeHours(c, d);
}

// saying is what stands on the board: [title, something big, text].
function saying(p) {
  if (says) return [says[1], "", says[2]];
  switch (p?.state) {
    case "lobby": {
      const left = Date.parse(p.opens) - now();
      return left > 0 ? [say.lobby, clock(left), say.lobbyWhat] : [say.title, say.drawing, say.lobbyWhat];
    }
    case "waiting": return [say.ahead, p.ahead === 0 ? say.next : say.people(count(p.ahead)), info?.paused ? say.paused : p.eta ? wait(p.eta) : say.unknown];
    case "admitted": return [say.admitted, clock(Date.parse(p.admission.expires) - now()), say.admittedWhat];
    case "skipped": return [say.skipped, "", say.skippedWhat];
    case "left": return [say.left, "", p.reason === "silent" ? say.silent : p.reason === "expired" ? say.expired : say.leftWhat];
    case "closed": return [say.closed, "", say.closedWhat];
    default: return [say.title, "", ""];
  }
}

function show() {
  const p = says ? null : place;
  const state = says?.[0] ?? p?.state ?? "";
  const waits = ["lobby", "waiting", "skipped"].includes(state);
  const [title, big, what] = saying(p);
  document.body.dataset.state = state;
  document.documentElement.lang = lang;
  text("title", say.title);
  text("state", title);
  text("big", big);
  text("what", what);
  text("crowd", waits ? say.crowd(count(p.people)) : "");
  at("net").hidden = !waits && !away;
  at("net").className = away ? "away" : "";
  text("nettext", away ? say.away : say.live);
  text("keep", waits ? say.keep : "");
  const go = at("go");
  go.hidden = !["admitted", "signin", "none"].includes(state);
  go.textContent = state === "signin" ? say.wallet : say.go;
  go.href = state === "signin" ? "/wallet/#/sign-in" : `/wallet/#/events/${event}?admitted`;
  text("enter", state === "left" ? say.again : "");
  text("leave", waits ? say.leave : "");
  at("fair").hidden = !info;
  text("fairtitle", say.fair);
  text("fairwhat", say.fairWhat);
  text("commitmenttitle", say.commitment);
  text("commitment", info?.commitment ?? "");
  text("receipttitle", kept.receipt ? say.receipt : "");
  text("receipt", kept.receipt ?? "");
  text("file", info?.sealed ? say.file : "");
  text("filelater", info && !info.sealed ? say.fileLater : "");
  const other = lang === "ko" ? "en" : "ko";
  text("other", words[other].name);
  at("other").lang = other;
  document.title = state === "waiting" ? `${count(p.ahead)} · ${say.title}` : say.title;
  // What changes every second is not read out every second.
  const heard = state === "lobby" || state === "admitted" ? `${title}. ${what}` : [title, big, what].filter(Boolean).join(". ");
  text("heard", away ? say.away : heard);
}

// accountOf reads the account out of our own access token: its first 16 bytes.
function accountOf(token) {
  const raw = atob(token.replaceAll("-", "+").replaceAll("_", "/"));
  return Array.from(raw.slice(0, 16), (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

// work finds a proof: BUCKET-NONCE whose SHA-256, behind the purpose and the
// account, begins with as many zero bits as are asked for.
async function work(ask, account) {
  const prefix = `conting work v1\n${ask.purpose}\n${account}\n${ask.bucket}-`;
  for (let nonce = 0; ; nonce++) {
    if (zeros(sha256(prefix + nonce)) >= ask.bits) return `${ask.bucket}-${nonce}`;
    if (nonce % 5000 === 4999) await new Promise((done) => setTimeout(done));
  }
}

function zeros(words32) {
  let n = 0;
  for (const w of words32) {
    n += Math.clz32(w);
    if (w !== 0) break;
  }
  return n;
}

const K = new Int32Array(64);
const H = new Int32Array(8);
for (let n = 2, i = 0; i < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break; }
  if (!prime) continue;
  if (i < 8) H[i] = (Math.sqrt(n) % 1) * 2 ** 32;
  K[i++] = (Math.cbrt(n) % 1) * 2 ** 32;
}

// sha256 of ASCII text, as eight words. crypto.subtle answers too slowly for many
// short ones.
function sha256(ascii) {
  const size = ((ascii.length + 8) >> 6) + 1;
  const m = new Int32Array(size * 16);
  for (let i = 0; i < ascii.length; i++) m[i >> 2] |= ascii.charCodeAt(i) << (24 - (i & 3) * 8);
  m[ascii.length >> 2] |= 0x80 << (24 - (ascii.length & 3) * 8);
  m[size * 16 - 1] = ascii.length * 8;
  const h = H.slice();
  const w = new Int32Array(64);
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  for (let block = 0; block < m.length; block += 16) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) { w[i] = m[block + i]; continue; }
      const a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10));
    }
    let a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
    for (let i = 0; i < 64; i++) {
      const one = (k + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      k = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += k;
  }
  return h;
}

at("file").href = `${base}/shuffle`;
at("enter").addEventListener("click", () => { keep({ token: undefined }); enter(); });
at("leave").addEventListener("click", async () => {
  if (!confirm(say.sure)) return;
  try {
    await call(base, { method: "DELETE", headers: { "Queue-Token": kept.token } });
    await poll();
  } catch (e) {
    trouble(e);
  }
});
at("other").addEventListener("click", () => {
  lang = lang === "ko" ? "en" : "ko";
  say = words[lang];
  store("conting.language", lang);
  says = null;
  show();
  if (!place) poll();
});
addEventListener("online", poll);
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && away) poll(); });
setInterval(() => { if (place && ["lobby", "admitted"].includes(place.state)) show(); }, 1000);
show();
poll();
