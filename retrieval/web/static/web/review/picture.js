// A picture with boxes over it. Dragging marks a box; by keyboard a box is moved, grown and marked.
import { onDrag, shape } from "./svg.js";

export const pictureStage = ({ place, data, regions }) => {
  const svg = place.querySelector("svg");
  const img = place.querySelector("img");
  const step = Math.max(1, Math.round(Math.min(data.width, data.height) / 50));
  let drawn = null;  // the box being drawn: [x, y, width, height]
  let held = null;  // the box moved by keyboard

  const rect = ([x, y, width, height], kind, words) => shape("rect", { x, y, width, height, class: kind }, words);
  const box = (a, b) => [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y)].map(Math.round);
  const draw = () => svg.replaceChildren(
    ...data.findings.map((one) => rect(one.box, "done", `${one.kind}, taken out`)),
    ...data.doubts.map((one) => rect(one.box, "doubt", `${one.kind}, in doubt`)),
    ...regions.list.map((one, index) => rect(one.box, "drawn", `Mark ${index + 1}`)),
    ...(drawn || held ? [rect(drawn || held, "drawing")] : []),
  );

  onDrag(svg, {
    move: (a, b) => { drawn = a && box(a, b); draw(); },
    end: (a, b) => {
      const made = box(a, b);
      drawn = null;
      if (made[2] > 1 && made[3] > 1) regions.add({ box: made });
      else draw();
    },
  });
  svg.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const way = ways[event.key];
    if (way) {
      event.preventDefault();
      held ??= [data.width / 2 - 4 * step, data.height / 2 - 2 * step, 8 * step, 4 * step].map(Math.round);
      const first = event.shiftKey ? 2 : 0;
      held[first] = Math.max(first ? 1 : 0, held[first] + way[0]);
      held[first + 1] = Math.max(first ? 1 : 0, held[first + 1] + way[1]);
      held[0] = Math.min(held[0], data.width - held[2]);
      held[1] = Math.min(held[1], data.height - held[3]);
    } else if (event.key === "Enter" && held && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const made = held;
      held = null;
      regions.add({ box: made });
    } else if (event.key === "Escape") held = null;
    else return;
    draw();
  });
  return { draw, show: (blob) => { img.src = URL.createObjectURL(blob); } };
};
