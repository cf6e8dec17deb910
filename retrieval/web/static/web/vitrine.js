// What HTML alone cannot do: dropping files, showing what was chosen, and uploading several files one by one.
"use strict";

for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = zone.querySelector("input[type=file]");
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("dragging"); });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("dragging"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("dragging");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

const search = document.getElementById("search");
if (search) {
  const input = search.querySelector("#file");
  const shown = search.querySelector("[data-file-shown]");
  const preview = search.querySelector("[data-file-preview]");
  input.addEventListener("change", () => {
    const file = input.files[0];
    shown.hidden = !file;
    if (!file) return;
    search.querySelector("[data-file-name]").textContent = file.name;
    preview.hidden = !file.type.startsWith("image/");
    if (!preview.hidden) {
      URL.revokeObjectURL(preview.src);
      preview.src = URL.createObjectURL(file);
    }
    search.requestSubmit();
  });
  search.querySelector("[data-file-clear]").addEventListener("click", () => { input.value = ""; shown.hidden = true; });
}

const upload = document.querySelector("[data-upload]");
if (upload) {
  const choice = upload.querySelector("select");
  const note = upload.querySelector("[data-collection-note]");
  const describe = () => {
    const option = choice.selectedOptions[0];
    note.textContent = `Redaction profile: ${option.dataset.profile}. ${option.dataset.kept}`;
  };
  choice.addEventListener("change", describe);
  describe();
  upload.addEventListener("submit", async (event) => {
    event.preventDefault();
    const files = [...upload.querySelector("input[type=file]").files];
    const button = upload.querySelector("button[type=submit]");
    const rows = document.getElementById("rows");
    document.querySelector("[data-live]").hidden = false;
    button.disabled = true;
    for (const file of files) {
      const row = document.createElement("tr");
      row.innerHTML = "<td></td><td><span class='tag'>sending</span></td><td></td><td></td>";
      row.firstElementChild.textContent = file.name;
      rows.append(row);
      const body = new FormData(upload);
      body.delete("file");
      body.append("file", file);
      try {
        const answer = await fetch(upload.dataset.rowUrl, { method: "POST", body, headers: { "HX-Request": "true" } });
        const holder = document.createElement("tbody");
        holder.innerHTML = await answer.text();
        const fresh = holder.querySelector("tr");
        if (fresh) { row.replaceWith(fresh); htmx.process(fresh); }
        else { row.children[1].innerHTML = holder.innerHTML; }
      } catch {
        row.children[1].textContent = "The appliance did not answer. Try this file again.";
      }
    }
    upload.querySelector("input[type=file]").value = "";
    button.disabled = false;
  });
}
