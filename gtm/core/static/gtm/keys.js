/* Shortcuts of the inbox and of a decision: a key moves the focus, never decides, and never takes a letter from typing.
   They can be switched off (WCAG 2.1.4); the choice stays in the browser. */
(() => {
  const box = document.querySelector("[data-keys-on]");
  if (!box) return;
  const key = "gtm-keys";
  box.checked = localStorage.getItem(key) !== "off";
  box.addEventListener("change", () => localStorage.setItem(key, box.checked ? "on" : "off"));
  const rows = [...document.querySelectorAll("[data-row]")];
  const here = () => rows.findIndex((row) => row.contains(document.activeElement));
  const go = (number) => rows[number]?.querySelector("[data-open]").focus();
  const press = (name) => document.querySelector(`button[name=decision][form=decide][value=${name}]`)?.focus();
  const moves = {
    j: () => go(Math.min(here() + 1, rows.length - 1)),
    k: () => go(Math.max(here() - 1, 0)),
    x: () => rows[here()]?.querySelector("input[type=checkbox]")?.click(),
    a: () => press("approve"),
    r: () => press("reject"),
    c: () => press("request_changes"),
    m: () => document.querySelector("#decide textarea")?.focus(),
    i: () => document.querySelector("[data-inbox-link]")?.focus(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (!box.checked || typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in moves)) return;
    event.preventDefault();
    moves[event.key]();
  });
})();
