/** Finds operations by their words, and opens the one that the address names. */

const operations = [...document.querySelectorAll("details[data-text]")];
const filter = document.querySelector("#filter");

function narrow() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const operation of operations) {
    operation.hidden = !words.every((word) => operation.dataset.text.includes(word));
    count += operation.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("details:not([hidden])");
  }
  document.querySelector("#found").textContent = words.length ? `${count} of ${operations.length} operations` : "";
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named?.matches("details")) {
    named.open = true;
    named.scrollIntoView();
  }
}

document.querySelector("#search").hidden = false;
filter.addEventListener("input", narrow);
addEventListener("hashchange", openNamed);
openNamed();
