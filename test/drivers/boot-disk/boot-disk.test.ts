import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { after, before, describe, test } from "node:test";
import type { BootDiskRequest, BootDisks, DiskFormat } from "../../../src/domain/boot-disk.ts";
import { createBootDisks } from "../../../src/drivers/boot-disk/boot-disk.ts";
import { findRoots } from "../../../src/drivers/foreign-disk/partitions.ts";
import { elementsNamed, parseXml } from "../../../src/drivers/foreign-disk/xml.ts";
import { requireKernel } from "../../../src/drivers/runtime-qemu/kernel.ts";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { readAll } from "../../kit/tar/samples.ts";

const native = join(import.meta.dirname, "../../../build/native");
const size = 256 << 20;

/** Elements of OVF 1.1 stand in the order of its schema, and fields of an item in that of their names. */
const sections = ["References", "DiskSection", "NetworkSection", "VirtualSystem"];

describe("disks of each format", { timeout: 500_000 }, () => {
  let folder: string;
  let disks: BootDisks;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "duet-boot-disk-"));
    await mkdir(join(folder, "root/bin"), { recursive: true });
    await writeFile(join(folder, "root/bin/true"), "", { mode: 0o755 });
    disks = await createBootDisks({
      directory: join(folder, "work"),
      tools: { rootfs: join(native, "duet-rootfs"), init: join(native, "duet-boot") },
      layers: {
        view: async () => [
          { type: "bind", source: join(folder, "root"), target: "", options: ["bind", "ro"] },
        ],
        measure: () => ({ size: 0, entries: 4 }),
      },
      kernel: requireKernel,
      log: silentLog,
    });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function made(format: DiskFormat): Promise<string> {
    const request: BootDiskRequest = {
      name: "box",
      chain: null,
      format,
      size,
      process: {
        argv: ["/bin/true"],
        env: [],
        user: "",
        workingDirectory: "/",
        stopSignal: 15,
      },
      folders: [],
      hostname: "box",
      network: { kind: "none" },
      ssh: null,
      kernel: null,
      epoch: 1_000_000_000,
    };
    await using disk = await disks.make(request, never);
    const path = join(folder, `box.${format}`);
    const chunks: Buffer[] = [];
    for await (const chunk of disk.read()) chunks.push(chunk);
    await writeFile(path, Buffer.concat(chunks));
    return path;
  }

  async function look(path: string, format: string): Promise<Record<string, unknown>> {
    const words = ["info", "--output=json", "-f", format, path];
    return JSON.parse(
      (await run("qemu-img", words, { signal: never })).stdout.toString(),
    ) as Record<string, unknown>;
  }

  test("have the size that was asked for, no fault that qemu-img knows, and each time the same bytes", async () => {
    for (const format of ["qcow2", "vdi", "vmdk"] as const) {
      const path = await made(format);
      assert.equal((await look(path, format))["virtual-size"], size);
      await run("qemu-img", ["check", "-q", "-f", format, path], { signal: never });
      const first = await readFile(path);
      assert.ok(first.equals(await readFile(await made(format))), format);
    }
    const vmdk = (await readFile(join(folder, "box.vmdk"))).toString("latin1", 512, 21 * 512);
    assert.match(vmdk, /^createType="monolithicSparse"$/m);
    assert.match(vmdk, /^RW \d+ SPARSE "disk\.vmdk"$/m);
    assert.match(vmdk, /^ddb\.uuid\.image = "[0-9a-f-]{36}"$/m, "VirtualBox asks for it");
  });

  test("have a root that a partition table names, and both boot loaders' places", async () => {
    const path = await made("raw");
    await using file = await open(path, "r");
    const read = async (offset: number, length: number): Promise<Buffer> => {
      const bytes = Buffer.alloc(length);
      await file.read(bytes, 0, length, offset);
      return bytes;
    };
    const [root] = await findRoots(read, size);
    assert.equal(root?.number, 3);
    assert.equal(root?.fileSystem, "ext4");
    const head = await read(0, 512);
    assert.equal(head.readBigUInt64LE(0x5c), 2_048n, "the core image's first sector");
    const core = await read(2_048 * 512, 512);
    assert.equal(core.readBigUInt64LE(0x1f4), 2_049n, "the core image's second sector");
    const boot = await read(4_096 * 512, 512);
    assert.equal(boot.toString("latin1", 82, 87), "FAT32");
  });

  test("an appliance is a descriptor, a manifest that is right, and a disk made for streaming", async () => {
    const members = await readAll(await readFile(await made("ova")));
    const names = members.map(({ entry }) => entry.name.toString());
    assert.deepEqual(names, ["box.ovf", "box.mf", "box-disk1.vmdk"]);
    const [descriptor, manifest, disk] = members.map(({ content }) => content);
    assert.ok(descriptor !== undefined && manifest !== undefined && disk !== undefined);
    const sum = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
    assert.equal(
      manifest.toString(),
      `SHA256(box.ovf)= ${sum(descriptor)}\nSHA256(box-disk1.vmdk)= ${sum(disk)}\n`,
    );
    const path = join(folder, "out.vmdk");
    await writeFile(path, disk);
    const facts = JSON.stringify(await look(path, "vmdk"));
    assert.match(facts, /"create-type":\s*"streamOptimized"/);
    assert.match(disk.toString("latin1", 512, 2_048), /^RDONLY \d+ SPARSE "box-disk1\.vmdk"$/m);
    const envelope = parseXml(descriptor.toString());
    assert.deepEqual(
      envelope.children.map(({ name }) => name),
      sections,
    );
    const [file] = elementsNamed(envelope, "File");
    assert.equal(file?.attributes.get("size"), `${disk.length}`);
    assert.equal(elementsNamed(envelope, "Disk")[0]?.attributes.get("capacity"), `${size}`);
    for (const item of elementsNamed(envelope, "Item")) {
      const fields = item.children.map(({ name }) => name);
      assert.deepEqual(fields, fields.toSorted());
    }
    const kinds = elementsNamed(envelope, "ResourceSubType").map(({ text }) => text);
    assert.deepEqual(kinds, ["lsilogic", "E1000"], "what VMware and VirtualBox both have");
  });
});
