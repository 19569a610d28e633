"use strict";
const budgets = document.querySelector("#budgets");
const filters = document.querySelector("#filters");
const rows = [...document.querySelectorAll("#budgets tbody tr")];

const isOpen = (row) => row.querySelector("button").getAttribute("aria-expanded") === "true";

/* A test's name is muted in all of its rows that follow each other but the first. */
function group() {
  let above = null;
  for (const row of budgets.tBodies[0].querySelectorAll("tr[data-test]:not([hidden])")) {
    row.classList.toggle("again", row.dataset.test === above);
    above = row.dataset.test;
  }
}

/* Only rows that all filters let pass are shown, with their details. */
function filter() {
  const words = filters.elements.text.value.toLowerCase().split(/\s+/);
  const chosen = [...filters.querySelectorAll("select")].filter((select) => select.value);
  let shown = 0;
  for (const row of rows) {
    const text = `${row.title} ${row.textContent}`.toLowerCase();
    const fits = words.every((word) => text.includes(word)) &&
      chosen.every((select) => row.dataset[select.name] === select.value);
    row.hidden = !fits;
    if (row.detail) row.detail.hidden = !fits || !isOpen(row);
    shown += fits;
  }
  document.querySelector("#shown").value = `${shown} of ${rows.length} shown`;
  group();
}

/* Numbers are sorted as numbers, and what is unknown stands last either way. */
function sort(heading) {
  const falls = heading.getAttribute("aria-sort") === "ascending";
  const place = [...heading.parentNode.children].indexOf(heading);
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
  const key = (row) => {
    const { value } = row.cells[place].dataset;
    if (value === undefined) return row.cells[place].textContent;
    return value === "None" ? NaN : Number(value);
  };
  const keyed = rows.map((row) => [key(row), row]);
  keyed.sort(([one], [other]) => {
    if (typeof one === "string") return one.localeCompare(other) * (falls ? -1 : 1);
    if (isNaN(one) || isNaN(other)) return isNaN(one) - isNaN(other);
    return (one - other) * (falls ? -1 : 1);
  });
  for (const [, row] of keyed) budgets.tBodies[0].append(row, ...(row.detail ? [row.detail] : []));
  group();
}

/* What tests show when they are opened; null until it is unpacked, in the background. */
let details = null;
const unpacked = (async () => {
  const packed = atob(document.querySelector("#details").textContent);
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  details = JSON.parse(await new Response(stream).text());
})();

/* The details of a test, made when they are first opened. */
function show(row, opens) {
  row.querySelector("button").setAttribute("aria-expanded", opens);
  if (opens && !row.detail) {
    const section = document.createElement("section");
    section.setAttribute("aria-label", `Details of ${row.title}`);
    section.innerHTML = details.tests[row.dataset.test];
    for (const slot of section.querySelectorAll("[data-model]")) {
      slot.innerHTML = details.models[slot.dataset.model];
    }
    row.detail = document.createElement("tr");
    row.detail.className = "detail";
    row.detail.insertCell().colSpan = row.cells.length;
    row.detail.cells[0].append(section);
    row.after(row.detail);
    section.querySelectorAll(".chart").forEach(draw);
  }
  if (row.detail) row.detail.hidden = !opens;
}

/* On paper the details of every failing test stand once, under the first of its rows. */
function openFailing() {
  const seen = new Set();
  for (const row of details ? rows : []) {
    const fails = ["fail", "error"].includes(row.dataset.verdict) && !row.hidden;
    if (fails && !seen.has(row.dataset.test)) show(row, true);
    if (fails) seen.add(row.dataset.test);
  }
}

if (budgets) {
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  budgets.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (button.closest("thead")) sort(button.closest("th"));
    else unpacked.then(() => show(button.closest("tr"), !isOpen(button.closest("tr"))));
  });
  filter();
}
