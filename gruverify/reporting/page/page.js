"use strict";

// Everything can be read without this script: it filters, and copies.

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function filters() {
  const form = document.querySelector(".filters");
  if (!form) return;
  const rows = [...document.querySelectorAll("tr[data-statuses]")];
  const groups = [...document.querySelectorAll("table.matrix tbody")];
  const show = () => {
    const words = form.querySelector("input[type=search]").value.toLowerCase().split(/\s+/);
    const wanted = new Set([...form.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value));
    for (const row of rows) {
      const text = row.dataset.text.toLowerCase();
      const asked = row.dataset.statuses.split("|").some((status) => wanted.has(status));
      row.hidden = !(asked && words.every((word) => text.includes(word)));
    }
    for (const group of groups) group.hidden = ![...group.querySelectorAll("tr[data-statuses]")].some((row) => !row.hidden);
    const shown = rows.filter((row) => !row.hidden).length;
    form.querySelector("output").value = `${shown} of ${plural(rows.length, "invariant")}`;
  };
  form.hidden = false;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  // A link to a row that is filtered away shows it again.
  window.addEventListener("hashchange", () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!row || !row.hidden) return;
    form.querySelector("input[type=search]").value = "";
    for (const box of form.querySelectorAll("input[type=checkbox]")) box.checked = true;
    show();
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
