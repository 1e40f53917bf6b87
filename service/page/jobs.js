// Jobs: those that run are followed as they go, the others are listed with how they ended.

import { get, remove } from "./api.js";
import { h, newId, prose } from "./dom.js";
import { follow } from "./events.js";
import { said } from "./words.js";

const LOOK_MS = 1500;
const IDLE_MS = 15_000;
const LINES = 5;
const FOLLOWED = 2; // streams at a time: a browser opens six connections to a service
const SHOWN = 6;
const ENDED = ["succeeded", "failed", "cancelled"];
const STATES = { queued: "Waiting", running: "Building", succeeded: "Built", failed: "Failed", cancelled: "Cancelled" };

/** A list that keeps itself up to date until `signal` is aborted. `ended` is called when a job has. */
export function jobBoard(signal, ended) {
  const list = h("div", { class: "jobs" });
  const cards = new Map();
  let due = null;

  const look = async () => {
    clearTimeout(due);
    let open = 0;
    try {
      const { jobs } = await get("api/jobs", { signal });
      open = jobs.filter((job) => !ENDED.includes(job.state)).length;
      const shown = jobs.filter((job, place) => place < SHOWN || !ENDED.includes(job.state));
      shown.forEach((job) => show(job));
      for (const [id, card] of cards) if (!shown.some((job) => job.id === id)) (card.element.remove(), cards.delete(id));
      // The newest first, without moving what is there already: the focus may be in it.
      shown.forEach((job, place) => {
        const { element } = cards.get(job.id);
        if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
      });
      const waits = [...list.children].length === 0;
      if (waits) list.replaceChildren(h("p", { class: "empty" }, "Nothing was built here yet. Name a dataset, and press Build."));
      else list.querySelector(":scope > .empty")?.remove();
    } catch (error) {
      if (signal.aborted) return;
    }
    if (!signal.aborted) due = setTimeout(look, open ? LOOK_MS : IDLE_MS);
  };

  const show = (job) => {
    if (!cards.has(job.id)) cards.set(job.id, jobCard(job, look));
    const card = cards.get(job.id);
    const before = card.state;
    card.update(job);
    if (ENDED.includes(job.state) && before && !ENDED.includes(before)) ended(job);
    const followed = [...cards.values()].filter((one) => one.followed).length;
    if (job.state === "running" && !card.followed && followed < FOLLOWED) {
      card.followed = true;
      follow(`api/jobs/${encodeURIComponent(job.id)}/events`, (name, data) => {
        if (name === "line") card.line(data);
        if (name === "job") show(data);
      }, signal).finally(() => {
        card.followed = false;
        look();
      });
    }
  };

  look();
  signal.addEventListener("abort", () => clearTimeout(due));
  return { element: list, show: (job) => (show(job), look()) };
}

function jobCard(job, look) {
  const titleId = newId("job");
  const state = h("span", { class: "state wait" });
  const bar = h("progress", { max: "1", value: "0", "aria-labelledby": titleId });
  const stage = h("p", { class: "stage" });
  const lines = h("div", { class: "lines" });
  const live = h("div", { class: "live", "aria-live": "polite" }, stage, lines);
  const outcome = h("div", { class: "outcome" });
  const cancel = h("button", { type: "button", class: "quiet", onclick: () => stop() }, "Cancel");
  const element = h(
    "article",
    { class: "job", "aria-labelledby": titleId },
    h("div", { class: "jobhead" }, h("h3", { id: titleId }, `${job.request.name} ${job.request.version}`), state, cancel),
    h("p", { class: "facts" }, asked(job.request)),
    bar,
    live,
    outcome,
  );
  const log = [];

  const stop = async () => {
    if (cancel.hasAttribute("aria-disabled")) return;
    cancel.setAttribute("aria-disabled", "true");
    try {
      await remove(`api/jobs/${encodeURIComponent(job.id)}`);
    } catch (error) {
      outcome.replaceChildren(h("p", { class: "error", role: "alert" }, error.message));
      cancel.removeAttribute("aria-disabled");
    }
    look();
  };

  const card = {
    element,
    state: null,
    followed: false,
    line: (text) => {
      log.push(text);
      lines.replaceChildren(...log.slice(-LINES).map((one) => h("p", {}, one)));
    },
    update: (now) => {
      const over = ENDED.includes(now.state);
      // What was asked earlier may be answered later, and a job does not go back.
      if (!over && (ENDED.includes(card.state) || now.progress < bar.value)) return;
      if (over && card.state === now.state) return;
      card.state = now.state;
      element.dataset.state = now.state;
      state.textContent = STATES[now.state] ?? now.state;
      state.className = `state ${{ succeeded: "good", failed: "bad" }[now.state] ?? "wait"}`;
      bar.value = now.progress;
      bar.hidden = over;
      cancel.hidden = over;
      const percent = Math.round(now.progress * 100);
      const where = now.state === "queued" ? "Waits for the build before it." : now.stage ? `${now.stage}, ${percent}%` : "Making a copy to build in…";
      if (!over && stage.textContent !== where) stage.textContent = where;
      if (over) {
        lines.replaceChildren();
        stage.replaceChildren(...prose(end(now)));
        stage.className = now.state === "failed" ? "stage error" : "stage";
        if (now.dataset_id) outcome.replaceChildren(h("p", {}, h("a", { href: `#/dataset/${encodeURIComponent(now.dataset_id)}` }, now.dataset_id)));
      }
    },
  };
  return card;
}

/** What a job was asked for, in short. */
function asked({ filters, strategy, limit, formats }) {
  const parts = Object.entries(filters).map(([key, value]) => `${key} ${said(value)}`);
  if (strategy !== "all") parts.push([strategy, limit].filter(Boolean).join(" "));
  return [...parts, formats?.join(", ")].filter(Boolean).join(" · ");
}

/** What is said of a job that has ended, beside where its dataset is. */
function end({ state, error }) {
  if (state === "failed") return error ?? "It ended without a word.";
  return state === "cancelled" ? "Stopped. Build the same again, and it goes on with what was done." : "";
}
