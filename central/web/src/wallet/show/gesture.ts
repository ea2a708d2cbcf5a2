/**
 * touched is whether the person has just touched or pressed something, as far as the
 * browser tells: a link from elsewhere that opens a page is none of that.
 */
export function touched(unknown: boolean): boolean {
  return navigator.userActivation?.isActive ?? unknown;
}

/** A person takes longer than this to say no. */
const atOnceMs = 500;

/**
 * unasked is whether a refused act of the holder means that nobody was asked: Safari
 * lets no page ask for a finger without a touch just before, and says no at once. What
 * a camera has read is no touch.
 */
export function unasked(code: string | undefined, touched: boolean, tookMs: number): boolean {
  return code === 'cancelled' && !touched && tookMs < atOnceMs;
}
