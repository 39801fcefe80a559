"use strict";
// Draws some of the edges with vis-network and lays them out once; then nothing moves by itself.
class NetworkView {
  constructor(container, data, onChoice) {
    this.data = data;
    this.drawn = "";
    this.positions = {};
    this.isRegulator = new Set(data.regulators);
    const style = getComputedStyle(document.documentElement);
    this.colours = {
      activation: style.getPropertyValue("--activation").trim(),
      repression: style.getPropertyValue("--repression").trim(),
    };
    this.network = new vis.Network(container, {nodes: [], edges: []}, {
      autoResize: true,
      layout: {randomSeed: 1, improvedLayout: false},
      physics: false,
      interaction: {
        keyboard: {enabled: true, bindToWindow: false},
        zoomView: false,
        hover: false,
        multiselect: false,
        hideEdgesOnZoom: false,
      },
      nodes: {borderWidth: 1, font: {size: 15, face: "sans-serif", color: "#111", strokeWidth: 3, strokeColor: "#fff"}},
    });
    this.network.on("click", (event) => onChoice(event.nodes.length ? event.nodes[0] : null));
    const frame = container.querySelector(".vis-network");
    frame.setAttribute("role", "application");
    frame.setAttribute("aria-label", "Drawing of the network; the table of edges holds the same in text");
    // The wheel scrolls the page until the drawing is chosen.
    frame.addEventListener("focusin", () => this.network.setOptions({interaction: {zoomView: true}}));
    frame.addEventListener("focusout", () => this.network.setOptions({interaction: {zoomView: false}}));
  }

  show(rows) {
    const key = rows.join(",");
    if (key === this.drawn) return;
    this.drawn = key;
    this.wanted = null;
    Object.assign(this.positions, this.network.getPositions());
    const {degree, nodes} = this.nodesOf(rows);
    const strongest = Math.max(...rows.map((row) => this.data.importance[row] || 0), 1e-12);
    const curved = rows.length <= 400;
    const edges = rows.map((row) => this.edgeOf(row, strongest, curved));
    this.network.setData({nodes, edges});
    this.network.setOptions({interaction: {hideEdgesOnDrag: rows.length > 600}});
    this.nNodes = degree.size;
    this.layOut(degree.size);
  }

  nodesOf(rows) {
    const degree = new Map();
    for (const row of rows)
      for (const gene of [this.data.source[row], this.data.target[row]])
        degree.set(gene, (degree.get(gene) || 0) + 1);
    const everyLabel = degree.size <= 300;
    const nodes = [...degree].map(([gene, n]) => {
      const regulator = this.isRegulator.has(gene);
      const fill = regulator ? "#333333" : "#f0f0f0";
      const chosen = {background: "#e69f00", border: "#111111"};
      return {
        id: gene,
        label: everyLabel || regulator ? this.data.genes[gene] : undefined,
        font: {size: regulator ? 21 : 16},
        shape: regulator ? "diamond" : "dot",
        size: 6 + 2.5 * Math.sqrt(n),
        color: {background: fill, border: "#555555", highlight: chosen},
        ...(this.positions[gene] || {}),
      };
    });
    return {degree, nodes};
  }

  edgeOf(row, strongest, curved) {
    const activates = this.data.weight[row] >= 0;
    const colour = activates ? this.colours.activation : this.colours.repression;
    return {
      id: row,
      from: this.data.source[row],
      to: this.data.target[row],
      arrows: {to: {enabled: true, type: activates ? "arrow" : "bar", scaleFactor: activates ? 0.6 : 0.7}},
      dashes: activates ? false : [7, 5],
      color: {color: colour, highlight: colour},
      width: 0.8 + 3 * (this.data.importance[row] || 0) / strongest,
      smooth: curved ? {enabled: true, type: "curvedCW", roundness: 0.12} : false,
    };
  }

  layOut(n) {
    const physics = {
      enabled: true,
      solver: "forceAtlas2Based",
      forceAtlas2Based: {gravitationalConstant: -45, centralGravity: 0.04, springLength: 45, avoidOverlap: 0.3},
      stabilization: {enabled: true, iterations: 150, fit: true},
      minVelocity: 1.5,
    };
    this.network.setOptions({physics});
    this.network.once("stabilizationIterationsDone", () => {
      this.network.setOptions({physics: false});
      this.network.fit();
      if (this.wanted !== null) this.focus(this.wanted);
    });
    this.network.stabilize(n > 400 ? 60 : 150);
  }

  choose(gene) {
    const there = gene !== null && this.network.getPositions()[gene] !== undefined;
    this.network.selectNodes(there ? [gene] : []);
    return there;
  }

  focus(gene) {
    this.wanted = gene;
    if (this.choose(gene)) this.network.focus(gene, {scale: Math.max(1, this.network.getScale())});
  }

  zoom(factor) {
    this.network.moveTo({scale: this.network.getScale() * factor});
  }

  fit() {
    this.network.fit();
  }
}
