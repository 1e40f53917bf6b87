// What a person typed, as the values that it stands for.

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The parts between commas; a comma in quotes is none. */
export function list(text) {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? []).map((part) => part.trim()).filter(Boolean);
}

/** A number, or the text that is none: the service says so. A number that this page could not write down again stays text. */
export function asNumber(text) {
  const typed = text.trim();
  return NUMBER.test(typed) && (!/^-?\d+$/.test(typed) || Number.isSafeInteger(Number(typed))) ? Number(typed) : typed;
}

/** One value: a text in quotes, true or false, a number, or a text. */
export function scalar(text) {
  if (/^".*"$/.test(text)) return quoted(text);
  if (text === "true" || text === "false") return text === "true";
  return asNumber(text);
}

/** A text, in quotes or without. */
export function quoted(text) {
  try {
    return /^".*"$/.test(text) ? JSON.parse(text) : text;
  } catch {
    return text;
  }
}

/** A number, true or false, a text, a list of these, or a range. */
export function value(text) {
  const range = /^\s*([^\s,"]*?)\s*\.\.\s*([^\s,"]*?)\s*$/.exec(text);
  if (range && (range[1] || range[2])) {
    return Object.fromEntries([["min", range[1]], ["max", range[2]]].filter(([, end]) => end).map(([name, end]) => [name, scalar(end)]));
  }
  const parts = list(text).map((part) => scalar(part));
  return parts.length > 1 ? parts : (parts[0] ?? "");
}

/** `war = 100, duel = 50` as an object; a part without `=` is a key of nothing. */
export function pairs(text) {
  return Object.fromEntries(list(text).map((part) => {
    const end = part.lastIndexOf("=");
    return end < 0 ? [part, null] : [quoted(part.slice(0, end).trim()), asNumber(part.slice(end + 1))];
  }));
}
