import assert from "node:assert/strict";
import { test } from "node:test";
import { drawIsolations } from "../../tools/picture/draw.ts";

test("the picture holds what was seen, and nothing seen becomes markup", () => {
  const seen = { kernel: "6.1 <b>&", processes: 3, processors: 1 };
  const picture = drawIsolations("6.9", { ...seen, kernel: "6.9" }, seen);
  assert.match(picture, /host kernel: Linux 6\.9</);
  assert.match(picture, /uname -r → 6\.1 &lt;b&gt;&amp;/);
  assert.ok(!picture.includes("<b>"));
});
