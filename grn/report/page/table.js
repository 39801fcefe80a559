// Lists edges with DataTables: sorted, searched and saved by its own controls.
async function edgeTable(element, data, onGene) {
  const text = atob(document.getElementById("table-module").textContent.trim());
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], {type: "text/javascript"}));
  const {jQuery} = await import(address);
  URL.revokeObjectURL(address);

  const escaped = (value) => {
    const span = document.createElement("span");
    span.textContent = value;
    return span.innerHTML;
  };
  const gene = (place, type) => {
    const name = data.genes[place];
    return type === "display" ? `<button type="button" class="gene" data-gene="${place}">${escaped(name)}</button>` : name;
  };
  const number = (value, type) => {
    if (type !== "display") return value;
    if (value === null || value === undefined) return "–";
    return Number.isInteger(value) ? String(value) : value.toPrecision(4);
  };
  const columns = [
    {title: "source", data: (row, type) => gene(data.source[row.edge], type)},
    {title: "target", data: (row, type) => gene(data.target[row.edge], type)},
    {title: "effect", data: (row) => effect(data.weight[row.edge])},
    ...data.columns.map((name) => ({
      title: escaped(name.replaceAll("_", " ")),
      className: "dt-right",
      type: "num",
      data: (row, type) => number(data[name][row.edge], type),
    })),
  ];
  if (data.groups.length > 1)
    columns.push({title: "group", data: (row, type) => {
      const name = data.groups[data.group[row.edge]];
      return type === "display" ? escaped(name) : name;
    }});
  // The CSV holds the names as they are, and what a spreadsheet would run as a formula as text.
  const table = jQuery(element).DataTable({
    columns,
    data: [],
    order: [],
    deferRender: true,
    pageLength: 25,
    lengthMenu: [10, 25, 100, 500],
    language: {search: "Search in the table:", emptyTable: "No edge passes the filters."},
    layout: {topStart: ["pageLength", "buttons"], topEnd: "search", bottomStart: "info", bottomEnd: "paging"},
    buttons: [{
      extend: "csvHtml5",
      text: "CSV",
      titleAttr: "Save what the table shows",
      filename: "edges",
      title: null,
      escapeExcelFormula: true,
      exportOptions: {orthogonal: "export", stripHtml: false, decodeEntities: false, trim: false},
    }],
  });
  element.addEventListener("click", (event) => {
    const button = event.target.closest("button.gene");
    if (button) onGene(Number(button.dataset.gene));
  });
  return {
    api: table,
    show(rows) {
      table.clear().rows.add(rows.map((edge) => ({edge}))).draw();
    },
  };
}

function effect(weight) {
  return weight > 0 ? "activates" : weight < 0 ? "represses" : "none";
}
