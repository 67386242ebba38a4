// The lesion table by keyboard: Enter and the arrows go down and up the column that is entered.
(() => {
  "use strict";
  const form = document.querySelector("form.reading");
  if (!form) return;
  const cells = () => [...form.querySelectorAll("[data-down]")];
  form.addEventListener("keydown", (event) => {
    const cell = event.target;
    if (event.key === "Enter" && cell.matches("input, select")) {
      event.preventDefault();
      const all = cells();
      const at = all.indexOf(cell);
      const later = (each) => cell.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING;
      const next = at >= 0 ? all[at + 1] : all.find(later);
      (next || form.querySelector("button.main")).focus();
      if (next && next.select) next.select();
    } else if (cell.matches("input[data-down]") && (event.key === "ArrowDown" || event.key === "ArrowUp") && !cell.hasAttribute("list")) {
      const all = cells();
      const next = all[all.indexOf(cell) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) {
        event.preventDefault();
        next.focus();
      }
    }
  });
  // A row that is added takes the next free name; the server names the others.
  form.addEventListener("click", (event) => {
    if (!event.target.closest("[data-add]")) return;
    const names = [...form.querySelectorAll("[name^='lesion-added-']")].filter((each) => each.type !== "hidden");
    const last = names[names.length - 1];
    if (!last || last.value) return;
    const used = new Set([...names.map((each) => each.value), ...[...form.querySelectorAll("tbody th b")].map((each) => each.textContent)]);
    const stem = form.querySelector("fieldset.first") ? "T" : "NEW";
    let number = 1;
    while (used.has(stem + number)) number += 1;
    last.value = stem + number;
  });
})();
