// The datasets that there are: counts, hashes, downloads; and two of them to compare.

import { h, section } from "./dom.js";
import { downloadLink } from "./download.js";
import { choiceField } from "./fields.js";
import { counted, number, time } from "./words.js";

const SPLITS = ["train", "validation", "test"];

export function datasetList(datasets) {
  const none = h("p", { class: "empty" }, "There is no dataset yet. Build one with the form here, or run ", h("code", {}, "make repro"), " in the repository and commit what it made.");
  return section(
    "Datasets",
    { class: "list" },
    datasets.length ? h("p", { class: "note" }, `${counted(datasets.length, "dataset")} of the repository’s branches, tags and experiments. Download a format as JSON Lines, or look at a dataset for single splits.`) : none,
    datasets.map(entry),
    datasets.length > 1 ? compare(datasets) : datasets.length === 1 && h("p", { class: "empty" }, "Build another one, and the two can be compared here."),
  );
}

function entry(held) {
  const address = `#/dataset/${encodeURIComponent(held.dataset_id)}`;
  const rows = Object.entries(held.exports).map(([format, records]) =>
    h(
      "li",
      {},
      downloadLink(held.dataset_id, format),
      h("span", { class: "counts" }, SPLITS.filter((split) => split in records).map((split) => h("span", {}, h("span", { class: `key ${split}` }), `${number(records[split])} ${split}`))),
      h("code", { class: "hash" }, held.hashes[format]),
    ));
  return h(
    "article",
    { class: "dataset" },
    h("h3", {}, h("a", { href: address }, held.dataset_id)),
    h("p", { class: "facts" }, `${counted(held.traces, "trace")} · as of ${time(held.exported_at)} · commit `, h("code", {}, held.commit.slice(0, 12)), held.names.length ? ` · ${held.names.slice(0, 3).join(", ")}${held.names.length > 3 ? ` and ${held.names.length - 3} more` : ""}` : ""),
    h("ul", { class: "formats" }, rows),
  );
}

/** Two choices and a way to what differs. */
function compare(datasets) {
  const options = datasets.map((held) => [held.dataset_id, held.dataset_id]);
  const [before, after] = [choiceField("Compare", null, options), choiceField("with", null, options)];
  after.input.selectedIndex = 1;
  const form = h("form", { class: "compare" }, before.element, after.element, h("button", {}, "What differs"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (before.input.value === after.input.value) {
      after.fail("Choose another one");
      after.input.focus();
    } else location.hash = `#/diff/${encodeURIComponent(before.input.value)}/${encodeURIComponent(after.input.value)}`;
  });
  return form;
}
