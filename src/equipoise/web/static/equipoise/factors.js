// A security key that did not answer: said on the page, not in the console.
(() => {
  "use strict";
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    for (const each of document.querySelectorAll("[data-key-error]")) each.hidden = false;
  });
})();
