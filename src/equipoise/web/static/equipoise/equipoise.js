// What a page does by itself: rows, drafts, one sending only, leaving when idle. No library.
(() => {
  "use strict";
  const say = (key) => document.body.dataset[key] || "";

  // Rows: a copy of the template under the next number.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-add]");
    if (!button) return;
    const fields = button.closest("fieldset");
    const count = fields.querySelector(`input[name="${button.dataset.add}-rows"]`);
    const holder = document.createElement("div");
    holder.innerHTML = fields.querySelector("template").innerHTML.replaceAll("__place__", count.value);
    const row = holder.firstElementChild;
    button.before(row);
    count.value = Number(count.value) + 1;
    const first = row.querySelector("input, select, textarea");
    if (first) first.focus();
  });

  // Drafts: what is typed stays in this browser's session until it is recorded.
  const forms = [...document.querySelectorAll("form[data-draft]")];
  const place = (form) => `draft:${form.dataset.draft}`;
  const skipped = (name) => ["csrfmiddlewaretoken", "password", "key", "seen"].includes(name);
  const store = (form) => {
    const found = [...new FormData(form)].filter(([name, value]) => !skipped(name) && typeof value === "string");
    sessionStorage.setItem(place(form), JSON.stringify(found));
  };
  const restore = (form, found) => {
    for (const [name, value] of found) {
      if (name.endsWith("-rows")) {
        const item = name.slice(0, -5);
        const count = form.querySelector(`input[name="${name}"]`);
        const button = form.querySelector(`[data-add="${item}"]`);
        while (count && button && Number(count.value) < Number(value)) button.click();
      }
    }
    for (const [name, value] of found) {
      const field = form.elements.namedItem(name);
      if (!field || (field.type === "hidden" && !name.endsWith("-rows"))) continue;
      if (field instanceof RadioNodeList) field.value = value;
      else if (field.type === "checkbox") field.checked = true;
      else field.value = value;
    }
  };
  // What was sent and not answered is sent again under the same key: it is recorded once.
  const sentKey = (draft) => `sent-key:${draft}`;
  const forget = (draft) => {
    sessionStorage.removeItem(`draft:${draft}`);
    sessionStorage.removeItem(sentKey(draft));
  };
  // A page that says what was recorded ends the draft of what was sent, before any is restored.
  if (document.querySelector(".message.recorded")) {
    const sent = sessionStorage.getItem("sent");
    if (sent) forget(sent);
  }
  for (const form of forms) {
    const kept = sessionStorage.getItem(place(form));
    const refused = document.querySelector(".refused, .field.wrong");
    if (kept && !refused) {
      restore(form, JSON.parse(kept));
      const key = sessionStorage.getItem(sentKey(form.dataset.draft));
      if (key && form.elements.key) form.elements.key.value = key;
      const note = form.querySelector("[data-draft-note]");
      if (note) note.hidden = false;
    }
    form.addEventListener("input", () => store(form));
    form.addEventListener("change", () => store(form));
    form.addEventListener("click", (event) => {
      if (!event.target.closest("[data-discard]")) return;
      forget(form.dataset.draft);
      location.reload();
    });
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.draft) {
      sessionStorage.setItem("sent", form.dataset.draft);
      if (form.elements.key) sessionStorage.setItem(sentKey(form.dataset.draft), form.elements.key.value);
    }
    if (form.dataset.sending) event.preventDefault();
    form.dataset.sending = "yes";
    setTimeout(() => delete form.dataset.sending, 8000);
  });

  // The refusal is read first.
  const refused = document.querySelector(".refused[tabindex]");
  if (refused) refused.focus();

  // Idle: the page goes back to the login by itself; what was typed is a draft.
  const idle = Number(document.body.dataset.idle || 0);
  if (idle) {
    let last = Date.now();
    for (const kind of ["keydown", "pointerdown", "input"]) document.addEventListener(kind, () => (last = Date.now()), { passive: true });
    setInterval(() => { if (Date.now() - last > idle * 1000) location.reload(); }, 15000);
  }
})();
