// The form that builds a dataset. The service checks what is asked for; what it finds is said at its field.

import { tokenField } from "./access.js";
import { ApiError, post } from "./api.js";
import { alertBox, h, section } from "./dom.js";
import { boxesField, choiceField, textField } from "./fields.js";
import { filterFields } from "./filters.js";
import { splitFields } from "./split.js";
import { asNumber, list, pairs } from "./typed.js";
import { counted } from "./words.js";

export const STRATEGIES = [
  ["all", "all: every trace"],
  ["latest", "latest: the newest"],
  ["random", "random: drawn by the seed"],
  ["stratified", "stratified: equal shares, or quotas"],
  ["quality", "quality: the best by score"],
];
export const FORMATS = [
  ["tunix_sft", "tunix_sft", "text, and where learning begins"],
  ["tunix_grpo", "tunix_grpo", "prompt and answer, for rewards"],
  ["tunix_dpo", "tunix_dpo", "a better and a worse answer"],
  ["messages", "messages", "turns of a chat"],
  ["training_example", "training_example", "prompt and completion"],
  ["trace", "trace", "as stored"],
];
export const TEMPLATES = [["", "as in params.yaml"], ["gemma", "gemma"], ["llama3", "llama3"], ["qwen3", "qwen3"]];

/** The form. `begun` is called with the job that it made, or found made before. */
export function buildForm(status, begun) {
  const name = textField("Name", "Letters, digits, dot, _ and -", { name: "name" });
  const version = textField("Version", "The same, such as v1", { name: "version" });
  const filters = filterFields(status.store.games);
  const strategy = choiceField("Strategy", "Which of the traces that pass the filters.", STRATEGIES);
  const limit = textField("Limit", "At most so many. Not for all.", { name: "limit", inputmode: "numeric" });
  const seed = textField("Seed", "A whole number, for random and stratified.", { name: "seed", inputmode: "numeric" });
  const by = textField("Strata by", "Metadata keys, with commas between. The limit is shared equally among their values.", { name: "by" });
  const quotas = textField("Quotas", "In place of the limit, how many of each value of one key: war=100, high_card_duel=50", { name: "quotas" });
  const split = splitFields();
  const formats = boxesField("Formats", null, FORMATS, ["tunix_sft"]);
  const template = choiceField("Template", "The turns of which model family.", TEMPLATES);
  const token = tokenField();
  const fields = {
    name, version, strategy, limit, seed, stratify: by, "stratify.quotas": quotas, selection: strategy, formats, export: formats, template, token,
    ...split.fields,
  };
  const strata = h("div", { class: "columns" }, by.element, quotas.element);
  const told = h("div", {});
  const go = h("button", { class: "main" }, "Build");
  const form = h(
    "form",
    { novalidate: true, autocomplete: "off" },
    h("div", { class: "columns" }, name.element, version.element),
    h("div", { class: "columns filters" }, filters.elements),
    h("div", { class: "columns" }, strategy.element, limit.element, seed.element),
    strata,
    h("div", { class: "columns" }, split.elements),
    formats.element,
    h("div", { class: "columns" }, template.element, token.element),
    told,
    h("p", { class: "actions" }, go),
  );
  const showStrata = () => (strata.hidden = strategy.input.value !== "stratified");
  strategy.input.addEventListener("change", showStrata);
  showStrata();

  const read = () => {
    const asked = { filters: filters.read(), strategy: strategy.input.value };
    for (const [key, held] of [["name", name], ["version", version]]) if (held.input.value.trim()) asked[key] = held.input.value.trim();
    for (const [key, held] of [["limit", limit], ["seed", seed]]) {
      if (held.input.value.trim()) asked[key] = asNumber(held.input.value);
    }
    if (asked.strategy === "stratified") {
      asked.stratify = { by: list(by.input.value) };
      if (quotas.input.value.trim()) asked.stratify.quotas = readQuotas(quotas.input.value);
    }
    const splitAsked = split.read();
    if (Object.keys(splitAsked).length) asked.split = splitAsked;
    if (formats.values().length) asked.formats = formats.values();
    if (template.input.value) asked.template = template.input.value;
    return asked;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.hasAttribute("aria-disabled")) return;
    Object.values(fields).forEach((held) => held.fail(null));
    filters.clear();
    told.replaceChildren();
    go.setAttribute("aria-disabled", "true"); // disabled, it would lose the focus
    try {
      begun(await post("api/datasets/build", read()));
    } catch (error) {
      tell(error, fields, filters, told);
    } finally {
      go.removeAttribute("aria-disabled");
    }
  });

  const closed = !status.writes && h("p", { class: "note" }, "This service only shows datasets. Started with a secret in ", h("code", {}, "TRACES_SERVE_TOKEN"), " it builds them, too.");
  return section("Build a dataset", { id: "build", class: "build" }, closed || h("p", { class: "note" }, "What this form does not ask for is as in ", h("code", {}, "params.yaml"), ". The same again is the same dataset, byte for byte."), !closed && form);
}

/** The quotas; what cannot even be sent is told like what the service finds. */
function readQuotas(text) {
  try {
    return pairs(text);
  } catch ({ message }) {
    throw new ApiError(422, message, [{ loc: ["body", "stratify", "quotas"], msg: message }]);
  }
}

/** Put each fault at its field, and the focus at the first of them. */
function tell(error, fields, filters, told) {
  if (error.isAboutToken) {
    fields.token.fail(error.message);
    fields.token.input.focus();
    return;
  }
  const failed = [];
  const elsewhere = [];
  for (const { loc, msg } of error.faults ?? []) {
    const [, key, inner] = loc;
    const held = key === "filters" ? filters.find(inner) : fieldOf(fields, key, inner, msg);
    const message = key === "filters" && inner === "" ? "A key is needed" : said(msg, loc.at(-1));
    if (!held) elsewhere.push(message);
    // A value that may be of several types has a fault for each of them: one is enough.
    else if (!failed.includes(held)) {
      held.fail(message);
      failed.push(held);
    }
  }
  const inOrder = failed.sort((a, b) => (a.input.compareDocumentPosition(b.input) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
  if (inOrder.length) told.replaceChildren(alertBox(`${counted(inOrder.length, "field")} to mend; what is wrong is said there.`));
  if (elsewhere.length) told.replaceChildren(...elsewhere.map((message) => alertBox(message)));
  if (!error.faults?.length) told.replaceChildren(alertBox(error.message));
  inOrder[0]?.input.focus();
}

/** The field that a fault is about, by its place, or by the name that what is said of a whole group begins with. */
function fieldOf(fields, key, inner, message) {
  const named = /^\w+/.exec(message)?.[0];
  return fields[`${key}.${inner}`] ?? fields[`${key}.${named}`] ?? fields[key] ?? fields[named];
}

/** What the service's checks say, for who never saw a pattern. */
function said(message, last) {
  if (message.startsWith("String should match pattern")) {
    return last === "[key]" ? "A key is letters, digits, _ and -, and begins with a letter" : "Begin with a letter or a digit; then also . _ and -, 64 at most";
  }
  if (message === "Field required") return "This is needed";
  return message[0].toUpperCase() + message.slice(1);
}
