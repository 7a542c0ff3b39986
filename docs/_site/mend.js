"use strict";

// What the theme leaves to be said to a screen reader, and to those who have no mouse.

function name(selector, label) {
  for (const found of document.querySelectorAll(`${selector}:not([aria-label])`)) found.setAttribute("aria-label", label);
}

function mend() {
  name(".md-search[role=dialog]", "Search");
  document.querySelectorAll("nav.md-code__nav").forEach((found, i) => {
    if (!found.hasAttribute("aria-label")) found.setAttribute("aria-label", `Code ${i + 1}`);
  });
  // A section with a page of its own is named by an empty label: its title says more.
  for (const part of document.querySelectorAll("nav.md-nav[aria-labelledby]")) {
    const title = part.querySelector(":scope > .md-nav__title");
    if (!title) continue;
    part.removeAttribute("aria-labelledby");
    part.setAttribute("aria-label", title.textContent.trim());
  }
  // What scrolls can be reached by keyboard.
  for (const part of document.querySelectorAll(".md-typeset pre > code, .md-typeset__scrollwrap")) {
    if (!part.hasAttribute("tabindex")) part.setAttribute("tabindex", "0");
  }
}

new MutationObserver(mend).observe(document.documentElement, { childList: true, subtree: true });
mend();
