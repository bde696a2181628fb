import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileTemplate } from "../../src/kit/go-template/template.ts";
import { formatList, type Columns } from "../../src/cli/format/table.ts";

const value = {
  Id: "abc",
  State: { Status: "running", Pid: 7 },
  Names: ["/a", "/b"],
  Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "443/tcp": null },
  Empty: [],
};

const cases: readonly (readonly [string, string])[] = [
  ["{{.Id}}", "abc"],
  ["{{.ID}}", "abc"],
  ["{{.State.Status}} {{.State.Pid}}", "running 7"],
  ["{{json .Names}}", '["/a","/b"]'],
  ["{{.Names}} {{.State}}", "[/a /b] map[Pid:7 Status:running]"],
  ['{{join .Names ", "}}', "/a, /b"],
  ["{{range .Names}}<{{.}}>{{end}}", "</a></b>"],
  ["{{range $i, $n := .Names}}{{$i}}={{$n}};{{end}}", "0=/a;1=/b;"],
  ["{{range .Empty}}x{{else}}none{{end}}", "none"],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
  ['{{if eq .State.Status "running"}}up{{else}}down{{end}}', "up"],
  ["{{if and .Empty .Id}}x{{else if .Id}}y{{end}}", "y"],
  ["{{with .State}}{{.Pid}}{{end}}", "7"],
  ['{{.Id | upper | printf "%-5s|"}}', "ABC  |"],
  ["{{len .Names}} {{title .State.Status}}", "2 Running"],
  ["a {{- .Id -}} b", "aabcb"],
  ['{{/* nothing */}}{{printf "%d%%" .State.Pid}}', "7%"],
  ["{{$x := .State}}{{$x.Status}}", "running"],
  [
    "{{range $p, $c := .Ports}}{{$p}}{{if $c}} -> {{(index $c 0).HostPort}}{{end}} {{end}}",
    "443/tcp 80/tcp -> 8080 ",
  ],
];

for (const [template, expected] of cases) {
  test(`the template ${template} gives ${expected}`, () => {
    assert.equal(compileTemplate(template)(value), expected);
  });
}

test("a field that does not exist, and a block that is not closed, are errors", () => {
  assert.throws(() => compileTemplate("{{.Nope}}")(value), {
    code: "BAD_TEMPLATE",
    message: /no field Nope/,
  });
  for (const text of [
    "{{",
    "{{if .Id}}",
    "{{end}}",
    "{{.Id",
    "{{upperr .Id}}",
    "{{index .Names 9}}",
    '{{"}}',
  ]) {
    assert.throws(() => compileTemplate(text)(value), { code: "BAD_TEMPLATE" }, text);
  }
});

test("no template text makes the evaluator fail in any other way", () => {
  const piece = fc.constantFrom(
    "{{",
    "}}",
    ".Id",
    "if",
    "range",
    "end",
    "else",
    "(",
    ")",
    "|",
    '"',
    "$x",
    ":=",
    " ",
    "index",
    "7",
    "-",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      try {
        assert.equal(typeof compileTemplate(pieces.join(""))(value), "string");
      } catch (error) {
        assert.equal((error as { code?: string }).code, "BAD_TEMPLATE");
      }
    }),
    { numRuns: 400 },
  );
});

test("tables have headers and Docker's column widths, and wide characters count twice", () => {
  const columns: Columns<{ name: string; id: string }> = {
    Name: { header: "NAME", value: (row) => row.name },
    ID: { header: "CONTAINER ID", value: (row) => row.id },
  };
  const rows = [{ name: "容器", id: "1" }];
  assert.deepEqual(
    formatList(columns, rows, { format: undefined, standard: "{{.Name}}\t{{.ID}}" }),
    ["NAME      CONTAINER ID", "容器      1"],
  );
  assert.deepEqual(formatList(columns, rows, { format: "json", standard: "" }), [
    '{"Name":"容器","ID":"1"}',
  ]);
  assert.deepEqual(formatList(columns, rows, { format: "table {{upper .ID}}", standard: "" }), [
    "CONTAINER ID",
    "1",
  ]);
});

test("a template that would go on for ever, or grow beyond all bounds, is refused", () => {
  for (const text of [
    "{{range 10000}}{{range 10000}}{{end}}{{end}}",
    "{{range 10000}}{{range 10000}}{{range 10000}}x{{end}}{{end}}{{end}}",
    '{{$x := "0123456789"}}{{range 40}}{{$x := print $x $x}}{{end}}',
    `{{range 10000}}${"x".repeat(60_000)}{{end}}`,
    '{{$x := pad "x" 10000 10000}}{{join (split $x "") $x}}',
    `{{$x := pad "x" 10000 10000}}{{$y := print ${"$x ".repeat(10_000)}}}`,
  ]) {
    assert.throws(() => compileTemplate(text)({}), { code: "BAD_TEMPLATE" }, text.slice(0, 80));
  }
  assert.equal(compileTemplate("{{range 10000}}x{{end}}")({}).length, 10_000);
});
