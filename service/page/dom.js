// Elements. Whatever comes from the API goes in as text or as an attribute, never as HTML.

let made = 0;

/** An element: `attributes` that are null or false are left out, those that begin with `on` are listeners. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An id that no other element has. */
export function newId(name) {
  made += 1;
  return `${name}-${made}`;
}

/** Put other content into an element, unless it says the same already: what is read aloud or has the focus stays. */
export function fill(element, ...children) {
  const next = h("div", {}, ...children);
  // Ids are new each time, and so is what names them.
  const says = (held) => held.innerHTML.replace(/ (?:id|for|aria-\w+)="[a-z]+-\d+(?: [a-z]+-\d+)*"/g, "");
  if (says(element) !== says(next)) element.replaceChildren(...next.childNodes);
}

/** A section with its heading. */
export function section(title, attributes, ...children) {
  const id = newId("section");
  return h("section", { "aria-labelledby": id, ...attributes }, h("h2", { id }, title), ...children);
}

/** A table that scrolls by itself where the page is narrow. A column is [name, "n" for numbers]; a row is its cells. */
export function table(caption, columns, rows) {
  const cell = (content, place) =>
    place === 0 ? h("th", { scope: "row" }, content) : h("td", { class: columns[place][1] }, content);
  return h(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    h(
      "table",
      {},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, columns.map(([name, kind]) => h("th", { scope: "col", class: kind }, name)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell)))),
    ),
  );
}

/** A text in which what stands between backticks is code. */
export function prose(text) {
  return text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));
}

/** A fault, read aloud at once, with what can be done about it. */
export function alertBox(message, ...more) {
  return h("div", { class: "fault", role: "alert" }, h("p", {}, prose(message)), ...more);
}
