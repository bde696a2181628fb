import assert from "node:assert/strict";
import {
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  symlink,
  writeFile,
  mkdir,
} from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { extractTar } from "../../src/cli/copy/extract.ts";
import { packPath } from "../../src/cli/copy/pack.ts";
import { writeTar, type TarMember } from "../../src/kit/tar/writer.ts";

async function folderFor(context: TestContext): Promise<string> {
  const folder = await mkdtemp("/tmp/duet-copy-");
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function file(name: string, text: string): TarMember {
  const content = Buffer.from(text);
  return {
    header: { kind: "file", name: Buffer.from(name), mode: 0o644, size: content.length },
    content,
  };
}

function link(kind: "symlink" | "hardlink", name: string, target: string): TarMember {
  return { header: { kind, name: Buffer.from(name), mode: 0o777, linkName: Buffer.from(target) } };
}

async function extract(members: readonly TarMember[], folder: string): Promise<string[]> {
  const skipped: string[] = [];
  await extractTar(writeTar(members), Buffer.from(folder), (name) => name, {
    keepOwner: false,
    skipped: (name) => skipped.push(name),
  });
  return skipped;
}

test("a file of a hostile archive is not written through a symlink of the same archive", async (context) => {
  const folder = await folderFor(context);
  const outside = join(folder, "outside");
  const inside = join(folder, "inside");
  await mkdir(outside);
  await mkdir(inside);
  await assert.rejects(extract([link("symlink", "door", outside), file("door/evil", "x")], inside));
  assert.deepEqual(await readdir(outside), []);
});

test("names with .. and hard links out of the target are refused", async (context) => {
  const folder = await folderFor(context);
  const inside = join(folder, "inside");
  await mkdir(inside);
  await writeFile(join(folder, "secret"), "s");
  await assert.rejects(extract([file("../evil", "x")], inside), { code: "PATH_ESCAPES" });
  await assert.rejects(extract([link("hardlink", "mine", "../secret")], inside), {
    code: "PATH_ESCAPES",
  });
  assert.deepEqual((await readdir(folder)).toSorted(), ["inside", "secret"]);
});

test("an existing symlink in the target is replaced, not followed, by a file", async (context) => {
  const folder = await folderFor(context);
  await writeFile(join(folder, "kept"), "old");
  await mkdir(join(folder, "target"));
  await symlink(join(folder, "kept"), join(folder, "target/name"));
  await extract([file("name", "new")], join(folder, "target"));
  assert.equal(await readFile(join(folder, "kept"), "utf8"), "old");
  assert.equal(await readFile(join(folder, "target/name"), "utf8"), "new");
});

test("devices are left out and named", async (context) => {
  const folder = await folderFor(context);
  const device: TarMember = {
    header: {
      kind: "character",
      name: Buffer.from("null"),
      mode: 0o666,
      deviceMajor: 1,
      deviceMinor: 3,
    },
  };
  assert.deepEqual(await extract([device], folder), ["null"]);
  assert.deepEqual(await readdir(folder), []);
});

test("a folder goes out and comes back the same, names that are no text included", async (context) => {
  const folder = await folderFor(context);
  const source = join(folder, "source");
  const target = join(folder, "target");
  await mkdir(join(source, "sub"), { recursive: true });
  await mkdir(target);
  const odd = Buffer.concat([Buffer.from(`${source}/sub/`), Buffer.from([0xff, 0xfe, 0x41])]);
  await writeFile(odd, "odd");
  await symlink("../elsewhere", join(source, "sub/link"));
  await extractTar(
    writeTar(packPath(Buffer.from(source), Buffer.from("copy"), false)),
    Buffer.from(target),
    (name) => name,
    {
      keepOwner: true,
      skipped: () => undefined,
    },
  );
  assert.equal(await readlink(join(target, "copy/sub/link")), "../elsewhere");
  const names = await readdir(Buffer.from(join(target, "copy/sub")), { encoding: "buffer" });
  assert.deepEqual(names.toSorted(Buffer.compare)[1], Buffer.from([0xff, 0xfe, 0x41]));
});
