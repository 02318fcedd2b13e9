/** Keeps the page as the server tells it, and passes on what a person asks for. */

import { follow } from "botserver/events.js";

const TONES = { running: "good", stopped: "", exited: "bad" };
const list = document.querySelector("#apps");
const said = document.querySelector("#said");
const dialog = document.querySelector("#sure");

follow("/containers/events", {
  apps({ apps }) {
    const cards = new Map([...list.children].map((card) => [card.dataset.app, card]));
    // Cards come and go with their apps: the server makes them, so the page is loaded again.
    if (apps.length !== cards.size || apps.some(([name]) => !cards.has(name))) location.reload();
    for (const [name, app] of apps) if (cards.has(name)) show(cards.get(name), app);
  },
});

list.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-verb]");
  if (!button) return;
  const card = button.closest("[data-app]");
  const { verb } = button.dataset;
  if (verb === "logs") {
    const { logs } = await call("container.logs", { id: card.dataset.app, lines: 50 });
    fill(card, "log", logs || "It has written nothing.");
  } else if (verb === "uninstall") {
    ask(card);
  } else {
    await call(`package.${verb}`, { id: card.dataset.app });
  }
});

// Not on "close": that comes later, when the dialog may ask about something else already.
dialog.querySelector("form").addEventListener("submit", ({ submitter }) => {
  if (submitter.value === "yes") call("package.uninstall", { id: dialog.dataset.app });
});

async function call(method, params) {
  const token = document.cookie.match(/(?:^|; )csrf_token=([^;]*)/)?.[1] ?? "";
  const headers = { "content-type": "application/json", "x-csrf-token": token };
  try {
    const response = await fetch("/rpc/v1", { method: "POST", headers, body: JSON.stringify({ method, params }) });
    const { result, error } = await response.json();
    said.hidden = !error;
    said.className = "note bad";
    said.textContent = error?.message ?? "";
    return result ?? {};
  } catch {
    said.hidden = false;
    said.textContent = "The server does not answer.";
    return {};
  }
}

function ask(card) {
  document.querySelector("#question").textContent =
    `Uninstall ${card.querySelector("h2").textContent} with all its data?`;
  dialog.dataset.app = card.dataset.app;
  dialog.showModal();
}

function show(card, app) {
  const badge = card.querySelector('[data-field="state"]');
  badge.textContent = app.state;
  badge.className = `badge ${TONES[app.state] ?? "busy"}`;
  fill(card, "health", app.health);
  fill(card, "restarts", String(app.restarts));
  fill(card, "reason", app.reason ?? "");
  if (app.log) fill(card, "log", app.log);
  card.querySelector('[data-verb="start"]').disabled = app.state === "running";
  card.querySelector('[data-verb="stop"]').disabled = app.state === "stopped";
}

function fill(card, field, text) {
  const element = card.querySelector(`[data-field="${field}"]`);
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}
