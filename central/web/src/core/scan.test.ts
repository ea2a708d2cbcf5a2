import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { codeOf } from './fault';
import { isNonce, scan } from './scan';

vi.mock('./zxing', () => ({ reader: { read: async () => ours.shift() ?? [] } }));

const nonce = 'CTN1ORGB/D5LET7DGA6100KB0*M0DY0CF3S-KG0';
let ours: string[][] = [];

/** A phone with a camera, as far as scan uses one. */
function phone(o: { refuse?: string; native?: (string[] | Error)[]; plays?: boolean } = {}) {
  const stop = vi.fn();
  vi.stubGlobal('navigator', {
    mediaDevices: {
      getUserMedia: async () => {
        if (o.refuse) throw new DOMException('no', o.refuse);
        return { getTracks: () => [{ stop }] };
      },
    },
  });
  const context = { drawImage: vi.fn(), getImageData: (_x: number, _y: number, width: number, height: number) => ({ width, height }) };
  const canvas = { width: 0, height: 0, getContext: () => context };
  vi.stubGlobal('document', { createElement: () => canvas });
  if (o.native) {
    const readings = o.native;
    vi.stubGlobal(
      'BarcodeDetector',
      class {
        static getSupportedFormats = async () => ['qr_code'];
        async detect() {
          const next = readings.shift() ?? [];
          if (next instanceof Error) throw next;
          return next.map((rawValue) => ({ rawValue }));
        }
      },
    );
  }
  const play = o.plays === false ? async () => Promise.reject(new DOMException('', 'AbortError')) : async () => undefined;
  const video = { videoWidth: 1920, videoHeight: 1080, play, srcObject: null } as unknown as HTMLVideoElement;
  return { video, stop, canvas };
}

const accept = isNonce;

describe('scan', () => {
  beforeEach(() => {
    ours = [];
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('returns the code that is looked for, tells of others once, and turns the camera off', async () => {
    ours = [[], ['https://elsewhere.example'], ['https://elsewhere.example'], ['CTP1ABC', nonce]];
    const { video, stop, canvas } = phone();
    const others: string[] = [];
    expect(await scan(video, { accept, other: (t) => others.push(t) })).toBe(nonce);
    expect(others).toEqual(['https://elsewhere.example', 'CTP1ABC']);
    expect(stop).toHaveBeenCalledOnce();
    expect(video.srcObject).toBeNull();
    expect([canvas.width, canvas.height]).toEqual([960, 540]);
  });

  test('uses the browser’s reader where there is one', async () => {
    const { video } = phone({ native: [[], [nonce]] });
    expect(await scan(video, { accept })).toBe(nonce);
  });

  test('goes on with its own when the browser’s fails', async () => {
    ours = [[], [nonce]];
    const { video } = phone({ native: [new Error('service unavailable')] });
    expect(await scan(video, { accept })).toBe(nonce);
  });

  test.each([
    ['NotAllowedError', 'camera_denied'],
    ['SecurityError', 'camera_denied'],
    ['NotFoundError', 'camera_missing'],
    ['NotReadableError', 'camera_missing'],
  ])('%s is %s', async (refuse, code) => {
    const { video } = phone({ refuse });
    expect(codeOf(await scan(video, { accept }).catch((e: unknown) => e))).toBe(code);
  });

  test('a picture that does not play is no camera, and turns it off', async () => {
    const { video, stop } = phone({ plays: false });
    expect(codeOf(await scan(video, { accept }).catch((e: unknown) => e))).toBe('camera_missing');
    expect(stop).toHaveBeenCalledOnce();
  });

  test('giving up turns the camera off', async () => {
    const { video, stop } = phone();
    const c = new AbortController();
    const waiting = scan(video, { accept, signal: c.signal }).catch((e: unknown) => e);
    c.abort();
    expect(codeOf(await waiting)).toBe('cancelled');
    expect(stop).toHaveBeenCalledOnce();
  });

  test('a browser without cameras', async () => {
    const { video } = phone();
    vi.stubGlobal('navigator', {});
    expect(codeOf(await scan(video, { accept }).catch((e: unknown) => e))).toBe('unsupported');
  });
});
