// The text of the rendition with its placeholders, doubts and marks. Places are characters as the
// server counts them (code points), not as JavaScript does (UTF-16 units).

const PLACEHOLDER = /<[A-Z][A-Z0-9_]*_\d+>/gu;
const MOST = 400_000;

export const textStage = ({ place, root, data, regions, say }) => {
  const button = root.querySelector("[data-mark]");
  let characters = [];
  let selected = null;

  // Non-overlapping pieces: whoever comes first in this order is shown.
  const pieces = () => {
    const shown = Math.min(characters.length, MOST);
    const kinds = new Array(shown).fill("");
    const paint = (from, to, kind) => kinds.fill(kind, Math.max(0, from), Math.min(to, shown));
    for (const [from, to] of placeholders) paint(from, to, "done");
    for (const one of data.doubts) paint(one.start, one.end, "doubt");
    for (const one of regions.list) paint(one.start, one.end, "drawn");
    const found = [];
    for (let from = 0; from < shown;) {
      let to = from + 1;
      while (to < shown && kinds[to] === kinds[from]) to += 1;
      found.push([from, to, kinds[from]]);
      from = to;
    }
    return found;
  };
  let placeholders = [];
  const read = (text) => {
    characters = Array.from(text);
    placeholders = [];
    let units = 0, points = 0;
    for (const match of text.matchAll(PLACEHOLDER)) {
      points += Array.from(text.slice(units, match.index)).length;
      placeholders.push([points, points + match[0].length]);
      points += match[0].length;
      units = match.index + match[0].length;
    }
  };
  const draw = () => {
    const nodes = pieces().map(([from, to, kind]) => {
      const node = document.createElement(kind ? "mark" : "span");
      node.dataset.from = from;
      if (kind) node.className = kind;
      node.textContent = characters.slice(from, to).join("");
      return node;
    });
    if (characters.length > MOST) {
      const note = document.createElement("p");
      note.textContent = `The first ${MOST} of ${characters.length} characters. Further on, mark by numbers.`;
      nodes.push(note);
    }
    place.replaceChildren(...nodes);
  };
  // Where a point of the selection lies, in characters of the text.
  const placeOf = (node, offset) => {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    const piece = element.closest("[data-from]");
    if (!piece) {
      const next = place.childNodes[offset];
      return next?.dataset?.from === undefined ? Math.min(characters.length, MOST) : Number(next.dataset.from);
    }
    const before = node.nodeType === Node.TEXT_NODE ? node.data.slice(0, offset) : "";
    return Number(piece.dataset.from) + Array.from(before).length;
  };
  document.addEventListener("selectionchange", () => {
    const selection = document.getSelection();
    const range = selection.rangeCount ? selection.getRangeAt(0) : null;
    const inside = range && !range.collapsed && place.contains(range.startContainer) && place.contains(range.endContainer);
    if (inside) selected = { start: placeOf(range.startContainer, range.startOffset), end: placeOf(range.endContainer, range.endOffset) };
    else if (!range || place.contains(range.startContainer)) selected = null;
    button.disabled = !selected;
  });
  button.addEventListener("click", () => {
    if (!selected || selected.start >= selected.end) return;
    regions.add(selected);
    selected = null;
    button.disabled = true;
    document.getSelection().removeAllRanges();
  });
  const show = async (blob) => {
    read(new TextDecoder("utf-8", { ignoreBOM: true }).decode(await blob.arrayBuffer()));
    draw();
  };
  fetch(data.preview)
    .then((answer) => (answer.ok ? answer.blob() : Promise.reject(new Error(answer.statusText))))
    .then(show)
    .catch(() => say("The text cannot be shown."));
  return { draw: () => { if (characters.length) draw(); }, show };
};
