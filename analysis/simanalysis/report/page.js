// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws the page's figures in the width and theme that there are, again when either changes; in the
// dark theme a light copy for print. Texts
// of a scenario reach the document only as text nodes.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const choices = ["auto", "light", "dark"];
  const views = new Map();
  const chosen = {};
  let choice = "auto";
  try { choice = choices.includes(localStorage.getItem("sim-theme")) ? localStorage.getItem("sim-theme") : "auto"; }
  catch { /* a page from a file may have no storage */ }

  const isDark = () => choice === "dark" || (choice === "auto" && dark.matches);

  // A copy of the figure with `width` in the place of the width of print, and colours that the theme has others for.
  function fitted(node, width, colours) {
    if (Array.isArray(node)) return node.map((item) => fitted(item, width, colours));
    if (typeof node === "string" && Object.hasOwn(colours, node)) return colours[node];
    if (node === null || typeof node !== "object") return node;
    const copy = {};
    for (const [key, value] of Object.entries(node)) {
      copy[key] = key === "width" && value === data.width ? width : key === "datasets" ? value : fitted(value, width, colours);
    }
    return copy;
  }

  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);

  function showTip(handler, event, item, value) {
    if (value === null || value === undefined || value === "") { tip.hidden = true; return; }
    tip.replaceChildren();
    for (const [name, part] of typeof value === "object" ? Object.entries(value) : [["", value]]) {
      if (part === null || part === undefined || part === "null" || part === "") continue;
      const line = document.createElement("div");
      const label = document.createElement("b");
      label.textContent = name ? name + ": " : "";
      line.append(label, String(part));
      tip.append(line);
    }
    tip.hidden = false;
    const right = window.scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(8, Math.min(event.pageX + 14, right)) + "px";
    tip.style.top = event.pageY + 14 + "px";
  }

  // Draws one figure. Expressions are interpreted (`ast`), since the page's content policy forbids making code of texts.
  async function draw(name, place, room, width, theme) {
    const narrow = room < 620;
    const spec = fitted(data.figures[name], width, theme === "dark" ? data.onDark : {});
    for (const parameter of spec.params || []) {
      if (parameter.name === "narrow") parameter.value = narrow;
      if (parameter.name in (chosen[name] || {})) parameter.value = chosen[name][parameter.name];
    }
    const config = structuredClone(data[theme]);
    if (narrow) {
      config.axis.labelLimit = data.narrowLabels[name];
      config.axis.labelFontSize = 11;
      config.legend.columns = data.narrowColumns[name];
      config.axisX = { ...config.axisX, labelOverlap: "greedy", labelSeparation: 8 };
      config.title.frame = "bounds";
    }
    const drawn = await vegaEmbed(place, spec, {
      renderer: "svg", actions: false, defaultStyle: false, ast: true, hover: true, config, tooltip: showTip,
    });
    for (const parameter of spec.params || []) {
      if (!parameter.bind) continue;
      drawn.view.addSignalListener(parameter.name, (signal, value) => {
        chosen[name] = { ...chosen[name], [signal]: value };
      });
    }
    return drawn;
  }

  // Up to three times: what axes and titles need is known only when they are there.
  async function fit(name, place, room, theme) {
    let width = Math.max(120, room - 130);
    for (let turn = 0; ; turn += 1) {
      const drawn = await draw(name, place, room, width, theme);
      const spare = room - Number(place.querySelector("svg").getAttribute("width"));
      if (Math.abs(spare) < 1.5 || turn === 2) return drawn;
      drawn.finalize();
      width = Math.max(120, width + spare);
    }
  }

  let drawing = Promise.resolve();

  // One after the other, never two at once: a second change waits for the first to be done.
  function drawAll() {
    drawing = drawing.then(drawNow);
    return drawing;
  }

  async function drawNow() {
    const theme = isDark() ? "dark" : "light";
    for (const name of Object.keys(data.figures)) {
      const place = document.getElementById("plot-" + name);
      for (const view of views.get(name) || []) view.finalize();
      const screen = document.createElement("div");
      screen.className = "screen";
      const room = place.clientWidth;
      place.replaceChildren(screen);
      const made = [await fit(name, screen, room, theme)];
      if (theme === "dark") {
        const paper = document.createElement("div");
        paper.className = "paper";
        paper.setAttribute("aria-hidden", "true");
        place.append(paper);
        made.push(await fit(name, paper, 1000, "light"));
        place.classList.add("has-paper");
      } else {
        place.classList.remove("has-paper");
      }
      views.set(name, made);
    }
    document.documentElement.dataset.drawn = String(Object.keys(data.figures).length);
  }

  function applyTheme() {
    if (choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    button.textContent = "Theme: " + choice;
  }

  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    choice = choices[(choices.indexOf(choice) + 1) % choices.length];
    try { localStorage.setItem("sim-theme", choice); } catch { /* as above */ }
    applyTheme();
    drawAll();
  });
  dark.addEventListener("change", () => drawAll());
  let seen = document.documentElement.clientWidth;
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (document.documentElement.clientWidth === seen) return;
      seen = document.documentElement.clientWidth;
      drawAll();
    }, 120);
  });
  applyTheme();
  drawAll();
})();
