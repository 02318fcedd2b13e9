/** Keeps the overview as the server tells it. */

import { follow } from "botserver/events.js";

follow("/health/events", {
  health({ ready, services }) {
    document.querySelector("#state").textContent = ready
      ? "Everything here can work."
      : "Not everything here can work.";
    for (const service of services) show(service);
  },
});

function show({ name, ready, trouble }) {
  const card = document.querySelector(`[data-service="${CSS.escape(name)}"]`);
  if (!card) return;
  const badge = card.querySelector(".badge");
  badge.textContent = ready ? "ready" : "in trouble";
  badge.className = `badge ${ready ? "good" : "bad"}`;
  const text = card.querySelector(".trouble");
  text.textContent = trouble;
  text.hidden = ready;
}
