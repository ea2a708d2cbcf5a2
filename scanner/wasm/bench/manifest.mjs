// Folders of frames, and what a reader's answers are worth. The same rules as
// testdata/bench: a frame counts for each code in it.
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** readManifest returns the rows of a folder's manifest.tsv. */
export async function readManifest(dir) {
  const lines = (await readFile(path.join(dir, 'manifest.tsv'), 'utf8')).split('\n').filter((l) => l && !l.startsWith('#'));
  return lines.map((line) => {
    const [id, file, set, category, mode, , , want] = line.split('\t');
    if (want === undefined) throw new Error(`manifest.tsv: fewer than 8 columns in ${line}`);
    if (path.basename(file) !== file) throw new Error(`manifest.tsv: ${file} is in another folder`);
    const wants = mode === 'none' ? [] : want.split(',').map((w) => Buffer.from(w === '-' ? '' : w, 'base64').toString('latin1'));
    return { id, file, set, category, mode, wants };
  });
}

/** judge says how many of a row's codes are among the texts, and whether another is. */
export function judge(row, texts) {
  const found = new Set();
  let wrong = false;
  for (const got of texts) {
    const right = row.wants.flatMap((want, i) => (says(row.mode, got, want) ? [i] : []));
    for (const i of right) found.add(i);
    wrong ||= right.length === 0;
  }
  return { read: found.size, wrong };
}

function says(mode, got, want) {
  if (mode === 'unlabelled') return true;
  if (mode === 'ascii') return sameASCII(got, want);
  return got === want;
}

/** A character set changes what is not ASCII: those parts may be anything. */
function sameASCII(got, want) {
  let at = 0;
  for (const part of want.split(/[^!-~]+/).filter(Boolean)) {
    at = got.indexOf(part, at);
    if (at < 0) return false;
    at += part.length;
  }
  return true;
}

/** percentile is the smallest value that at least p in a hundred do not exceed. */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * p) / 100) - 1)];
}
