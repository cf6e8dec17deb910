// The page of one review: marks made on picture, text or sound become the regions of the form.
// Everything it does can be done by keyboard, by numbers, and (accepting, rejecting) without it.
import { Regions } from "./regions.js";
import { pictureStage } from "./picture.js";
import { soundStage } from "./sound.js";
import { textStage } from "./text.js";

const root = document.querySelector("[data-review]");
const data = JSON.parse(document.getElementById("review-data").textContent);
// Some findings, such as metadata, have no place that could be drawn.
const placed = (one) => one.box || one.start_ms !== undefined || one.end > one.start;
data.places = data.doubts.map((one) => (placed(one) ? one : null));
data.doubts = data.doubts.filter(placed);
const live = root.querySelector("[data-live]");
let silence = 0;
const say = (words) => {
  live.textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => { live.textContent = ""; }, 6000);
};
const form = root.querySelector("[data-form]");
const stages = { image: pictureStage, audio: soundStage, text: textStage };
const place = root.querySelector("[data-stage]");

const regions = new Regions({ root, data, say, editable: Boolean(form) });
let stage = null;
if (place && stages[data.modality]) stage = stages[data.modality]({ place, root, data, regions, say });

if (stage) {
  regions.onChange(() => stage.draw());
  for (const row of root.querySelectorAll("[data-doubt]")) regions.offerDoubt(row);
}

const uncover = root.querySelector("[data-uncover]");
if (uncover && stage) {
  uncover.addEventListener("submit", async (event) => {
    event.preventDefault();
    const address = `${uncover.getAttribute("action")}?${new URLSearchParams(new FormData(uncover))}`;
    const answer = await fetch(address);
    if (!answer.ok) { say((await answer.json()).detail || "It cannot be shown."); return; }
    await stage.show(await answer.blob());
    root.classList.add("uncovered");
    say("What was covered is shown. This was recorded with your reason.");
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form) { form.requestSubmit(); return; }
  if (event.target.closest("input:not([type=radio]), textarea, select, [contenteditable]")) return;
  if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); regions.undo(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const choice = form && form.querySelector(`[data-key="${CSS.escape(event.key)}"]:not(:disabled)`);
  if (choice) { choice.checked = true; choice.focus(); return; }
  if (event.key === "u") regions.undo();
  else if (event.key === "m") root.querySelector("[data-mark]")?.click();
  else if (event.key === "n") root.querySelector("[data-next]")?.click();
});

if (form) {
  form.addEventListener("submit", (event) => {
    const choice = new FormData(form).get("decision");
    if (choice === "redact" && !regions.list.length) {
      event.preventDefault();
      say("Mark something first, or choose something else.");
    } else if (choice !== "redact" && regions.list.length && !regions.dropped) {
      event.preventDefault();
      regions.dropped = true;
      say("What you marked is not taken out by this decision. Decide once more to go on all the same.");
    }
  });
}
