// Joins filters, drawing, list of a gene and table.
(() => {
  const data = JSON.parse(document.getElementById("payload").textContent);
  const at = (id) => document.getElementById(id);
  const placeOf = new Map(data.genes.map((name, place) => [name, place]));
  const LONGEST = 25;
  let chosen = null;
  let table = null;

  function largest(values) {
    return values.reduce((most, value) => Math.max(most, Math.abs(value || 0)), 0);
  }

  function prepare() {
    for (const name of [...data.genes].sort()) at("genes").append(new Option(name, name));
    for (const [place, name] of data.groups.entries()) at("group").append(new Option(name, place));
    at("group-label").hidden = data.groups.length < 2;
    at("group-label").style.display = data.groups.length < 2 ? "none" : "";
    at("stability-label").style.display = data.columns.includes("stability") ? "" : "none";
    const most = largest(data.weight);
    at("weight").max = most || 1;
    at("weight").step = (most || 1) / 200;
    const n = Math.max(10, Math.ceil(data.source.length / 10) * 10);
    at("drawn").max = Math.min(2000, n);
    at("drawn").value = at("drawn").defaultValue = Math.min(200, n);
  }

  function passing() {
    const group = Number(at("group").value), sign = Number(at("sign").value);
    const weight = Number(at("weight").value), stability = Number(at("stability").value);
    const only = at("only").checked && chosen !== null;
    const rows = [];
    for (let row = 0; row < data.source.length; row++) {
      if (data.group[row] !== group) continue;
      if (Math.abs(data.weight[row]) < weight) continue;
      if (sign && Math.sign(data.weight[row]) !== sign) continue;
      if (stability > 0 && data.stability && !(data.stability[row] >= stability)) continue;
      if (only && !touches(row, chosen)) continue;
      rows.push(row);
    }
    return rows;
  }

  function touches(row, gene) {
    return data.source[row] === gene || data.target[row] === gene;
  }

  function refresh(withGene = false) {
    at("weight-value").textContent = Number(Number(at("weight").value).toPrecision(3));
    at("stability-value").textContent = at("stability").value;
    at("drawn-value").textContent = at("drawn").value;
    const rows = passing();
    const best = rows.slice(0, Number(at("drawn").value));
    // A gene that was searched for is drawn with its edges even if they are not among the best.
    if (withGene && chosen !== null) {
      const there = new Set(best);
      best.push(...rows.filter((row) => touches(row, chosen) && !there.has(row)).slice(0, LONGEST));
    }
    view.show(best);
    view.choose(chosen);
    if (table) table.show(rows);
    list(rows);
    at("status").textContent = rows.length
      ? `${best.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} edges are drawn, between ${view.nNodes.toLocaleString("en")} genes.`
      : "No edge passes the filters.";
  }

  function list(rows) {
    const panel = at("panel");
    if (chosen === null) {
      panel.replaceChildren(element("p", "Click a gene, or search for one, to list its edges.", "note"));
      return;
    }
    panel.replaceChildren(element("h3", data.genes[chosen]));
    part(panel, "Its regulators", rows.filter((row) => data.target[row] === chosen), data.source);
    part(panel, "Its targets", rows.filter((row) => data.source[row] === chosen), data.target);
  }

  function part(panel, title, rows, other) {
    panel.append(element("h4", `${title}: ${rows.length}`));
    const items = document.createElement("ul");
    for (const row of rows.slice(0, LONGEST)) {
      const item = document.createElement("li");
      const button = element("button", data.genes[other[row]], "gene");
      button.type = "button";
      button.addEventListener("click", () => search(other[row]));
      item.append(button, element("span", effect(data.weight[row])), element("span", data.weight[row].toPrecision(3)));
      items.append(item);
    }
    panel.append(items);
    if (rows.length > LONGEST) panel.append(element("p", `and ${rows.length - LONGEST} more in the table`, "note"));
  }

  function element(tag, text, name = "") {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = name;
    return made;
  }

  function choose(gene) {
    chosen = gene;
    at("gene").value = gene === null ? "" : data.genes[gene];
    if (at("only").checked) refresh();
    else {
      view.choose(gene);
      list(passing());
    }
  }

  function search(gene) {
    chosen = gene;
    at("gene").value = data.genes[gene];
    refresh(true);
    view.focus(gene);
  }

  let waiting = 0;
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(() => refresh(), 150);
  }

  function typed(complete) {
    const name = at("gene").value.trim();
    const found = placeOf.get(name) ?? data.genes.findIndex((gene) => gene.toLowerCase() === name.toLowerCase());
    if (name === "") choose(null);
    else if (found >= 0) search(found);
    else if (complete) at("status").textContent = `No gene of this report is called ${name}.`;
  }

  prepare();
  const view = new NetworkView(at("canvas"), data, choose);
  for (const id of ["only", "group", "sign", "weight", "stability", "drawn"]) at(id).addEventListener("input", soon);
  at("gene").addEventListener("input", () => typed(false));
  at("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    typed(true);
  });
  at("filters").addEventListener("reset", () => {
    chosen = null;
    setTimeout(() => refresh());
  });
  at("zoom-in").addEventListener("click", () => view.zoom(1.3));
  at("zoom-out").addEventListener("click", () => view.zoom(1 / 1.3));
  at("fit").addEventListener("click", () => view.fit());
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
  refresh();
  // What checks of the page look at; `ready` is set once the table is there too.
  window.report = {view, data, ready: false};
  edgeTable(at("edge-table"), data, search).then((made) => {
    table = made;
    window.report.table = made.api;
    table.show(passing());
    window.report.ready = true;
  });
})();
