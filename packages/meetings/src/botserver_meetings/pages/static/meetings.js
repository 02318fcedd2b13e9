/** Keeps the page as the server shows it: after each event the page is asked for again, and only what differs changes. */

import { follow } from "botserver/events.js";

const PAUSE = 150;
let waiting = 0;

follow("/meetings/events", { changed: refreshSoon, missed: refreshSoon });

function refreshSoon() {
  if (!waiting) waiting = setTimeout(refresh, PAUSE);
}

async function refresh() {
  waiting = 0;
  const answer = await fetch("/meetings/", { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const fresh of next.querySelectorAll("[data-part='cards']")) {
    const shown = document.getElementById(fresh.id);
    if (shown) takeOver(shown, fresh);
  }
  for (const fresh of next.querySelectorAll("[data-part='']")) {
    const shown = document.getElementById(fresh.id);
    if (!shown || shown.innerHTML === fresh.innerHTML) continue;
    // Whoever is about to press or write something here is not interrupted.
    if (shown.contains(document.activeElement) && shown.querySelector("form") && fresh.querySelector("form")) continue;
    shown.className = fresh.className;
    shown.innerHTML = fresh.innerHTML;
  }
}

/** The same cards in the same order; those that stay keep their elements, and with them focus and openness. */
function takeOver(shown, fresh) {
  const wanted = [...fresh.children];
  const names = new Set(wanted.map((card) => card.id));
  for (const card of [...shown.children]) if (!card.id || !names.has(card.id)) card.remove();
  wanted.forEach((card, place) => {
    const kept = card.id && [...shown.children].find((it) => it.id === card.id);
    if (!kept) shown.insertBefore(document.importNode(card, true), shown.children[place] ?? null);
  });
}
