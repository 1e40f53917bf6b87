// What differs between two datasets, and why.

import { datasetPath, get } from "./api.js";
import { h, section, table } from "./dom.js";
import { number, total } from "./words.js";

const KINDS = ["added", "removed", "changed", "same"];

export async function showDifference(main, before, after, signal) {
  const head = h(
    "header",
    { class: "head" },
    h("p", { class: "kicker" }, "What differs"),
    h("h1", { class: "versus" }, h("a", { href: link(before) }, before), " → ", h("a", { href: link(after) }, after)),
  );
  const waits = h("p", { class: "lead", role: "status" }, "Comparing record by record…");
  main.replaceChildren(head, waits);
  const found = await get(datasetPath(before, "diff", after), { signal });
  const equal = found.totals.same === total(found.totals);
  const swap = h("a", { href: `#/diff/${encodeURIComponent(after)}/${encodeURIComponent(before)}` }, "The other way round");
  head.append(h("p", { class: "lead" }, equal ? "Every record is the same. " : "Records by what became of them. ", swap));
  main.replaceChildren(head, totals(found), why(found, equal), groups(found, equal), ...fields(found));
}

function link(id) {
  return `#/dataset/${encodeURIComponent(id)}`;
}

function totals(found) {
  return h("dl", { class: "totals" }, KINDS.map((kind) => h("div", { class: kind }, h("dt", {}, kind), h("dd", {}, number(found.totals[kind])))));
}

function why(found, equal) {
  const none = equal ? "Nothing differs in what they were made from." : "What they were made from does not tell: the same inputs, params and code.";
  return section(
    "Why",
    {},
    found.reasons.length ? h("ul", { class: "reasons" }, found.reasons.map((one) => h("li", {}, h("code", {}, one)))) : h("p", { class: "empty" }, none),
  );
}

function groups(found, equal) {
  const differ = found.groups.filter((group) => group.added + group.removed + group.changed);
  const rows = differ.map((group) => [group.format_name, group.split, group.source, group.game, ...KINDS.map((kind) => number(group[kind]))]);
  const columns = [["format"], ["split"], ["source"], ["game"], ...KINDS.map((kind) => [kind, "n"])];
  return section("Where", {}, equal ? h("p", { class: "empty" }, "In no format, split, source or game.") : table("Records by format, split, source and game", columns, rows));
}

function fields(found) {
  const rows = Object.entries(found.fields).flatMap(([format, counts]) => Object.entries(counts).map(([name, count]) => [format, name, number(count)]));
  return rows.length ? [section("In which fields", {}, table("Changed records by field", [["format"], ["field"], ["records", "n"]], rows))] : [];
}
