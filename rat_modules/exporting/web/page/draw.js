// Caption and noise to numbers, and numbers to pictures.

import { fetched } from "./packed.js";
import { loadEncoder } from "./encoder.js";
import { seededNoise } from "./noise.js";
import * as ort from "./ort.wasm.bundle.min.mjs";

const MOST_LETTERS = 20000;

export class Painter {
  constructor(facts, encoder, session) {
    Object.assign(this, { facts, encoder, session });
  }

  /** Fetch everything; told(part) is called with the part from 0 to 1 that is there. */
  static async load(told = () => {}) {
    const facts = JSON.parse(new TextDecoder().decode(await fetched("model.json")));
    let bytes = 0;
    const arrived = (count) => told(Math.min(1, (bytes += count) / facts.bytes));
    const [wasm, weights, encoder] = await Promise.all([
      fetched("ort-wasm-simd-threaded.wasm.gz", arrived),
      fetched("generator.onnx.gz", arrived),
      loadEncoder(facts.text, arrived),
    ]);
    ort.env.wasm.wasmBinary = wasm;
    ort.env.wasm.numThreads = 1; // more would need headers that a plain file server does not send
    const session = await ort.InferenceSession.create(weights, { executionProviders: ["wasm"] });
    return new Painter(facts, encoder, session);
  }

  /** Noise 'z' of a seed. */
  noise(seed) {
    return seededNoise(seed, this.facts.noise_dim);
  }

  /** Draw one caption with several noises, each of width z; gives numbers '3 h w' of each picture, in [-1, 1]. */
  async generate(caption, noises, strength = 1) {
    if (caption.length > MOST_LETTERS) throw new Error(`Please keep it below ${MOST_LETTERS.toLocaleString()} letters.`);
    const { noise_dim, image_size } = this.facts;
    const said = this.encoder.sentence(caption);
    const noise = new Float32Array(noises.length * noise_dim);
    const sentence = new Float32Array(noises.length * said.length);
    noises.forEach((each, row) => {
      noise.set(Float32Array.from(each, (number) => strength * number), row * noise_dim);
      sentence.set(said, row * said.length);
    });
    const { images } = await this.session.run({
      noise: new ort.Tensor("float32", noise, [noises.length, noise_dim]),
      sentence: new ort.Tensor("float32", sentence, [noises.length, said.length]),
    });
    const size = 3 * image_size * image_size;
    return noises.map((_, row) => images.data.slice(row * size, (row + 1) * size));
  }

  /** Numbers '3 h w' onto a canvas; what lies beyond black and white is cut. */
  paint(numbers, canvas) {
    const { image_size, value_range } = this.facts;
    const pixels = image_size * image_size;
    const image = new ImageData(image_size, image_size);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let colour = 0; colour < 3; colour++)
        image.data[4 * pixel + colour] = Math.round((numbers[colour * pixels + pixel] / value_range + 1) * 127.5);
      image.data[4 * pixel + 3] = 255;
    }
    canvas.width = canvas.height = image_size;
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}
