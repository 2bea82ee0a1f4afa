// Charts that answer: their library is fetched when a page has one to show. Where it cannot be had, the picture
// that the server draws takes its place; the same picture is there where no script runs.
(() => {
  "use strict";
  const LIBRARY = document.currentScript.dataset.library;
  const BETWEEN = " \u00b7 "; // of the parts of a name
  const PHONE = 480, NARROW_LABEL = 110;
  const AHEAD = "100000px"; // whatever is open is drawn, before it is scrolled to or printed // px
  let loading = null;
  const library = () => loading ||= import(LIBRARY).then(() => window.gtmVegaEmbed);

  const make = (name, className, words) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (words) element.textContent = words;
    return element;
  };

  // Buttons take the place of the legend: they answer keys, too.
  function dropLegends(part) {
    if (!part || typeof part !== "object") return;
    Object.values(part.encoding || {}).forEach(channel => { if ("legend" in channel) channel.legend = null; });
    (part.layer || []).forEach(dropLegends);
  }

  async function draw(figure) {
    const specification = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const live = make("div", "g-chart-live");
    const plot = make("div", "g-chart-plot");
    live.append(plot);
    figure.append(live);
    if (specification.usermeta.series.length) dropLegends(specification);
    if (figure.clientWidth < PHONE) specification.config.axis.labelLimit = NARROW_LABEL;
    const embed = await library();
    const drawn = { view: null, hidden: [] };
    const show = async wanted => {
      drawn.view?.finalize();
      plot.replaceChildren();
      ({ view: drawn.view } = await embed(plot, wanted, {
        ast: true, renderer: "svg", actions: false, tooltip: false, defaultStyle: false,
      }));
      if (drawn.hidden.length) await drawn.view.signal("hidden", drawn.hidden).runAsync();
    };
    await show(specification);
    const reader = new Reader(live, plot, specification);
    if (specification.usermeta.series.length) live.append(legend(drawn, specification.usermeta.series, reader));
    const { groups } = specification.usermeta;
    if (groups && groups.field) live.prepend(groupFilter(show, specification, reader));
    figure.classList.add("g-chart-drawn");
  }

  function showPicture(figure) {
    const { picture } = figure.dataset;
    figure.querySelector(".g-chart-live")?.remove();
    if (!picture) return;
    const image = make("img");
    image.src = picture;
    image.alt = figure.getAttribute("aria-label");
    figure.append(image);
  }

  // A button a series. The last one that is shown stays: an empty chart says nothing.
  function legend(drawn, series, reader) {
    const row = make("div", "g-chart-legend");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Series shown");
    const hidden = new Set();
    series.forEach(one => {
      const button = make("button", "g-chart-key");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.innerHTML = '<svg aria-hidden="true" viewBox="0 0 24 8" width="24" height="8"><line x1="0" x2="24" y1="4" y2="4"/></svg>';
      const line = button.querySelector("line");
      line.setAttribute("stroke", one.colour);
      line.setAttribute("stroke-width", one.dash ? 3 : 8);
      if (one.dash) line.setAttribute("stroke-dasharray", one.dash);
      button.append(one.label);
      button.addEventListener("click", async () => {
        const isShown = !hidden.has(one.label);
        if (isShown && hidden.size === series.length - 1) return;
        if (isShown) hidden.add(one.label); else hidden.delete(one.label);
        button.setAttribute("aria-pressed", String(!isShown));
        reader.hide();
        drawn.hidden = [...hidden];
        await drawn.view.signal("hidden", drawn.hidden).runAsync();
      });
      row.append(button);
    });
    return row;
  }

  // The same chart with these points alone: an axis of names has no empty places.
  function narrowed(specification, field, kept) {
    const found = structuredClone(specification), left = new Set(kept.map(point => point[field]));
    found.datasets.points = structuredClone(kept);
    const walk = part => {
      if (!part || typeof part !== "object") return;
      ["x", "y"].map(name => part.encoding?.[name]).forEach(channel => {
        if (channel?.field === field && Array.isArray(channel.scale?.domain)) {
          channel.scale.domain = channel.scale.domain.filter(name => left.has(name));
        }
      });
      [...(part.layer || []), part.spec].forEach(walk);
    };
    walk(found);
    return found;
  }

  // A choice for each thing that groups are by. Whatever is no group of that form, as the whole, stays.
  function groupFilter(show, specification, reader) {
    const { field, names, values } = specification.usermeta.groups, { points } = specification.datasets;
    const row = make("div", "g-chart-filter");
    const chosen = values.map(() => "");
    row.setAttribute("role", "group");
    row.setAttribute("aria-label", "Groups shown");
    values.forEach((column, place) => {
      const label = make("label", "", names[place] || `Group ${place + 1}`);
      const select = make("select", "g-input");
      select.append(new Option("All", ""), ...column.map(value => new Option(value, value)));
      select.addEventListener("change", async () => {
        const before = chosen[place];
        chosen[place] = select.value;
        const kept = points.filter(point => {
          const parts = point[field].split(BETWEEN);
          return parts.length !== values.length || chosen.every((wanted, n) => !wanted || parts[n] === wanted);
        });
        if (!kept.some(point => point[field].includes(BETWEEN))) {
          chosen[place] = select.value = before;
          return;
        }
        reader.hide();
        await show(narrowed(specification, field, kept));
      });
      label.append(select);
      row.append(label);
    });
    return row;
  }

  // What a point says: under the pointer, under a finger, and from point to point with the arrow keys.
  class Reader {
    constructor(live, plot, specification) {
      this.live = live;
      this.plot = plot;
      this.meta = specification.usermeta;
      this.at = null;
      this.tip = make("div", "g-chart-tip");
      this.tip.setAttribute("role", "status");
      this.tip.hidden = true;
      live.append(this.tip);
      plot.tabIndex = 0;
      plot.setAttribute("role", "group");
      plot.setAttribute("aria-label", `${specification.description} Read its points with the arrow keys.`);
      plot.addEventListener("pointermove", event => this.point(event));
      plot.addEventListener("pointerdown", event => this.point(event));
      plot.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") this.hide(); });
      plot.addEventListener("blur", () => this.hide());
      plot.addEventListener("keydown", event => this.key(event));
    }

    points() {
      return [...this.plot.querySelectorAll("svg [aria-roledescription]")]
        .filter(element => element.__data__ && element.__data__.tooltip)
        .map(element => ({ element, datum: element.__data__.datum }));
    }

    point(event) {
      let nearest = null, least = Infinity;
      this.points().forEach(one => {
        const box = one.element.getBoundingClientRect();
        const across = Math.max(box.left - event.clientX, 0, event.clientX - box.right);
        const down = Math.max(box.top - event.clientY, 0, event.clientY - box.bottom);
        const distance = Math.hypot(across, down);
        if (distance < least) { least = distance; nearest = one; }
      });
      if (nearest) this.show(nearest); else this.hide();
    }

    key(event) {
      const points = this.points();
      const at = points.findIndex(one => one.element === this.at);
      const beside = step => {
        const series = [...new Set(points.map(one => one.datum.series))];
        const now = points[Math.max(at, 0)].datum;
        const next = series[series.indexOf(now.series) + step];
        return points.find(one => one.datum.series === next && one.datum.category === now.category) || points[at];
      };
      const moves = {
        ArrowRight: () => points[Math.min(at + 1, points.length - 1)],
        ArrowLeft: () => points[Math.max(at - 1, 0)],
        ArrowDown: () => beside(1),
        ArrowUp: () => beside(-1),
        Home: () => points[0],
        End: () => points[points.length - 1],
      };
      if (event.key === "Escape") { this.hide(); return; }
      if (!points.length || !moves[event.key]) return;
      event.preventDefault();
      this.show(moves[event.key]() || points[0]);
    }

    show({ element, datum }) {
      if (this.at === element) return;
      this.hide();
      this.at = element;
      element.classList.add("g-chart-at");
      const where = [datum.category || datum.day, datum.series].filter(Boolean).join(BETWEEN);
      this.tip.replaceChildren(make("b", "", datum.what || where), make("span", "g-chart-value", datum.told || datum.day));
      if (datum.range) this.tip.append(make("span", "", `${this.meta.interval}: ${datum.range}`));
      else if (datum.told) this.tip.append(make("span", "", "No interval is computed for it."));
      const means = this.meta.means[datum.series] || this.meta.meaning;
      if (datum.told && means) this.tip.append(make("span", "g-mute", means));
      this.tip.hidden = false;
      this.place(element.getBoundingClientRect());
    }

    // Above the point where there is room, and never over the edge of the chart.
    place(box) {
      const frame = this.live.getBoundingClientRect();
      const middle = (box.left + box.right) / 2 - frame.left;
      const wide = this.tip.offsetWidth, tall = this.tip.offsetHeight;
      const above = box.top - frame.top - tall - 8;
      this.tip.style.left = `${Math.max(0, Math.min(middle - wide / 2, frame.width - wide))}px`;
      this.tip.style.top = `${frame.top + above > 0 ? above : box.bottom - frame.top + 8}px`;
    }

    hide() {
      if (this.at) this.at.classList.remove("g-chart-at");
      this.at = null;
      this.tip.hidden = true;
    }
  }

  // A chart in a closed chapter waits for its chapter to be opened.
  const watched = new WeakSet();
  const seen = new IntersectionObserver(entries => entries.forEach(entry => {
    if (!entry.isIntersecting) return;
    seen.unobserve(entry.target);
    draw(entry.target).catch(error => {
      console.error("A chart could not be drawn:", error);
      showPicture(entry.target);
    });
  }), { rootMargin: AHEAD });
  const watch = () => document.querySelectorAll("figure.g-chart").forEach(figure => {
    if (watched.has(figure) || !figure.querySelector("script[type='application/json']")) return;
    watched.add(figure);
    seen.observe(figure);
  });
  document.addEventListener("htmx:afterSettle", watch);
  watch();
})();
