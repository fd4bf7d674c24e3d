// Files of this folder, unpacked; rat_modules/exporting/web/packing.py packs them.

/** The bytes of a file, gunzipped where nobody between did it already; told(bytes) is called as they arrive. */
export async function fetched(name, told = () => {}) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} could not be fetched (status ${answer.status})`);
  const parts = [];
  const reader = answer.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    parts.push(read.value);
    told(read.value.length);
  }
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

/** Float16 numbers, kept as all their low bytes and then all their high ones, as float32. */
export function widened(planes) {
  const count = planes.length / 2;
  const numbers = new Float32Array(count);
  for (let place = 0; place < count; place++) {
    const high = planes[count + place];
    const sign = high & 0x80 ? -1 : 1;
    const exponent = (high >> 2) & 0x1f;
    const fraction = ((high & 3) << 8) | planes[place];
    if (exponent === 31) numbers[place] = fraction ? NaN : sign * Infinity;
    else if (exponent) numbers[place] = sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
    else numbers[place] = sign * 2 ** -14 * (fraction / 1024);
  }
  return numbers;
}
