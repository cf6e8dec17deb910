// The regions that a steward has marked: a list with number fields, undo, and the form's value.

const SHAPES = {
  image: { names: ["x", "y", "width", "height"], blank: () => ({ box: [0, 0, 50, 50] }) },
  text: { names: ["start", "end"], blank: () => ({ start: 0, end: 1 }) },
  audio: { names: ["start_ms", "end_ms"], blank: () => ({ start_ms: 0, end_ms: 1000 }) },
};
const WORDS = { x: "x", y: "y", width: "width", height: "height", start: "from character", end: "to character", start_ms: "from ms", end_ms: "to ms" };

export class Regions {
  constructor({ root, data, say, editable }) {
    this.data = data;
    this.say = say;
    this.shape = SHAPES[data.modality];
    this.list = [];
    this.past = [];
    this.dropped = false;
    this.listeners = [];
    this.rows = editable ? root.querySelector("[data-regions]") : null;
    this.field = root.querySelector("textarea[name=regions]");
    this.count = root.querySelector("[data-count]");
    this.undoButton = root.querySelector("[data-undo]");
    this.choice = root.querySelector('input[name=decision][value="redact"]');
    this.undoButton?.addEventListener("click", () => this.undo());
    root.querySelector("[data-add]")?.addEventListener("click", () => {
      this.add(this.shape.blank());
      this.rows.lastElementChild?.querySelector("input").focus();
    });
    if (this.rows) this.restore();
    else this.list = data.regions;
  }

  restore() {
    try { this.list = JSON.parse(this.field.value); } catch { this.list = []; }
    queueMicrotask(() => this.changed());
  }

  onChange(listener) { this.listeners.push(listener); listener(); }

  add(region) {
    if (!this.rows) return;
    this.past.push(structuredClone(this.list));
    this.list.push(region);
    if (this.choice && !this.choice.disabled) this.choice.checked = true;
    this.changed();
    this.say(`Marked: ${this.told(region)}.`);
  }

  remove(index) {
    this.past.push(structuredClone(this.list));
    this.list.splice(index, 1);
    this.changed();
    this.say("Mark removed.");
  }

  undo() {
    if (!this.past.length) return;
    this.list = this.past.pop();
    this.changed();
    this.say("Undone.");
  }

  change(index, name, value) {
    this.past.push(structuredClone(this.list));
    const region = this.list[index];
    if (region.box) region.box[this.shape.names.indexOf(name)] = value;
    else region[name] = value;
    this.changed({ rows: false });
  }

  changed({ rows = true } = {}) {
    this.dropped = false;
    if (this.field) this.field.value = JSON.stringify(this.list);
    if (this.count) this.count.textContent = String(this.list.length);
    if (this.undoButton) this.undoButton.disabled = !this.past.length;
    if (rows && this.rows) this.rows.replaceChildren(...this.list.map((region, index) => this.row(region, index)));
    for (const listener of this.listeners) listener();
  }

  value(region, name) { return region.box ? region.box[this.shape.names.indexOf(name)] : region[name]; }

  told(region) { return this.shape.names.map((name) => `${WORDS[name]} ${this.value(region, name)}`).join(", "); }

  row(region, index) {
    const row = document.createElement("li");
    const fields = document.createElement("span");
    fields.className = "review-numbers";
    for (const name of this.shape.names) {
      const label = document.createElement("label");
      label.textContent = WORDS[name];
      const input = Object.assign(document.createElement("input"), { type: "number", min: 0, step: 1, required: true, value: this.value(region, name) });
      input.addEventListener("change", () => this.change(index, name, Math.round(Number(input.value)) || 0));
      label.append(input);
      fields.append(label);
    }
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "review-button small", textContent: "Remove" });
    remove.setAttribute("aria-label", `Remove mark ${index + 1}`);
    remove.addEventListener("click", () => this.remove(index));
    row.append(fields, remove);
    return row;
  }

  // A button beside a finding in doubt, which marks its place.
  offerDoubt(row) {
    const doubt = this.data.places[Number(row.dataset.doubt)];
    if (!doubt || !this.rows) return;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "review-button small", textContent: "Take out" });
    button.setAttribute("aria-label", `Take out ${doubt.kind}`);
    button.addEventListener("click", () => this.add(this.placeOf(doubt)));
    row.append(button);
  }

  placeOf({ box, start, end, start_ms, end_ms }) {
    if (box) return { box: [...box] };
    return this.data.modality === "audio" ? { start_ms, end_ms } : { start, end };
  }
}
