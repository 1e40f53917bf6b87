// The first view: what there is, what is being built, and what the service works with.

import { get } from "./api.js";
import { fill, h, section } from "./dom.js";
import { buildForm } from "./form.js";
import { jobBoard } from "./jobs.js";
import { datasetList } from "./list.js";
import { statusPanel } from "./status.js";
import { counted } from "./words.js";

const LOOK_MS = 15_000;
const SOON_MS = 700;

export async function showHome(main, signal, place) {
  const [status, { datasets }] = await Promise.all([get("api/status", { signal }), get("api/datasets", { signal })]);
  const panel = h("div", {}, statusPanel(status));
  const list = h("div", {}, datasetList(datasets));
  const lead = h("p", { class: "lead" }, summary(status, datasets));
  const board = jobBoard(signal, async () => {
    const now = await get("api/datasets", { signal });
    fill(list, datasetList(now.datasets));
    lead.textContent = summary(status, now.datasets);
  });
  const begun = (job) => {
    board.show(job);
    document.querySelector("#builds").scrollIntoView({ block: "nearest" });
  };
  const form = h("div", {}, buildForm(status, begun));
  const builds = section("Builds", { id: "builds", class: "builds" }, board.element);
  main.replaceChildren(
    h("header", { class: "head" }, h("h1", {}, "Datasets of reasoning traces"), lead),
    panel,
    h("div", { class: "work" }, form, builds),
    list,
  );
  if (place) main.querySelector(`#${place}`)?.scrollIntoView();
  watch(status, panel, form, begun, signal);
}

function summary(status, datasets) {
  const rows = status.store.rows;
  return `${counted(datasets.length, "dataset")}${rows === null || rows === undefined ? "" : `, and ${counted(rows, "trace")} to build more of`}.`;
}

/** Look again now and then. The form is made again only once, when the store is first known, and not after it was touched. */
function watch(first, panel, form, begun, signal) {
  let last = first;
  let touched = false;
  for (const kind of ["input", "click"]) form.addEventListener(kind, () => (touched = true));
  const look = async () => {
    try {
      const now = await get("api/status", { signal });
      fill(panel, statusPanel(now));
      if (last.as_of < 0 && now.as_of >= 0 && !touched && !form.contains(document.activeElement)) form.replaceChildren(buildForm(now, begun));
      last = now;
    } catch {
      if (signal.aborted) return;
    }
    again();
  };
  const again = () => {
    const due = setTimeout(look, last.as_of < 0 ? SOON_MS : LOOK_MS);
    signal.addEventListener("abort", () => clearTimeout(due), { once: true });
  };
  again();
}
