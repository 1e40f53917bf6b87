// Fields of a form: each with its label, a hint, and a place for what is wrong with it.

import { h, newId, prose } from "./dom.js";

/** A field around a control: `control` gets the attributes that tie it to label, hint and error. */
export function field(label, hint, control) {
  const [id, hintId, errorId] = [newId("field"), newId("hint"), newId("error")];
  const input = control({ id, "aria-describedby": hint ? hintId : null });
  const error = h("p", { class: "error", id: errorId, hidden: true });
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    input,
    error,
    hint && h("p", { class: "hint", id: hintId }, hint),
  );
  return { element, input, fail: mended(input, (message) => mark(input, error, hint ? hintId : null, message)) };
}

export function textField(label, hint, attributes = {}) {
  return field(label, hint, (tied) => h("input", { type: "text", autocomplete: "off", spellcheck: "false", ...tied, ...attributes }));
}

/** A choice of one. An option is [value, text]. */
export function choiceField(label, hint, options) {
  return field(label, hint, (tied) =>
    h("select", tied, options.map(([value, text]) => h("option", { value }, text))));
}

/** A choice of any. An option is [value, text, note]; `chosen` are the values that are ticked at first. */
export function boxesField(label, hint, options, chosen = []) {
  const [hintId, errorId] = [newId("hint"), newId("error")];
  const error = h("p", { class: "error", id: errorId, hidden: true });
  const boxes = options.map(([value, text, note]) => {
    const id = newId("box");
    const input = h("input", { type: "checkbox", id, value, checked: chosen.includes(value) });
    return { input, element: h("div", { class: "box" }, input, h("label", { for: id }, text, note && h("span", { class: "muted" }, note))) };
  });
  const element = h(
    "fieldset",
    { class: "field", "aria-describedby": hint ? hintId : null },
    h("legend", {}, label),
    hint && h("p", { class: "hint", id: hintId }, hint),
    h("div", { class: "boxes" }, boxes.map((box) => box.element)),
    error,
  );
  const first = boxes[0]?.input;
  return {
    element,
    input: first,
    values: () => boxes.filter((box) => box.input.checked).map((box) => box.input.value),
    fail: mended(element, (message) => mark(first, error, null, message)),
  };
}

/** What says a fault of something, which is no longer said once that is changed. */
export function mended(changed, fail) {
  changed.addEventListener("input", () => fail(null));
  return fail;
}

/** Say what is wrong at a field, or nothing. */
export function mark(input, error, hintId, message) {
  error.replaceChildren(...prose(message ?? ""));
  error.hidden = !message;
  if (!input) return;
  const described = [hintId, message ? error.id : null].filter(Boolean).join(" ");
  if (described) input.setAttribute("aria-describedby", described);
  else input.removeAttribute("aria-describedby");
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}
