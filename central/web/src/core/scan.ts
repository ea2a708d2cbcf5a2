import { Fault } from './fault';
import { kindOf } from './pass';

/** Reader finds the QR codes in a picture. */
export interface Reader {
  read(picture: ImageData): Promise<readonly string[]>;
}

export interface ScanOptions {
  /** Says which text is the one looked for; the others are passed over. */
  readonly accept: (text: string) => boolean;
  /** Called with a text that is not looked for, at most once for each. */
  readonly other?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** How many pictures are looked at in a second, at most. */
const perSecond = 10;
/** The longest edge of a picture that is looked at: a gate's code fills much of it. */
const longestEdge = 960;

/** isNonce accepts what a gate shows for a wallet to answer. */
export const isNonce = (text: string): boolean => kindOf(text) === 'nonce';

/**
 * scan shows the camera in the video element and returns the first text that is
 * accepted. The camera is off again when it returns or throws: camera_denied,
 * camera_missing, unsupported, or cancelled by the signal.
 */
export async function scan(video: HTMLVideoElement, o: ScanOptions): Promise<string> {
  const loading = reading();
  loading.catch(() => undefined); // looked at below, when the camera is on
  const stream = await camera();
  try {
    video.srcObject = stream;
    video.muted = true;
    video.playsInline = true;
    await video.play().catch((cause: unknown) => {
      throw new Fault('camera_missing', 'the camera’s picture does not play', { cause });
    });
    return await look(video, await loading, o);
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

async function camera(): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) throw new Fault('unsupported', 'the browser gives no camera');
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: { ideal: 'environment' }, width: { ideal: 1280 }, height: { ideal: 720 } },
    });
  } catch (cause) {
    const name = cause instanceof DOMException ? cause.name : '';
    const denied = name === 'NotAllowedError' || name === 'SecurityError';
    throw new Fault(denied ? 'camera_denied' : 'camera_missing', `camera: ${name}`, { cause });
  }
}

async function look(video: HTMLVideoElement, reader: Reader, o: ScanOptions): Promise<string> {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Fault('unsupported', 'the browser gives no canvas');
  const seen = new Set<string>();
  for (;;) {
    const started = performance.now();
    if (o.signal?.aborted) throw new Fault('cancelled', 'scan was given up');
    if (video.videoWidth > 0) {
      const scale = Math.min(1, longestEdge / Math.max(video.videoWidth, video.videoHeight));
      canvas.width = Math.round(video.videoWidth * scale);
      canvas.height = Math.round(video.videoHeight * scale);
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      for (const text of await reader.read(context.getImageData(0, 0, canvas.width, canvas.height))) {
        if (o.accept(text)) return text;
        if (!seen.has(text)) o.other?.(text);
        seen.add(text);
      }
    }
    await rest(Math.max(0, 1000 / perSecond - (performance.now() - started)), o.signal);
  }
}

function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** The part of the Shape Detection API that is used; TypeScript does not know it. */
interface BarcodeDetector {
  detect(source: ImageData): Promise<{ readonly rawValue: string }[]>;
}
interface BarcodeDetectorClass {
  new (o: { formats: string[] }): BarcodeDetector;
  getSupportedFormats(): Promise<string[]>;
}

/**
 * reading returns the browser's own reader where there is one, and else one that is
 * loaded now: most who only show tickets never need it.
 */
async function reading(): Promise<Reader> {
  const native = (globalThis as { BarcodeDetector?: BarcodeDetectorClass }).BarcodeDetector;
  const formats = await native?.getSupportedFormats().catch((): string[] => []);
  return native && formats?.includes('qr_code') ? either(new native({ formats: ['qr_code'] })) : ours();
}

/** either is the browser's reader, and ours from the moment that it fails. */
function either(detector: BarcodeDetector): Reader {
  let instead: Promise<Reader> | null = null;
  return {
    async read(picture) {
      if (!instead) {
        try {
          return (await detector.detect(picture)).map((found) => found.rawValue);
        } catch {
          instead = ours(); // a part of the system that it needs is missing
        }
      }
      return (await instead).read(picture);
    },
  };
}

async function ours(): Promise<Reader> {
  try {
    return (await import('./zxing')).reader;
  } catch (cause) {
    throw new Fault('offline', 'the code reader is not on this phone yet', { cause });
  }
}

/** prepare loads the reader ahead of its first use. */
export const prepare = (): Promise<void> =>
  reading().then(
    () => undefined,
    () => undefined,
  );
