// The token: a field of it, and the whole page of it where who reads must know it, too.

import { keepToken, token } from "./api.js";
import { h } from "./dom.js";
import { textField } from "./fields.js";

const HINT = "The secret in the service's TRACES_SERVE_TOKEN. It is forgotten when this tab is closed.";

/** The field; what is typed is kept at once. */
export function tokenField() {
  const held = textField("Token", HINT, { type: "password", name: "token", value: token() });
  held.input.addEventListener("input", () => keepToken(held.input.value.trim()));
  return held;
}

/** What is shown instead of a view where nothing can be read without the token. */
export function tokenGate(message, go) {
  const held = tokenField();
  held.fail(message);
  const form = h("form", { class: "narrow", novalidate: true }, held.element, h("p", { class: "actions" }, h("button", { class: "main" }, "Go on")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
  });
  return h("div", {}, h("h1", {}, "A token is needed"), h("p", { class: "lead" }, "This service shows its datasets only to those who know its token."), form);
}
