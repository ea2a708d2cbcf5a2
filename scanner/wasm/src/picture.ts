/**
 * Picture is a frame: gray with one byte a pixel, or RGBA with four, row by row
 * without gaps. An ImageData is one.
 */
export interface Picture {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** Point is a place in a picture in pixels from its upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Code is one QR code in a picture. Nothing in it is trusted yet. */
export interface Code {
  /** What the code carries, byte for byte; it need not be text. */
  readonly bytes: Uint8Array;
  /** Top left, top right, bottom right, bottom left as it is printed; they may lie outside. */
  readonly corners: readonly [Point, Point, Point, Point];
  /** 1 to 40; a code has 17 + 4·version modules a side. */
  readonly version: number;
}

/** Settings are a reader's. */
export interface Settings {
  /** The time that one picture may cost, 1 to 10 000 ms; 80 if left out. */
  readonly budgetMS?: number;
  /**
   * Whether pictures stand for themselves. Those of a camera do not: what one does
   * not show the next one does, and so the costlier ways of looking take turns.
   */
  readonly still?: boolean;
}

/** Module is where the reader is found: both files of one build. */
export interface Module {
  /** The address of reader.wasm. */
  readonly wasm: string;
  /** The address of wasm_exec.js, which joins that build to the browser. */
  readonly glue: string;
}
