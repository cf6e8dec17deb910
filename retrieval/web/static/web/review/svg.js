// What the two overlays share: shapes, and a drag that works with mouse, pen and finger.

export const shape = (name, attributes, words = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words) {
    const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
    title.textContent = words;
    made.append(title);
  }
  return made;
};

// A point of a pointer event in the units of the overlay's view box, within it.
const at = (svg, event) => {
  const shown = svg.getBoundingClientRect();
  const { width, height } = svg.viewBox.baseVal;
  const within = (value, most) => Math.max(0, Math.min(most, value));
  return {
    x: within(((event.clientX - shown.left) / shown.width) * width, width),
    y: within(((event.clientY - shown.top) / shown.height) * height, height),
  };
};

export const onDrag = (svg, { move, end }) => {
  let from = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    svg.focus({ preventScroll: true });
    svg.setPointerCapture(event.pointerId);
    from = at(svg, event);
  });
  svg.addEventListener("pointermove", (event) => { if (from) move(from, at(svg, event)); });
  svg.addEventListener("pointerup", (event) => {
    if (!from) return;
    const begun = from;
    from = null;
    end(begun, at(svg, event));
  });
  svg.addEventListener("pointercancel", () => { from = null; move(null, null); });
};
