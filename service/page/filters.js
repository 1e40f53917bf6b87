// Filters: the games that the store has, a source, and any other key with its value.

import { h, newId } from "./dom.js";
import { boxesField, mark, textField } from "./fields.js";
import { number } from "./words.js";

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

export function filterFields(games) {
  const known = Object.entries(games ?? {}).filter(([name]) => name !== "(none)");
  const game = known.length
    ? boxesField("Games", "None ticked takes all.", known.map(([name, count]) => [name, name, number(count)]))
    : textField("Game", "Empty takes all. Several, with commas between, are any of these.", { name: "game" });
  const source = textField("Source", "Where traces come from, as ungar. Empty takes all.", { name: "source" });
  const list = h("div", { class: "rows" });
  const rows = [];
  const add = h("button", { type: "button", onclick: () => addRow(rows, list, add, true) }, "Add a filter");
  const title = newId("more");
  const more = h(
    "div",
    { class: "field", role: "group", "aria-labelledby": title },
    h("p", { class: "label", id: title }, "More filters"),
    h("p", { class: "hint" }, "A key of the traces’ metadata, and what it must be: ", h("code", {}, "win"), ", ", h("code", {}, "win, tie"), " for any of these, ", h("code", {}, "10..20"), " from and to, ", h("code", {}, '"10"'), " for a text."),
    list,
    add,
  );
  return {
    elements: [game.element, source.element, more],
    read: () => {
      const found = {};
      const chosen = known.length ? game.values() : split(game.input.value);
      if (chosen.length) found.game = chosen.length === 1 ? chosen[0] : chosen;
      if (source.input.value.trim()) found.source = one(source.input.value.trim(), true);
      for (const row of rows) if (row.key.value.trim() || row.value.value.trim()) found[row.key.value.trim()] = value(row.value.value);
      return found;
    },
    clear: () => [game, source, ...rows].forEach((held) => held.fail(null)),
    /** The field that a fault at filters.KEY is about. */
    find: (key) => {
      const row = rows.find((held) => held.key.value.trim() === key);
      return row ?? (key === "game" ? game : key === "source" ? source : (rows[0] ?? source));
    },
  };
}

function addRow(rows, list, add, focus) {
  const [keyId, valueId, errorId] = [newId("key"), newId("value"), newId("error")];
  const error = h("p", { class: "error", id: errorId, hidden: true });
  const key = h("input", { type: "text", id: keyId, autocomplete: "off", spellcheck: "false" });
  const held = h("input", { type: "text", id: valueId, autocomplete: "off", spellcheck: "false" });
  const row = { key, value: held, input: key, fail: (message) => mark(key, error, null, message) };
  const away = h("button", { type: "button", class: "quiet", "aria-label": "Remove this filter", onclick: () => {
    rows.splice(rows.indexOf(row), 1);
    element.remove();
    add.focus();
  } }, "Remove");
  const element = h(
    "div",
    { class: "row", role: "group", "aria-label": "A filter" },
    h("div", {}, h("label", { for: keyId }, "Key"), key),
    h("div", {}, h("label", { for: valueId }, "Value"), held),
    away,
    error,
  );
  rows.push(row);
  list.append(element);
  if (focus) key.focus();
}

/** What a person typed as a filter's value: a number, true or false, a text, a list of these, or a range. */
export function value(text) {
  const range = /^\s*([^\s,"]*?)\s*\.\.\s*([^\s,"]*?)\s*$/.exec(text);
  if (range && (range[1] || range[2])) {
    return Object.fromEntries([["min", range[1]], ["max", range[2]]].filter(([, end]) => end).map(([name, end]) => [name, one(end)]));
  }
  const parts = split(text).map((part) => one(part));
  return parts.length > 1 ? parts : (parts[0] ?? "");
}

/** The parts between commas; a comma in quotes is none. */
function split(text) {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? []).map((part) => part.trim()).filter(Boolean);
}

function one(text, isText = false) {
  if (/^".*"$/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  if (isText) return text;
  if (text === "true" || text === "false") return text === "true";
  // A number that this page could not write down again stays what was typed.
  return NUMBER.test(text) && (!/^-?\d+$/.test(text) || Number.isSafeInteger(Number(text))) ? Number(text) : text;
}
