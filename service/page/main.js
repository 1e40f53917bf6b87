// Which view is shown: by the address behind the `#`.

import { get, token } from "./api.js";
import { tokenGate } from "./access.js";
import { alertBox, h } from "./dom.js";
import { showDataset } from "./dataset.js";
import { showDifference } from "./difference.js";
import { showHome } from "./home.js";

const main = document.querySelector("#main");
let shown = new AbortController();

function route() {
  const [, view = "", ...rest] = location.hash.split("/");
  const parts = rest.map(decodeURIComponent);
  if (view === "dataset" && parts.length === 1) return (signal) => showDataset(main, parts[0], signal);
  if (view === "diff" && parts.length === 2) return (signal) => showDifference(main, parts[0], parts[1], signal);
  if (view === "build") return (signal) => showHome(main, signal, "build");
  if (view === "") return (signal) => showHome(main, signal);
  return () => main.replaceChildren(nothing());
}

function nothing() {
  return h("div", {}, h("h1", {}, "Nothing here"), h("p", {}, "This page has no such view. ", h("a", { href: "#/" }, "All datasets")));
}

/** Whether the view is there already: what was typed into its form stays. */
function isThere() {
  const form = main.querySelector("#build");
  if (!form || !["", "#/", "#/build"].includes(location.hash)) return false;
  const title = location.hash === "#/build" ? form.querySelector("h2") : main.querySelector("h1");
  title.setAttribute("tabindex", "-1");
  title.focus({ preventScroll: true });
  title.scrollIntoView();
  return true;
}

async function show(first = false) {
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  main.setAttribute("aria-busy", "true");
  try {
    // A service that others can reach asks for the token of who only reads, too.
    await get("api/status", { signal });
    if (!signal.aborted) await route()(signal);
  } catch (error) {
    if (signal.aborted) return;
    if (error.status === 401) main.replaceChildren(tokenGate(token() ? error.message : "", () => show()));
    else main.replaceChildren(failed(error));
  }
  if (signal.aborted) return;
  main.removeAttribute("aria-busy");
  document.title = [main.querySelector("h1")?.textContent, "trace-datasets"].filter(Boolean).join(" · ");
  if (!first && !main.contains(document.activeElement)) {
    // So that who listens hears where they are.
    const title = main.querySelector("h1");
    title?.setAttribute("tabindex", "-1");
    title?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }
}

function failed(error) {
  const again = h("button", { type: "button", onclick: () => show() }, "Try again");
  return h("div", {}, h("h1", {}, error.status === 404 ? "Not found" : "That did not work"), alertBox(error.message, h("p", { class: "actions" }, again, h("a", { href: "#/" }, "All datasets"))));
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => isThere() || show());
show(true);
