import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { ovfDescriptor } from "../../../src/drivers/boot-disk/ovf.ts";
import { unpackOva } from "../../../src/drivers/foreign-disk/ova.ts";
import { elementsNamed, parseXml } from "../../../src/drivers/foreign-disk/xml.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { archiveOf, inChunks, type Sample } from "../../kit/tar/samples.ts";

const descriptor = ovfDescriptor({
  name: "box",
  disk: "box-disk1.vmdk",
  diskSize: 4,
  capacity: 2 ** 30,
  populated: 1 << 16,
});
const sum = (text: string): string => createHash("sha256").update(text).digest("hex");
const manifest = `SHA256(box.ovf)= ${sum(descriptor)}\nSHA256(box-disk1.vmdk)= ${sum("disk")}\n`;
const members: readonly Sample[] = [
  { kind: "file", name: "box.ovf", data: descriptor },
  { kind: "file", name: "box.mf", data: manifest },
  { kind: "file", name: "box-disk1.vmdk", data: "disk" },
];

async function unpack(context: TestContext, samples: readonly Sample[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "duet-ova-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return await unpackOva(inChunks(archiveOf(samples), 1_000), folder);
}

test("an appliance gives the disk that its descriptor names", async (context) => {
  const path = await unpack(context, [
    ...members,
    { kind: "file", name: "other.vmdk", data: "another" },
  ]);
  assert.equal(await readFile(path, "utf8"), "disk");
  assert.deepEqual(await readdir(join(path, "..")), [path.slice(path.lastIndexOf("/") + 1)]);
});

const replaced = (name: string, data: string): readonly Sample[] =>
  members.map((member) => (member.name === name ? { ...member, data } : member));
const refusals: readonly (readonly [string, readonly Sample[], RegExp])[] = [
  ["a link", [{ kind: "symlink", name: "box.ovf", linkName: "/etc/passwd" }], /is no file/],
  ["a path", [{ kind: "file", name: "../box.ovf", data: descriptor }], /file with the name/],
  ["a script", [...members, { kind: "file", name: "run.sh", data: "" }], /file with the name/],
  ["two descriptors", [...members, { kind: "file", name: "b.ovf", data: "" }], /one descriptor/],
  ["another disk than the manifest's", replaced("box-disk1.vmdk", "evil"), /not what the manifest/],
  [
    "a manifest that names what is missing",
    replaced("box.mf", `SHA256(a.vmdk)= ${sum("")}`),
    /is not there/,
  ],
  ["a manifest of nonsense", replaced("box.mf", "SHA256 = 1"), /says nothing/],
  [
    "a disk outside of the archive",
    replaced("box.ovf", descriptor.replace("box-disk1.vmdk", "../../etc/shadow")).filter(
      ({ name }) => name !== "box.mf",
    ),
    /lacks its disk/,
  ],
  [
    "a document type",
    replaced(
      "box.ovf",
      `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/shadow">]>${descriptor}`,
    ).filter(({ name }) => name !== "box.mf"),
    /not well-formed/,
  ],
  [
    "a packed disk",
    replaced("box.ovf", descriptor.replace("<File ", '<File ovf:compression="gzip" ')).filter(
      ({ name }) => name !== "box.mf",
    ),
    /packed with gzip/,
  ],
];

for (const [what, samples, message] of refusals) {
  test(`an appliance with ${what} is refused (G91)`, async (context) => {
    await assert.rejects(unpack(context, samples), message);
  });
}

test("what OVF uses of XML is read", () => {
  const text =
    '<?xml version="1.0"?>\n<!-- a --><a:b xmlns:a="u" a:c="1 &lt; &#x32;"><d>x &amp; y</d><d/></a:b>';
  const root = parseXml(text);
  assert.equal(root.name, "b");
  assert.equal(root.attributes.get("c"), "1 < 2");
  assert.deepEqual(
    elementsNamed(root, "d").map((one) => one.text),
    ["x & y", ""],
  );
});

test("what else there is in XML is refused (G91)", () => {
  const documents = [
    "",
    "<a>",
    "<a></b>",
    "<a/><b/>",
    "<a>&x;</a>",
    "<a>&#0;</a>",
    "<a>&#xd800;</a>",
    "<a b='1' b='2'/>",
    "<a b=1/>",
    "<!DOCTYPE a><a/>",
    "<a><![CDATA[x]]></a>",
    "<a><?run me?></a>",
    "text<a/>",
    "<a>".repeat(100),
  ];
  for (const document of documents)
    assert.throws(() => parseXml(document), /not well-formed/, document.slice(0, 40));
});

test("whatever a descriptor holds, it is read or refused in words, and soon", () => {
  const pieces = fc.constantFrom(
    "<a",
    "<a>",
    "</a>",
    "/>",
    ' b="',
    '"',
    "&",
    "&lt;",
    "<!--",
    "-->",
    "<!",
    "]]>",
    " ",
    "x",
  );
  const property = fc.property(fc.array(pieces, { maxLength: 200 }), (parts) => {
    try {
      parseXml(parts.join(""));
    } catch (error) {
      assert.ok(isDuetError(error), String(error));
    }
  });
  fc.assert(property, { numRuns: 1_000 });
});
