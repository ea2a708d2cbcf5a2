// The waiting room's page: enters, asks when the server says, and shows the place.
// What it keeps, {token, admission, expires, receipt}, stands in localStorage under
// conting-queue-EVENT, where the wallet finds the admission.
"use strict";

const words = {
  ko: {
    title: "대기실", lobby: "판매가 시작되기를 기다리고 있습니다. 시작 시각: ", lobbyHint: "시작할 때 먼저 온 모든 분의 순서를 추첨합니다. 지금 새로 고침할 필요가 없습니다.",
    waiting: "줄에 서 있습니다.", ahead: "내 차례", expected: "예상 시각: ", between: " ~ ", unknown: "예상 시각을 아직 알 수 없습니다.",
    keep: "이 쪽을 열어 두세요. 순서는 뒤로 밀리지 않습니다.", admitted: "입장하셨습니다. 이 시각까지 예매를 시작하세요: ", go: "예매하기",
    skipped: "응답이 없어 차례가 지나갔습니다. 돌아오셨으니 곧 입장합니다.", left: "줄에서 나왔습니다.", silent: "자리를 오래 비워 순서를 잃었습니다.", expired: "입장 시간이 지났습니다.",
    enter: "줄 서기", leave: "줄에서 나가기", closed: "대기실이 닫혔습니다.", none: "이 공연에는 대기실이 없습니다.", signin: "먼저 로그인하세요.", wallet: "지갑 열기",
    working: "줄을 서기 위해 계산하고 있습니다. 잠시만 기다려 주세요.", trouble: "연결이 끊겼습니다. 자리는 그대로이며 다시 시도합니다.", paused: "판매가 잠시 멈췄습니다. 순서는 그대로입니다.",
    proof: "순서 확인증", proofText: "나중에 공개되는 추첨 파일로 이 확인증의 순서를 확인할 수 있습니다. 추첨 약속: ",
  },
  en: {
    title: "Waiting room", lobby: "Waiting for the sale to open at ", lobbyHint: "Everybody who is here by then is put in a random order. There is no need to reload.",
    waiting: "You are in line.", ahead: "Your position", expected: "Your turn is expected between ", between: " and ", unknown: "When it is your turn is not known yet.",
    keep: "Keep this page open. You never move back.", admitted: "You are in. Begin to buy before ", go: "Buy tickets",
    skipped: "You were away when your turn came. You are back, and are let in next.", left: "You have left the line.", silent: "You were away for too long and lost your place.", expired: "The time to begin has passed.",
    enter: "Stand in line", leave: "Leave the line", closed: "The waiting room is closed.", none: "This event has no waiting room.", signin: "Please sign in first.", wallet: "Open the wallet",
    working: "Working for a place in line. One moment, please.", trouble: "The connection was lost. Your place is kept; trying again.", paused: "The sale pauses. You keep your place.",
    proof: "Receipt of your place", proofText: "With the shuffle file that is published at the opening anybody can check this receipt. Commitment: ",
  },
};

const lang = (navigator.languages ?? [navigator.language]).some((l) => l.toLowerCase().startsWith("ko")) ? "ko" : "en";
const say = words[lang];
const event = location.pathname.split("/").pop();
const base = `/v1/events/${event}/queue`;
const slot = `conting-queue-${event}`;
const at = (id) => document.getElementById(id);
const time = (text) => new Intl.DateTimeFormat(lang, { timeStyle: "medium" }).format(new Date(text));

let kept = {};
try { kept = JSON.parse(localStorage.getItem(slot)) ?? {}; } catch { kept = {}; }
let info = {};
let timer = 0;

function keep(changes) {
  kept = { ...kept, ...changes };
  try { localStorage.setItem(slot, JSON.stringify(kept)); } catch { /* the place is the account's all the same */ }
}

function text(id, value) {
  const e = at(id);
  if (e.textContent !== value) e.textContent = value;
  e.hidden = value === "";
}

function later(ms) {
  clearTimeout(timer);
  timer = setTimeout(poll, ms);
}

async function call(path, options = {}) {
  const r = await fetch(path, { cache: "no-store", ...options });
  const body = r.status === 204 ? {} : await r.json();
  if (!r.ok) throw Object.assign(new Error(body.code ?? "error"), { code: body.code, status: r.status, after: Number(r.headers.get("Retry-After")) || 5 });
  return body;
}

async function poll() {
  if (!kept.token) { await enter(); return; }
  try {
    show(await call(base, { headers: { "Queue-Token": kept.token } }));
  } catch (e) {
    trouble(e);
  }
}

async function enter() {
  at("enter").hidden = true;
  try {
    info = await call(`${base}/info`);
    const access = (await call("/v1/account/access", { method: "POST" })).token;
    const body = {};
    if (kept.token) body.token = kept.token;
    if (info.work) {
      text("state", say.working);
      body.work = await work(info.work, accountOf(access));
    }
    const place = await call(base, { method: "POST", headers: { Authorization: `Bearer ${access}`, "Content-Type": "application/json" }, body: JSON.stringify(body) });
    keep({ receipt: place.receipt });
    show(place);
  } catch (e) {
    trouble(e);
  }
}

function trouble(e) {
  if (e.status === 401) {
    text("state", say.signin);
    link("/wallet/", say.wallet);
    return;
  }
  if (e.code === "queue_token_invalid") {
    keep({ token: undefined });
    later(1000);
    return;
  }
  if (e.code === "unknown_queue" || e.code === "queue_closed") {
    text("state", e.code === "queue_closed" ? say.closed : say.none);
    return;
  }
  text("hint", say.trouble);
  later(1000 * Math.max(2, e.after ?? 5));
}

function link(href, label) {
  const a = at("go");
  a.href = href;
  a.textContent = label;
  a.hidden = false;
}

function show(p) {
  keep({ token: p.token, admission: p.admission?.token, expires: p.admission?.expires });
  const waits = p.state === "waiting";
  at("position").hidden = !waits;
  at("go").hidden = true;
  at("enter").hidden = p.state !== "left";
  at("leave").hidden = !(waits || p.state === "lobby");
  text("ahead", say.ahead);
  text("number", waits ? p.position.toLocaleString(lang) : "");
  text("expected", !waits ? "" : p.eta ? say.expected + time(p.eta.earliest) + say.between + time(p.eta.latest) : say.unknown);
  text("hint", p.state === "lobby" ? say.lobbyHint : waits ? say.keep : "");
  switch (p.state) {
    case "lobby": text("state", say.lobby + time(p.opens)); break;
    case "admitted":
      text("state", say.admitted + time(p.admission.expires));
      link(`/wallet/#/events/${event}`, say.go);
      break;
    case "left": text("state", say[p.reason] ?? say.left); break;
    default: text("state", say[p.state] ?? p.state);
  }
  if (kept.receipt && info.commitment) {
    at("proof").hidden = false;
    text("prooftitle", say.proof);
    text("prooftext", say.proofText + info.commitment);
    text("receipt", kept.receipt);
  }
  document.title = waits ? `${p.position.toLocaleString(lang)} · ${say.title}` : say.title;
  if (p.state !== "left" && p.state !== "closed") later(p.retry_ms);
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

document.documentElement.lang = lang;
text("title", say.title);
at("enter").textContent = say.enter;
at("leave").textContent = say.leave;
at("enter").addEventListener("click", enter);
at("leave").addEventListener("click", async () => {
  try {
    await call(base, { method: "DELETE", headers: { "Queue-Token": kept.token } });
    await poll();
  } catch (e) {
    trouble(e);
  }
});
call(`${base}/info`).then((i) => { info = i; if (i.paused) text("promise", say.paused); }, () => {});
poll();
