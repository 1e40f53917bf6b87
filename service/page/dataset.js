// One dataset: what is in it, what it was made of, and its files with their hashes.

import { ask, datasetPath, get, isOpen, token } from "./api.js";
import { alertBox, h, section, table } from "./dom.js";
import { downloadLink, fileLink, save } from "./download.js";
import { choiceField } from "./fields.js";
import { counted, number, said, size, time, total } from "./words.js";

const SPLITS = ["train", "validation", "test"];

export async function showDataset(main, id, signal) {
  const [manifest, { datasets }] = await Promise.all([get(datasetPath(id), { signal }), get("api/datasets", { signal })]);
  const commit = datasets.find((held) => held.dataset_id === id)?.commit ?? "";
  main.replaceChildren(
    h(
      "header",
      { class: "head" },
      h("p", { class: "kicker" }, "Dataset"),
      h("h1", {}, id),
      h("p", { class: "lead" }, `${counted(manifest.counts.selected, "trace")} of ${number(manifest.counts.read)} in the store, as of ${time(manifest.exported_at)}.`),
      reportLink(id),
    ),
    records(id, manifest),
    files(id),
    h("div", { class: "pair" }, way(manifest), request(manifest)),
    lineage(manifest, commit, id),
    compare(id, datasets),
  );
}

/** The report is made when it is first asked for, which takes a while: it is asked for here, so that this can be said. */
function reportLink(id) {
  const address = `datasets/${encodeURIComponent(id)}/report`;
  const told = h("span", { class: "muted", role: "status" }, "Drawings, samples and lineage on one page.");
  const failed = h("div", {});
  const link = h("a", { class: "button main", href: address }, "Open the report");
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    if (link.getAttribute("aria-disabled")) return;
    link.setAttribute("aria-disabled", "true");
    failed.replaceChildren();
    told.textContent = "Being made, which takes some seconds the first time…";
    try {
      const response = await ask(address);
      const open = !token() || (await isOpen());
      if (open) location.assign(address);
      else await save(response, `${id}.html`);
      told.textContent = open ? "" : "Saved as a file: this service shows it to no one without the token.";
    } catch (error) {
      told.textContent = "";
      failed.replaceChildren(alertBox(error.message));
    } finally {
      link.removeAttribute("aria-disabled");
    }
  });
  return h("div", {}, h("p", { class: "actions" }, link, told), failed);
}

function records(id, manifest) {
  const splits = SPLITS.filter((split) => split in manifest.splits);
  const rows = Object.entries(manifest.exports).map(([format, held]) => [
    downloadLink(id, format),
    ...splits.map((split) => (held.records[split] ? downloadLink(id, format, split, number(held.records[split])) : "0")),
    number(total(held.records)),
    size(held.size),
    h("code", { class: "hash" }, held.md5),
  ]);
  const columns = [["format"], ...splits.map((split) => [split, "n"]), ["all", "n"], ["size", "n"], ["md5 of the folder"]];
  return section(
    "Records",
    {},
    h("p", { class: "note" }, "Each format and each number is a download of JSON Lines, byte for byte as exported."),
    table("Records by format and split", columns, rows),
  );
}

/** The files, which are looked up only when somebody wants to see them. */
function files(id) {
  const held = h("div", {});
  const details = h("details", {}, h("summary", {}, "Files, to check a download against"), held);
  details.addEventListener("toggle", async () => {
    if (!details.open || held.childNodes.length) return;
    held.replaceChildren(h("p", { class: "note", role: "status" }, "Looking…"));
    try {
      const { formats } = await get(datasetPath(id, "files"));
      const rows = Object.entries(formats).flatMap(([format, one]) =>
        one.files.map((file) => [file.name, format, size(file.size), h("code", { class: "hash" }, file.md5)]));
      held.replaceChildren(
        h("p", { class: "note" }, "A download is these files laid end to end, in this order."),
        table("Files by format", [["file"], ["format"], ["size", "n"], ["md5"]], rows),
      );
    } catch (error) {
      held.replaceChildren(alertBox(error.message));
    }
  });
  return details;
}

const LEFT_OUT = {
  quarantined: "no valid trace", filtered: "filtered", excluded: "excluded by hand", rejected: "rejected: control tokens",
  too_short: "too short", too_long: "too long", unscored: "without a score", low_score: "a low score", unlisted: "not in a quota",
  contaminated: "overlap with an evaluation set", sensitive: "hold a secret or an address", deduplicated: "duplicates", over_limit: "over the limit",
};

function way(manifest) {
  const { counts } = manifest;
  const lost = Object.entries(LEFT_OUT).filter(([key]) => counts[key]).map(([key, name]) => [`− ${name}`, number(counts[key])]);
  return section(
    "From the store",
    {},
    table("Traces from the store to the dataset", [["", ""], ["traces", "n"]], [["read", number(counts.read)], ...lost, ["selected", number(counts.selected)], ...Object.entries(manifest.splits).map(([split, count]) => [split, number(count)])]),
  );
}

function request(manifest) {
  const { selection, split, template } = manifest;
  const filters = Object.entries(manifest.filters).filter(([, held]) => held !== null).map(([key, held]) => [`filter ${key}`, said(held)]);
  const rows = [
    ...(filters.length ? filters : [["filters", "none"]]),
    ["strategy", selection.strategy],
    ...["limit", "seed"].filter((key) => selection[key] !== null).map((key) => [key, String(selection[key])]),
    ...(selection.stratify?.by?.length ? [["equal shares by", said(selection.stratify.by)]] : []),
    ["duplicates", selection.dedup],
    ["validation, test", `${split.validation}, ${split.test}`],
    ["split by", said(split.group_by)],
    ["template", template.name],
  ];
  return section("What was asked for", {}, table("Params that shaped it", [["param"], ["value"]], rows));
}

function lineage(manifest, commit, id) {
  const rows = Object.entries(manifest.artefacts).map(([path, held]) => [path, size(held.size), h("code", { class: "hash" }, held.md5)]);
  const libraries = Object.entries(manifest.libraries ?? {}).map(([name, held]) => [name, said(held)]);
  return section(
    "What it was made of",
    {},
    h("p", { class: "note" }, `${counted(manifest.pin.rows, "row")} of a ${manifest.pin.store} store, pinned. In commit `, h("code", {}, commit.slice(0, 12)), "; ", h("code", {}, "traces verify"), " proves the hashes. All of it: ", fileLink(datasetPath(id), `${id}.json`, "the manifest"), "."),
    h("details", {}, h("summary", {}, "Artefacts and their hashes"), table("Artefacts", [["path"], ["size", "n"], ["md5"]], rows)),
    libraries.length > 0 && h("details", {}, h("summary", {}, "Libraries"), table("Libraries", [["library"], ["version"]], libraries)),
  );
}

function compare(id, datasets) {
  const others = datasets.filter((held) => held.dataset_id !== id).map((held) => [held.dataset_id, held.dataset_id]);
  if (!others.length) return section("Compare it", {}, h("p", { class: "empty" }, "There is no other dataset yet. ", h("a", { href: "#/build" }, "Build one"), ", and the two can be compared."));
  const other = choiceField("Compare it with", null, others);
  const form = h("form", { class: "compare" }, other.element, h("button", {}, "What differs"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = `#/diff/${encodeURIComponent(id)}/${encodeURIComponent(other.input.value)}`;
  });
  return section("Compare it", {}, form);
}
