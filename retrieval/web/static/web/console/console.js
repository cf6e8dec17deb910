// What the admin's theme makes clickable with a mouse alone, by keyboard too; and forms are sent once.
"use strict";

const FOCUSABLE = new Set(["A", "BUTTON", "INPUT", "SELECT", "TEXTAREA", "SUMMARY"]);

const NAMES = { dock_to_right: "Show or hide the menu", close: "Close", dark_mode: "Theme", light_mode: "Theme", computer: "Theme" };

function reachable(element) {
  if (element.hasAttribute("tabindex")) return;
  if (FOCUSABLE.has(element.tagName) && !(element.tagName === "A" && !element.hasAttribute("href"))) return;
  element.tabIndex = 0;
  element.setAttribute("role", "button");
  const name = NAMES[element.textContent.trim()];
  if (name && !element.hasAttribute("aria-label")) element.setAttribute("aria-label", name);
  element.addEventListener("keydown", (event) => {
    if (event.target !== element || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    element.click();
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[x-on\\:click]").forEach(reachable);
  document.querySelectorAll('#content input[x-ref="searchInput"]').forEach((input) => {
    if (!input.hasAttribute("aria-label")) input.setAttribute("aria-label", "Search this list");
  });
  document.querySelectorAll("#content :is(.vDateField, .vTimeField)").forEach((input) => {
    const label = input.closest(".group, .form-row")?.querySelector("label");
    const part = input.classList.contains("vDateField") ? "date" : "time";
    if (label && !input.labels.length) input.setAttribute("aria-label", `${label.textContent.trim()}, ${part}`);
  });
  const content = document.getElementById("content");
  if (content) content.tabIndex = -1;
  document.querySelectorAll("form.vc-asking").forEach((form) => {
    form.addEventListener("submit", (event) => {
      const pressed = event.submitter;
      if (!pressed || pressed.name !== "token") return;
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    });
  });
});
