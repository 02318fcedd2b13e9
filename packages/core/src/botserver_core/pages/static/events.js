/** Watching the server: events of one address, for as long as the page is open. */

const FIRST_DELAY = 1000;
const LONGEST_DELAY = 30000;

/**
 * Calls `handlers[name](data)` for each event of that name. `handlers.missed()` is called when events were lost, and
 * has to ask for the whole state; without it the page is loaded again.
 *
 * A cut connection is taken up again, with the id of the last event, after 1, 2, 4 … 30 seconds. Elements with the
 * attribute `data-live` tell it: their `data-live` is "on" or "off". `since` is the id that the page was made at, from
 * `feed.last_id`, so that nothing is lost in between. Returns a function that ends it.
 */
export function follow(url, handlers, since = "") {
  let lastId = since;
  let delay = FIRST_DELAY;
  let source = null;
  let timer = 0;

  const missed = handlers.missed ?? (() => location.reload());

  function open() {
    const address = new URL(url, location.href);
    if (lastId) address.searchParams.set("last-event-id", lastId);
    source = new EventSource(address);
    source.addEventListener("open", () => {
      delay = FIRST_DELAY;
      tell("on");
    });
    // The browser would try again by itself, but not after an answer such as 503.
    source.addEventListener("error", () => {
      source.close();
      tell("off");
      timer = setTimeout(open, delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, LONGEST_DELAY);
    });
    for (const [name, handle] of Object.entries({ ...handlers, missed })) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId) lastId = event.lastEventId;
        handle(event.data ? JSON.parse(event.data) : null);
      });
    }
  }

  function close() {
    clearTimeout(timer);
    source?.close();
  }

  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
  return close;
}

function tell(state) {
  for (const element of document.querySelectorAll("[data-live]")) element.dataset.live = state;
}
