// Numbers, sizes and times in words.

const UNITS = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];

export function number(value) {
  return Number(value).toLocaleString("en-US");
}

export function counted(count, thing) {
  return `${number(count)} ${thing}${count === 1 ? "" : "s"}`;
}

export function size(bytes) {
  const [unit, name] = UNITS.find(([least]) => bytes >= least) ?? [1, "B"];
  return `${unit === 1 ? bytes : (bytes / unit).toFixed(1)} ${name}`;
}

export function time(text) {
  return `${text.slice(0, 16).replace("T", " ")} UTC`;
}

export function total(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** A JSON value as a person would say it. */
export function said(value) {
  if (value === null || value === undefined) return "any";
  if (Array.isArray(value)) return value.map(said).join(", ");
  if (typeof value === "object") {
    return Object.entries(value).map(([key, held]) => `${key} ${said(held)}`).join(", ");
  }
  return String(value);
}
