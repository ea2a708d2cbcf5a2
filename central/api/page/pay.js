// The page that shows Stripe's form. It comes with the order behind the #, lets the
// buyer allow the payment, and leads back to the wallet, which then takes the money.
"use strict";

const words = {
  ko: { title: "결제", pay: "결제하기", busy: "확인하고 있습니다", back: "돌아가기", failed: "결제를 시작하지 못했습니다. 돌아가서 다시 시도해 주세요.", script: "결제 회사에 연결하지 못했습니다. 연결을 확인하고 다시 시도해 주세요." },
  en: { title: "Payment", pay: "Pay", busy: "One moment", back: "Back", failed: "The payment could not be started. Please go back and try again.", script: "The payment provider was not reached. Check the connection and try again." },
};

const stored = () => { try { return localStorage.getItem("conting.language"); } catch { return null; } };
const lang = words[stored()] ? stored() : (navigator.languages ?? [navigator.language]).some((l) => l.toLowerCase().startsWith("ko")) ? "ko" : "en";
const say = words[lang];
const at = (id) => document.getElementById(id);

const [, event = "", order = "", secret = ""] = /^#(\d{1,10})\/([0-9a-f]{1,64})\/([\w-]{1,128})$/.exec(location.hash) ?? [];
const wallet = new URL(event ? `/wallet/#/events/${event}` : "/wallet/#/tickets", location.href).href;

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = text === "";
}

function money(amount, currency) {
  const format = new Intl.NumberFormat(lang, { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 0));
}

async function start() {
  const r = await fetch(`/v1/orders/${order}/payments`, {
    method: "POST",
    cache: "no-store",
    headers: { Authorization: `Bearer ${secret}`, "Content-Type": "application/json" },
    body: JSON.stringify({ provider: "stripe" }),
  });
  if (!r.ok) throw new Error(`${r.status}`);
  const payment = await r.json();
  if (payment.action.kind !== "script") throw new Error(payment.action.kind);
  if (typeof Stripe !== "function") {
    trouble(say.script);
    return;
  }
  const stripe = Stripe(payment.action.fields.publishable_key, { locale: lang });
  const elements = stripe.elements({ clientSecret: payment.action.secret, appearance: { theme: matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "stripe" } });
  elements.create("payment").mount("#form");
  at("amount").textContent = money(payment.amount, payment.currency);
  at("amount").hidden = false;
  const button = at("pay");
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.textContent = say.busy;
    trouble("");
    const { error } = await stripe.confirmPayment({ elements, confirmParams: { return_url: wallet }, redirect: "if_required" });
    if (!error) {
      location.replace(wallet);
      return;
    }
    trouble(error.message ?? say.failed);
    button.disabled = false;
    button.textContent = say.pay;
  });
}

document.documentElement.lang = lang;
document.title = say.title;
at("title").textContent = say.title;
at("pay").textContent = say.pay;
at("back").textContent = say.back;
at("back").href = wallet;
if (!order) location.replace(wallet);
else start().catch(() => trouble(say.failed));
