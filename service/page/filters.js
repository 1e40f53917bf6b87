// Filters: the games that the store has, a source, and any other key with its value.

import { h, newId } from "./dom.js";
import { boxesField, mark, mended, textField } from "./fields.js";
import { list, quoted, value } from "./typed.js";
import { number } from "./words.js";

export function filterFields(games) {
  const known = Object.entries(games ?? {}).filter(([name]) => name !== "(none)");
  const game = known.length
    ? boxesField("Games", "None ticked takes all.", known.map(([name, count]) => [name, name, number(count)]))
    : textField("Game", "Empty takes all. Several, with commas between, are any of these.", { name: "game" });
  const source = textField("Source", "Where traces come from, as ungar. Empty takes all.", { name: "source" });
  const listed = h("div", { class: "rows" });
  const rows = [];
  const add = h("button", { type: "button", onclick: () => addRow(rows, listed, add, true) }, "Add a filter");
  const title = newId("more");
  const more = h(
    "div",
    { class: "field", role: "group", "aria-labelledby": title },
    h("p", { class: "label", id: title }, "More filters"),
    h("p", { class: "hint" }, "A key of the traces’ metadata, and what it must be: ", h("code", {}, "win"), ", ", h("code", {}, "win, tie"), " for any of these, ", h("code", {}, "10..20"), " from and to, ", h("code", {}, '"10"'), " for a text."),
    listed,
    add,
  );
  return {
    elements: [game.element, source.element, more],
    read: () => {
      const found = {};
      const chosen = known.length ? game.values() : list(game.input.value);
      if (chosen.length) found.game = chosen.length === 1 ? chosen[0] : chosen;
      if (source.input.value.trim()) found.source = quoted(source.input.value.trim());
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

function addRow(rows, listed, add, focus) {
  const [keyId, valueId, errorId] = [newId("key"), newId("value"), newId("error")];
  const error = h("p", { class: "error", id: errorId, hidden: true });
  const key = h("input", { type: "text", id: keyId, autocomplete: "off", spellcheck: "false" });
  const held = h("input", { type: "text", id: valueId, autocomplete: "off", spellcheck: "false" });
  const row = { key, value: held, input: key };
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
  row.fail = mended(element, (message) => mark(key, error, null, message));
  rows.push(row);
  listed.append(element);
  if (focus) key.focus();
}
