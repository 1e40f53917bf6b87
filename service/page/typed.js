// What a person typed, as the values that it stands for.

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The texts between commas. */
export function list(text) {
  return parts(text).map((part) => quoted(part));
}

/** What is between commas, as typed; a comma in quotes is none. */
function parts(text) {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? []).map((part) => part.trim()).filter(Boolean);
}

/** A number, or the text that is none: the service says so. A number that this page could not write down again stays text. */
export function asNumber(text) {
  const typed = text.trim();
  const read = Number(typed);
  const kept = Number.isSafeInteger(read) || (Number.isFinite(read) && !Number.isInteger(read)) || /[eE]/.test(typed);
  return NUMBER.test(typed) && Number.isFinite(read) && kept ? read : typed;
}

/** One value: a text in quotes, true or false, a number, or a text. */
function scalar(text) {
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
  const found = parts(text).map((part) => scalar(part));
  return found.length > 1 ? found : (found[0] ?? "");
}

/** `war = 100, duel = 50` as an object; a part without `=` is a key of nothing. Throws where a key comes twice. */
export function pairs(text) {
  const found = new Map();
  for (const part of parts(text)) {
    const end = part.lastIndexOf("=");
    const key = end < 0 ? part : quoted(part.slice(0, end).trim());
    if (found.has(key)) throw new RangeError(`${key} is given twice`);
    found.set(key, end < 0 ? null : asNumber(part.slice(end + 1)));
  }
  return Object.fromEntries(found);
}
