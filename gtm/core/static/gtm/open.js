// What a reader has opened stays open when htmx brings a newer copy of it, and a link into it opens it.
(() => {
  "use strict";
  const opened = () => new Set([...document.querySelectorAll("details[id]")].filter(d => d.open).map(d => d.id));
  let before = null;
  document.addEventListener("htmx:beforeSwap", () => { before = opened(); });
  const restore = () => {
    if (!before) return;
    document.querySelectorAll("details[id]").forEach(d => { if (before.has(d.id)) d.open = true; });
  };
  // At once, or a second answer on its way would remember the new copy as closed.
  document.addEventListener("htmx:afterSwap", restore);
  document.addEventListener("htmx:oobAfterSwap", restore);
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", event => {
    const link = event.target.closest && event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) reveal();
  });
  reveal();
})();
