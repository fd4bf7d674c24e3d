// The page: what is typed becomes pictures, a moment after the last key.

import { Painter } from "./draw.js";

const PICTURES = 4;
const PAUSE = 250; // milliseconds without a key before it draws
const MOST_SEED = 2 ** 32 - 1;
const on = (id) => document.getElementById(id);
const say = (text, trouble = false) => {
  on("said").textContent = text;
  on("said").classList.toggle("trouble", trouble);
};

let painter;
let latest = 0;
let waiting;

/** The seed that stands there, made a whole number from 0 to 2^32 - 1. */
function seed() {
  const typed = Math.floor(Number(on("seed").value));
  return Number.isFinite(typed) ? Math.min(Math.max(typed, 0), MOST_SEED) : 0;
}

/** Draw what stands there; of two that overlap, the later one is shown. */
async function draw() {
  if (!painter) return;
  const mine = ++latest;
  const first = seed();
  const noises = Array.from({ length: PICTURES }, (_, place) => painter.noise(first + place));
  const caption = on("caption").value;
  try {
    const began = performance.now();
    const drawn = await painter.generate(caption, noises, Number(on("strength").value));
    if (mine !== latest) return;
    drawn.forEach((numbers, place) => painter.paint(numbers, on("pictures").children[place]));
    for (const canvas of on("pictures").children) canvas.setAttribute("aria-label", caption.slice(0, 200));
    on("pictures").classList.remove("stale");
    const unknown = painter.encoder.unknown(caption).map((word) => `"${word.slice(0, 20)}"`);
    say(
      `${PICTURES} pictures in ${Math.round(performance.now() - began)} ms, seeds ${first} to ${first + PICTURES - 1}` +
        (unknown.length ? `; words it does not know: ${unknown.slice(0, 5).join(", ")}` : ""),
    );
  } catch (error) {
    if (mine !== latest) return;
    on("pictures").classList.add("stale");
    say(error.message, true);
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(draw, PAUSE);
}

async function start() {
  painter = await Painter.load((part) => (on("loading").value = part));
  on("loading").hidden = true;
  on("again").disabled = false;
  for (let place = 0; place < PICTURES; place++) {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    on("pictures").append(canvas);
  }
  for (const idea of painter.facts.captions) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = idea;
    button.addEventListener("click", () => {
      on("caption").value = idea;
      draw();
    });
    on("ideas").append(button);
  }
  on("caption").value ||= painter.facts.captions[0] ?? "";
  on("caption").addEventListener("input", soon);
  on("seed").addEventListener("input", soon);
  on("strength").addEventListener("input", () => {
    on("told").textContent = Number(on("strength").value).toFixed(1);
    soon();
  });
  await draw();
}

on("asked").addEventListener("submit", (event) => {
  event.preventDefault();
  on("seed").value = (seed() + PICTURES) % (MOST_SEED + 1);
  draw();
});

window.ready = start().then(
  () => painter,
  (error) => {
    on("loading").hidden = true;
    say(`It could not be loaded: ${error.message}`, true);
  },
);
