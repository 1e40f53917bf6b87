// The split: which shares are kept back, and what stays on one side. All empty, it is that of params.yaml.

import { textField } from "./fields.js";
import { asNumber, list } from "./typed.js";

export function splitFields() {
  const validation = textField("Validation share", "From 0 to 1; empty as in params.yaml.", { name: "validation", inputmode: "decimal" });
  const test = textField("Test share", "The same. The rest is train.", { name: "test", inputmode: "decimal" });
  const together = textField("Keep together by", "Metadata keys, with commas between: traces equal in them are on one side. Empty as in params.yaml.", { name: "group_by" });
  const all = [validation, test, together];
  return {
    elements: all.map((held) => held.element),
    /** What is asked for; what is empty is left out. */
    read: () => {
      const asked = {};
      for (const [key, held] of [["validation", validation], ["test", test]]) if (held.input.value.trim()) asked[key] = asNumber(held.input.value);
      if (together.input.value.trim()) asked.group_by = list(together.input.value);
      return asked;
    },
    fields: { split: validation, "split.validation": validation, "split.test": test, "split.group_by": together },
  };
}
