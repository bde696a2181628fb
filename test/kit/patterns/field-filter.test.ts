import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldFilter } from "../../../src/kit/patterns/field-filter.ts";

const fields: Readonly<Record<string, string>> = {
  id: "2mcgfyl9yef9",
  type: "regular",
  description: "[a 4/4] COPY f /f",
  mutable: "",
  "a.b": "1",
};

function matches(...texts: string[]): boolean {
  return fieldFilter(texts)((path) => fields[path.join(".")] ?? null);
}

/* Each asked of Docker 28's BuildKit, by `docker buildx du --filter`. */
test("filters let through what containerd's let through", () => {
  assert.ok(matches());
  for (const text of [
    ...["", "mutable", "type", "type==regular", "type!=x", "foo!=bar", "type ==regular", "a.b==1"],
    ...["id~=2m", "id~=^2m,type==regular", 'description=="[a 4/4] COPY f /f"', "mutable!=x"],
    ...["description~=/COPY/", "description~=|C.PY|", '"type"==regular', 'description~="\\\\d/"'],
  ]) {
    assert.ok(matches(text), text);
  }
  for (const text of [
    ...["foo", "foo==bar", "type==regula", "inuse", "id~=2m,foo", "id~=^m", "mutable==true"],
    ...["1==1", 'type==reg"x', "description~=("],
  ]) {
    assert.ok(!matches(text), text);
  }
  assert.ok(matches("foo", "type==regular"), "one of several is enough");
});

test("what is no filter is refused with containerd's words and the place", () => {
  for (const [text, why] of [
    ["id~=a b", "[id~=a >| |< b]: unexpected input:  "],
    ['description~="abc', '[description~= >|"|< abc]: quoted literal not terminated'],
    ["description==/COPY/", "[description== >|/|< COPY/]: invalid quote encountered"],
    ['description~="\\d"', '[description~= >|"|< \\d"]: illegal escape sequence'],
    ["type==", "[type==]: expected value or quoted"],
    ["ty pe==regular", '[ty  >|p|< e==regular]: expected an operator ("=="|"!="|"~=")'],
    ["==x", "[ >|=|< =x]: expected field or quoted"],
    ["type!==x", '[type >|!|< ==x]: unsupported operator "!=="'],
    ["id~=.,inuse", "[id~= >|.|< ,inuse]: expected value or quoted"],
    ["type,", "[type,]: expected field or quoted"],
  ] as const) {
    const message = `filters: parse error: ${why}`;
    assert.throws(() => matches(text), { code: "FILTER_INVALID", message }, text);
  }
});
