/* Filters a person saves for a list: kept in their browser, because they are nobody else's business. */
for (const nav of document.querySelectorAll("[data-list]")) {
  const key = `gtm-filters:${nav.dataset.list}`;
  const read = () => JSON.parse(localStorage.getItem(key) || "{}");
  const write = (saved) => localStorage.setItem(key, JSON.stringify(saved));
  const place = nav.querySelector("[data-saved]");
  const save = nav.querySelector("[data-save]");
  const show = () => {
    place.replaceChildren(
      ...Object.entries(read()).map(([name, query]) => {
        const chip = document.createElement("span");
        const link = document.createElement("a");
        const drop = document.createElement("button");
        chip.className = "g-chip";
        link.href = nav.dataset.list + query;
        link.textContent = name;
        drop.type = "button";
        drop.textContent = "×";
        drop.setAttribute("aria-label", `Forget the filter ${name}`);
        drop.addEventListener("click", () => {
          const saved = read();
          delete saved[name];
          write(saved);
          show();
        });
        chip.append(link, drop);
        return chip;
      }),
    );
  };
  save.hidden = !location.search;
  save.addEventListener("click", () => {
    const name = (prompt("A name for this filter") || "").trim().slice(0, 40);
    if (name) {
      write({ ...read(), [name]: location.search });
      show();
    }
  });
  show();
}
