// What the service works with: store, pin, UNGAR, Tunix, remotes.

import { h, section } from "./dom.js";
import { counted, number, time } from "./words.js";

/** The panel of an answer of /api/status. */
export function statusPanel(status) {
  const waits = status.as_of < 0;
  return section(
    "What it works with",
    { class: "status" },
    h(
      "dl",
      { class: "parts" },
      waits ? part("Store", "wait", "Looking…") : store(status.store),
      waits ? part("Pin", "wait", "Looking…") : pin(status.pin),
      waits ? part("UNGAR", "wait", "Looking…") : installed("UNGAR", status.ungar, "to record new games"),
      waits ? part("Tunix", "wait", "Looking…") : installed("Tunix", status.tunix, "to train on what is exported"),
      waits ? part("Remote", "wait", "Looking…") : remote(status.remotes),
    ),
  );
}

function part(name, kind, state, ...more) {
  const notes = more.flat().filter(Boolean).map((one) => (one instanceof Node ? one : h("span", {}, one)));
  return h(
    "div",
    { class: "part" },
    h("dt", {}, name),
    h("dd", {}, h("span", { class: `state ${kind}` }, state), notes.map((note) => h("span", { class: "detail" }, note))),
  );
}

function store(held) {
  if (!held.available) return part("Store", "bad", "Not Readable", held.error);
  const kind = { sqlite: "SQLite", postgresql: "PostgreSQL" }[held.kind] ?? held.kind;
  const empty = held.rows === 0 && ["Fill it: ", h("code", {}, "traces ingest"), " or ", h("code", {}, "traces record")];
  return part("Store", held.rows ? "good" : "wait", kind, empty ? h("span", {}, empty) : counted(held.rows, "trace"));
}

function pin(held) {
  const since = held.as_of && `as of ${time(held.as_of)}`;
  const again = h("span", {}, h("code", {}, "traces pin"), " takes them in");
  if (held.state === "fresh") return part("Pin", "good", "Up to Date", since);
  if (held.state === "behind") return part("Pin", "wait", "Behind", held.behind ? `${counted(held.behind, "trace")} came since` : held.why, again);
  if (held.state === "unknown") return part("Pin", "wait", "Unknown", "the store could not be asked");
  return part("Pin", "bad", held.state === "broken" ? "Broken" : "Unusable", held.why);
}

function installed(name, held, what) {
  if (held.available) return part(name, "good", "Installed", held.version);
  return part(name, "wait", "Not Installed", what, held.install && h("code", { class: "line" }, held.install));
}

function remote(held) {
  if (!held.length) return part("Remote", "wait", "None", h("span", {}, h("code", {}, "dvc remote add"), " names one"));
  const chosen = held.find((one) => one.default);
  const shown = held.map((one) => `${one.name} (${one.kind})`).join(", ");
  if (chosen) return part("Remote", "good", chosen.name, `${chosen.kind}${held.length > 1 ? `, of ${number(held.length)}` : ""}`);
  return part("Remote", "wait", "No Default", shown, h("span", {}, h("code", {}, "dvc remote default NAME"), " takes one"));
}
