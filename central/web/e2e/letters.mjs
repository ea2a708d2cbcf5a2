// The letters that a central without a mail server writes into its folder.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { pause } from "./acts.mjs";

const patience = 60_000;

/**
 * mailbox returns letter(saying, to), which waits for a letter that was not read yet
 * and says something, and letter.unread(), which lists those that were not.
 */
export function mailbox(dir) {
  const folder = path.join(dir, "central", "mail");
  const handled = new Set();

  async function unread() {
    const names = (await readdir(folder).catch(() => [])).filter((n) => n.endsWith(".eml") && !handled.has(n));
    return Promise.all(names.map(async (name) => ({ name, ...open(await readFile(path.join(folder, name), "latin1")) })));
  }

  async function letter(saying, to) {
    for (const until = Date.now() + patience; Date.now() < until; await pause(100)) {
      const found = (await unread()).find((l) => l.text.includes(saying) && (!to || l.to === to));
      if (!found) continue;
      handled.add(found.name);
      return found;
    }
    assert.fail(`no letter says ${saying}; there are ${JSON.stringify(await unread())}`);
  }
  return Object.assign(letter, { unread });
}

/** open reads a letter of one part: whom it is to, its text, and the link in it. */
function open(raw) {
  const [head, ...rest] = raw.split(/\r?\n\r?\n/);
  const headers = head.replace(/\r?\n[ \t]+/g, " ");
  const body = rest.join("\r\n\r\n");
  const coded = /^Content-Transfer-Encoding: (\S+)/im.exec(headers)?.[1].toLowerCase();
  const bytes = coded === "base64" ? Buffer.from(body, "base64")
    : coded === "quoted-printable" ? Buffer.from(body.replace(/=\r?\n/g, "").replace(/=([0-9A-F]{2})/g, (_, h) => String.fromCharCode(parseInt(h, 16))), "latin1")
      : Buffer.from(body, "latin1");
  const text = bytes.toString("utf8");
  return { to: /^To: .*?([^\s<]+@[^\s>]+)/im.exec(headers)?.[1], text, link: /https?:\/\/\S+#\/confirm\/\S+/.exec(text)?.[0] };
}
