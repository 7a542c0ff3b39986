"use strict";

// Everything can be read without this script: it filters, and copies.

const plural = (count, word, ending = "s") => `${count} ${word}${count === 1 ? "" : ending}`;

// "step keep" finds what has both words; "step, gradient" finds what has either.
function matches(text, search) {
  const alternatives = search.toLowerCase().split(",").map((part) => part.split(/\s+/).filter(Boolean));
  const asked = alternatives.filter((words) => words.length);
  return !asked.length || asked.some((words) => words.every((word) => text.includes(word)));
}

// How many are shown; where none is, why.
function found(shown, hidden, all) {
  if (shown) return `${shown} of ${plural(all, "invariant")}`;
  if (hidden) return `${plural(hidden, "match", "es")} among the statuses that are not shown`;
  return "no invariant matches";
}

function filters() {
  const form = document.querySelector(".filters");
  if (!form) return;
  const rows = [...document.querySelectorAll("tr[data-statuses]")];
  const groups = [...document.querySelectorAll("table.matrix tbody")];
  const search = form.querySelector("input[type=search]");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const reset = form.querySelector("button");
  const show = () => {
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0, matching = 0;
    for (const row of rows) {
      const match = matches(row.dataset.text.toLowerCase(), search.value);
      const asked = row.dataset.statuses.split("|").some((status) => wanted.has(status));
      row.hidden = !(match && asked);
      matching += match;
      shown += !row.hidden;
    }
    for (const group of groups) group.hidden = ![...group.querySelectorAll("tr[data-statuses]")].some((row) => !row.hidden);
    form.querySelector("output").value = found(shown, matching - shown, rows.length);
    reset.hidden = shown === rows.length;
  };
  const showAll = () => {
    search.value = "";
    for (const box of boxes) box.checked = true;
    show();
  };
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  reset.addEventListener("click", () => { showAll(); search.focus(); });
  // A link to a row that is filtered away shows it again.
  window.addEventListener("hashchange", () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!row || !row.hidden) return;
    showAll();
    row.scrollIntoView();
  });
  show();
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function select(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

function copyButtons() {
  for (const block of document.querySelectorAll(".copyable")) {
    const button = document.createElement("button");
    const code = block.querySelector("pre");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${block.dataset.what}`);
    button.addEventListener("click", async () => {
      // Where the browser forbids copying, the text is selected, for the keyboard to copy.
      const done = await copy(code.textContent);
      if (!done) select(code);
      button.textContent = done ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    block.append(button);
  }
}

filters();
copyButtons();
