/** Gives at each call the milliseconds since the last one, or since now. */
export function startLaps(): () => number {
  let since = performance.now();
  return () => {
    const now = performance.now();
    const elapsed = now - since;
    since = now;
    return elapsed;
  };
}
