// The main menu: a group that is open closes on Escape, and when the focus or a click goes elsewhere.
(() => {
  "use strict";
  const nav = document.querySelector(".top nav");
  if (!nav) return;
  const close = (but) => {
    for (const each of nav.querySelectorAll("details[open]")) if (each !== but) each.open = false;
  };
  const elsewhere = (event) => close(event.target.closest ? event.target.closest(".top details") : null);
  document.addEventListener("click", elsewhere);
  document.addEventListener("focusin", elsewhere);
  nav.addEventListener("keydown", (event) => {
    const open = event.target.closest("details[open]");
    if (event.key !== "Escape" || !open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
})();
