// The box in which a term is searched: a list under it, moved through with the arrow keys.
(() => {
  "use strict";
  const box = document.querySelector("[data-combobox]");
  if (!box) return;
  const list = document.getElementById(box.dataset.combobox);
  const grades = document.getElementById("grades");
  const options = () => [...list.querySelectorAll("[role=option][data-value]")];
  let at = -1;

  const show = (open) => {
    list.hidden = !open;
    box.setAttribute("aria-expanded", String(open));
    if (!open) mark(-1);
  };
  const mark = (place) => {
    at = place;
    options().forEach((each, number) => each.setAttribute("aria-selected", String(number === at)));
    const now = options()[at];
    if (now) {
      box.setAttribute("aria-activedescendant", now.id);
      now.scrollIntoView({ block: "nearest" });
    } else box.removeAttribute("aria-activedescendant");
  };
  const choose = (option) => {
    box.value = option.dataset.value;
    show(false);
    box.dispatchEvent(new Event("change", { bubbles: true }));
    window.htmx.trigger(grades, "chosen");
  };

  list.addEventListener("htmx:afterSwap", () => {
    show(list.children.length > 0 && document.activeElement === box && box.value.length > 1);
    mark(options().length ? 0 : -1);
  });
  box.addEventListener("keydown", (event) => {
    const number = options().length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden && number) show(true);
      if (number) mark((at + (event.key === "ArrowDown" ? 1 : number - 1) + number) % number);
    } else if (event.key === "Enter" && !list.hidden && options()[at]) {
      event.preventDefault();
      choose(options()[at]);
    } else if (event.key === "Escape") show(false);
    else if (event.key === "Tab" && !list.hidden) show(false);
  });
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[data-value]");
    if (!option) return;
    event.preventDefault();
    choose(option);
  });
  box.addEventListener("blur", () => show(false));
  // After the grades came, the first can be chosen with the arrow keys.
  grades.addEventListener("htmx:afterSwap", () => {
    const first = grades.querySelector("input[type=radio]");
    if (first && document.activeElement === box) first.focus();
  });
  if (box.value) window.addEventListener("load", () => window.htmx.trigger(grades, "chosen"));
})();
