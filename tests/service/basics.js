// What a page owes to those who do not see it, by what the browser itself makes of it. Returns what is amiss.

function amiss() {
  const all = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
  const told = (e) => `${e.tagName} ${e.outerHTML.slice(0, 120)}`;
  const found = [];
  if (!document.documentElement.lang) found.push("no language");
  if (!document.title) found.push("no title");
  if (all("h1").length !== 1) found.push(`${all("h1").length} h1`);
  if (all("main").length !== 1) found.push("no main");
  for (const e of all("nav, [role=group], [role=region], fieldset")) if (!name(e)) found.push(`no name: ${told(e)}`);
  for (const e of all("input, select, textarea, progress")) {
    if (![...(e.labels ?? [])].some((label) => label.textContent.trim()) && !name(e)) found.push(`no label: ${told(e)}`);
  }
  for (const e of all("a, button, summary")) if (!name(e)) found.push(`no name: ${told(e)}`);
  for (const e of all("[aria-label]")) {
    // Who speaks to the computer says what they see.
    if (/^(A|BUTTON)$/.test(e.tagName) && !e.ariaLabel.includes(e.textContent.trim())) found.push(`another name: ${told(e)}`);
  }
  for (const attribute of ["aria-describedby", "aria-labelledby", "for"]) {
    for (const e of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of e.getAttribute(attribute).split(" ")) if (!document.getElementById(id)) found.push(`${attribute}: ${told(e)}`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push("an id twice");
  let level = 0;
  for (const e of all("h1, h2, h3, h4")) {
    const now = Number(e.tagName[1]);
    if (now > level + 1) found.push(`from h${level} to ${told(e)}`);
    level = now;
  }
  for (const e of all("[tabindex]")) if (e.tabIndex > 0) found.push(`tabindex: ${told(e)}`);
  for (const e of all("table")) if (!e.caption || !e.querySelector("th[scope=col]")) found.push(`bare table: ${told(e)}`);
  for (const e of all("button, input, select, .button")) {
    const box = e.getBoundingClientRect();
    // With its label, where it is a box to tick.
    const label = e.labels?.[0]?.getBoundingClientRect();
    if (Math.max(box.height, label?.height ?? 0) < 22) found.push(`too small: ${told(e)}`);
  }
  return found;
}

function name(e) {
  const by = e.getAttribute("aria-labelledby");
  if (by) return by.split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim();
  return e.ariaLabel || e.querySelector(":scope > legend")?.textContent || (e.matches("a, button, summary") ? e.textContent.trim() : "");
}
