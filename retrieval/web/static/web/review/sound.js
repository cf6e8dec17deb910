// A waveform with bars of time over it. Dragging marks a stretch; I and O mark it while it plays.
import { onDrag, shape } from "./svg.js";

const clock = (ms) => `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}`;

export const soundStage = ({ place, data, regions, say }) => {
  const svg = place.querySelector("svg");
  const audio = place.querySelector("audio");
  const told = place.querySelector("[data-clock]");
  let drawn = null;  // [from, to] in milliseconds while dragging
  let begun = null;  // set by I

  const bar = (from, to, kind, words) => shape("rect", { x: from, y: 0, width: Math.max(to - from, data.duration_ms / 500), height: 100, class: kind }, words);
  const here = () => Math.round(audio.currentTime * 1000);
  const draw = () => svg.replaceChildren(
    ...data.findings.map((one) => bar(one.start_ms, one.end_ms, "done", `${one.kind}, taken out`)),
    ...data.doubts.map((one) => bar(one.start_ms, one.end_ms, "doubt", `${one.kind}, in doubt`)),
    ...regions.list.map((one, index) => bar(one.start_ms, one.end_ms, "drawn", `Mark ${index + 1}`)),
    ...(drawn ? [bar(drawn[0], drawn[1], "drawing")] : []),
    shape("line", { x1: here(), x2: here(), y1: 0, y2: 100, class: "playhead" }),
  );
  const span = (a, b) => [Math.min(a.x, b.x), Math.max(a.x, b.x)].map(Math.round);
  const add = (from, to) => regions.add({ start_ms: from, end_ms: to });

  onDrag(svg, {
    move: (a, b) => { drawn = a && span(a, b); draw(); },
    end: (a, b) => {
      const [from, to] = span(a, b);
      drawn = null;
      if (to - from > data.duration_ms / 400) add(from, to);
      else { audio.currentTime = from / 1000; draw(); }
    },
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=radio]), textarea")) return;
    if (event.key === "i") { begun = here(); say(`A mark begins at ${clock(begun)}.`); }
    else if (event.key === "o" && begun !== null && here() > begun) { add(begun, here()); begun = null; }
    else if (event.target === svg && event.key === "ArrowRight") audio.currentTime += 1;
    else if (event.target === svg && event.key === "ArrowLeft") audio.currentTime -= 1;
  });
  audio.addEventListener("timeupdate", () => { told.textContent = clock(here()); draw(); });
  return { draw, show: (blob) => { audio.src = URL.createObjectURL(blob); } };
};
