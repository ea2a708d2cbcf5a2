// Surfpool: another implementation of the same cluster, with its own JSON-RPC and
// WebSocket, offline. Started by surfpool.go alone.

import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';

const { Surfnet } = createRequire(import.meta.url)('@solana/surfpool-linux-x64-gnu');
const { values } = parseArgs({ options: { slot: { type: 'string', default: '400' } } });

const net = Surfnet.startWithConfig({ offline: true, blockProductionMode: 'clock', slotTimeMs: Number(values.slot) });
// Its channel of events is bounded: undrained, every call hangs after some 1,000 slots.
setInterval(() => net.drainEvents(), 50);
for (const end of ['end', 'close', 'error']) process.stdin.on(end, () => process.exit());
process.stdin.resume();
process.stdout.write(`${JSON.stringify({ url: net.rpcUrl, ws: net.wsUrl })}\n`);
