// A Solana cluster on this machine. With --attached it is started by localnet.go: the
// first line it prints is JSON, and it ends when its standard input does.

import { parseArgs } from 'node:util';
import { Chain } from './lib/chain.js';
import { Node } from './lib/node.js';
import { serve } from './lib/server.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8899' },
    slot: { type: 'string', default: '400' },
    seed: { type: 'string', default: '0' },
    attached: { type: 'boolean', default: false },
  },
});

function number(name, most) {
  const n = Number(values[name]);
  if (!/^\d+$/.test(values[name]) || n > most) {
    process.stderr.write(`--${name} ${values[name]}: a whole number up to ${most} is expected\n`);
    process.exit(2);
  }
  return n;
}

const port = number('port', 65_535);
const slot = number('slot', 600_000);
const seed = number('seed', 0xffff_ffff);

const chain = new Chain({ seed });
const nodes = [new Node(chain, seed), new Node(chain, seed ^ 0x5eed)];
let urls;
try {
  urls = [await serve(nodes[0], port), await serve(nodes[1], values.attached || port === 0 ? 0 : port + 1)];
} catch (e) {
  process.stderr.write(`cannot listen: ${e.message}\n`);
  process.exit(1);
}
if (slot > 0) setInterval(() => chain.tick(), slot);

if (values.attached) {
  for (const end of ['end', 'close', 'error']) process.stdin.on(end, () => process.exit());
  process.stdin.resume();
  process.stdout.write(`${JSON.stringify({ url: urls[0], second: urls[1] })}\n`);
} else {
  process.stdout.write(`A Solana cluster on this machine, with ${slot > 0 ? `a slot every ${slot} ms` : 'slots by localnet_tick'}. Ctrl-C ends it, and nothing of it is kept.

  node          ${urls[0]}
  another node  ${urls[1]}

In central's configuration:

  [mint]
  rpc = ["${urls[0]}", "${urls[1]}"]

Money for an address:

  curl -s ${urls[0]} -H 'content-type: application/json' \\
    -d '{"jsonrpc":"2.0","id":1,"method":"requestAirdrop","params":["ADDRESS",10000000000]}'
`);
}
