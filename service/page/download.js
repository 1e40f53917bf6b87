// Links to exports. A link cannot send the token, so where one is needed the page fetches, and hands over a file.

import { ask, exportPath, isOpen, token } from "./api.js";
import { alertBox, h } from "./dom.js";

/** A link that downloads a format of a dataset, or one split of it. */
export function downloadLink(id, format, split, text = split ?? format) {
  const what = `Download ${id}, ${format}, ${split ? `split ${split}` : "all splits"}`;
  const label = what.includes(text) ? what : `${what}, ${text} records`;
  return h("a", { href: exportPath(id, format, split), download: "", "aria-label": label, onclick: guarded }, text);
}

/** A link that saves an answer under a name. */
export function fileLink(address, name, text) {
  return h("a", { href: address, download: name, onclick: guarded }, text);
}

async function guarded(event) {
  if (!token()) return;
  const link = event.currentTarget;
  event.preventDefault();
  try {
    if (await isOpen()) return press(link.href, link.download);
    await save(await ask(link.href), link.download);
  } catch (error) {
    link.after(alertBox(error.message));
  }
}

/** Hand over an answer as a file, by the name that it has. */
export async function save(response, name) {
  const named = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  const address = URL.createObjectURL(await response.blob());
  press(address, name || named || "export.jsonl");
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function press(address, name) {
  const link = h("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}
