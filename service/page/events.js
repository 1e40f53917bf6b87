// Server-sent events by fetch, which can send the token: EventSource cannot.

import { ask, isUnreachable } from "./api.js";

const AGAIN_MS = 1000;

/** Follow a stream until it ends. `tell` gets each event's name and data; a connection that breaks goes on where it was. */
export async function follow(path, tell, signal) {
  let last = null;
  while (!signal.aborted) {
    try {
      const headers = last === null ? {} : { "Last-Event-ID": last };
      const response = await ask(path, { headers, signal });
      for await (const event of events(response.body)) {
        last = event.id ?? last;
        if (event.data !== undefined) tell(event.name, JSON.parse(event.data));
      }
      return;
    } catch (error) {
      if (signal.aborted || (error.status >= 400 && !isUnreachable(error))) return;
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (held + value).split(/\r?\n\r?\n/);
    held = blocks.pop();
    for (const block of blocks) yield parsed(block);
  }
}

function parsed(block) {
  const event = { name: "message" };
  for (const line of block.split(/\r?\n/)) {
    const [field, text] = [line.split(":", 1)[0], line.slice(line.indexOf(":") + 1).replace(/^ /, "")];
    if (field === "event") event.name = text;
    if (field === "id") event.id = text;
    if (field === "data") event.data = event.data === undefined ? text : `${event.data}\n${text}`;
  }
  return event;
}
