/** Keeps the page as it would be if it were loaded now, without taking the focus or what somebody is typing. */

import { follow } from "botserver/events.js";

const live = document.querySelector("#live");
let isDue = false;

async function renew() {
  if (live.contains(document.activeElement) && document.activeElement.matches("input, select")) {
    isDue = true; // somebody is typing
    return;
  }
  isDue = false;
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#live");
  const focused = document.activeElement?.id;
  const open = [...live.querySelectorAll("details[open]")].map((it) => it.id);
  live.replaceChildren(...fresh.childNodes);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

live.addEventListener("focusout", () => isDue && setTimeout(renew));
follow("/workflows/events", { changed: renew, missed: renew }, live.dataset.since);
