/**
 * keepAwake keeps the screen from going dark while a code is shown, and takes the
 * lock again when the page comes back into view. It does nothing in a browser
 * without wake locks. Call what it returns to let the screen sleep again.
 */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | null = null;
  let released = false;
  let asking = false;
  const take = async () => {
    if (released || document.visibilityState !== 'visible' || asking || (lock && !lock.released)) return;
    asking = true;
    try {
      const got = await navigator.wakeLock?.request('screen');
      if (released) await got?.release();
      else lock = got ?? null;
    } catch {
      // a nearly empty battery, say: the person keeps the screen on by touching it
    } finally {
      asking = false;
    }
  };
  const seen = () => void take();
  document.addEventListener('visibilitychange', seen);
  void take();
  return () => {
    released = true;
    document.removeEventListener('visibilitychange', seen);
    void lock?.release().catch(() => undefined);
  };
}
