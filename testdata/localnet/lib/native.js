// The virtual machine's native module. It aborts the process where it is given bytes
// that it cannot read: nothing reaches it that wire.js has not read to the end.

import { createRequire } from 'node:module';

const name = 'litesvm-linux-x64-gnu';

function load() {
  try {
    return createRequire(import.meta.url)(name);
  } catch (e) {
    process.stderr.write(`${name} is not installed for this platform (make node_modules): ${e.code ?? e.message}\n`);
    process.exit(3);
  }
}

export const native = load();
