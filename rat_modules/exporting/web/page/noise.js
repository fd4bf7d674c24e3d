// The page's own noise; rat_modules/exporting/web/noise.py draws the same in Python.

/** Uniform numbers from 0 up to 1 of a 32-bit seed (mulberry32). */
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Standard normal noise 'z' of a seed (Box and Muller's transform). */
export function seededNoise(seed, width) {
  const next = uniform(seed);
  const noise = new Float32Array(width);
  for (let place = 0; place < width; place += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    noise[place] = radius * Math.cos(angle);
    if (place + 1 < width) noise[place + 1] = radius * Math.sin(angle);
  }
  return noise;
}
