import { encode } from 'uqr';

/** Picture is a QR code to draw as one SVG path in a square of `size` units. */
export interface Picture {
  /** Modules along an edge, with the quiet zone. */
  readonly size: number;
  /** Modules along an edge, without it. */
  readonly modules: number;
  readonly version: number;
  /** The dark modules, for <path d>. */
  readonly path: string;
}

/** The margin that ISO/IEC 18004 asks for, in modules. */
export const quiet = 4;

/**
 * draw makes the code of a text: the smallest version with correction L, and as much
 * more correction as that version has room for. Our own texts use the alphanumeric
 * mode, which is what base45 is for.
 */
export function draw(text: string, border = quiet): Picture {
  const qr = encode(text, { ecc: 'L', boostEcc: true, border: 0 });
  let path = '';
  for (let y = 0; y < qr.size; y++) {
    const row = qr.data[y]!;
    for (let x = 0; x < qr.size; x++) {
      if (!row[x]) continue;
      let width = 1;
      while (row[x + width]) width++;
      path += `M${x + border} ${y + border}h${width}v1h-${width}z`;
      x += width;
    }
  }
  return { size: qr.size + 2 * border, modules: qr.size, version: qr.version, path };
}
