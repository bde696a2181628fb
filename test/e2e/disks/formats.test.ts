import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { elementsNamed, parseXml, type XmlElement } from "../../../src/drivers/foreign-disk/xml.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { busyboxLayer } from "../../attacks/hostile-image.ts";
import { archiveOf } from "../../kit/tar/samples.ts";
import { TestDaemon } from "../daemon.ts";
import { duetLine } from "./duet-line.ts";
import { ownerOfTests } from "../owner.ts";

const formats = ["raw", "qcow2", "vmdk", "vdi", "ova"] as const;
const mebibyte = 1 << 20;
const capacity = 200 * mebibyte;

/** Elements of an Envelope and of a VirtualSystem in the order of DSP8023's schema, and a rasd's in that of their names. */
const parts = ["References", "DiskSection", "NetworkSection", "VirtualSystem"];
const ofSystem = ["Info", "Name", "OperatingSystemSection", "VirtualHardwareSection"];

describe("one image, as a disk of each format", { timeout: 900_000 }, () => {
  let daemon: TestDaemon;
  const owner = ownerOfTests();
  const disk = (format: string): string => join(daemon.folder, `box.${format}`);
  const unpacked = (file: string): string => join(daemon.folder, "unpacked", file);
  before(async () => {
    daemon = await TestDaemon.start(owner, { flags: ["--vm-pool-size", "0"], vmTemplates: true });
    const own = archiveOf([{ kind: "file", name: "mark", data: "of the image" }]);
    const tar = join(daemon.folder, "root.tar");
    await writeFile(tar, Buffer.concat([busyboxLayer.subarray(0, -1024), own]));
    await daemon.docker("import", tar, "box:1");
    for (const format of formats) {
      const words = ["image", "convert", "--size", "200m", "box:1", disk(format), "/bin/sh"];
      const made = await duetLine(daemon, words, { SOURCE_DATE_EPOCH: "1000000000" });
      assert.equal(made.code, 0, made.stderr);
    }
    await mkdir(unpacked(""));
    await image("tar", "-x", "-C", unpacked(""), "-f", disk("ova"));
  });
  async function image(program: string, ...words: readonly string[]): Promise<string> {
    const { stdout } = await run(program, words, { signal: AbortSignal.timeout(180_000) });
    return stdout.toString();
  }

  test("has the same content and size in each, and no fault that qemu-img finds", async () => {
    const files = [
      ["qcow2", disk("qcow2")],
      ["vdi", disk("vdi")],
      ["vmdk", disk("vmdk")],
      ["vmdk", unpacked("box-disk1.vmdk")],
    ] as const;
    for (const [format, file] of files) {
      const checked = JSON.parse(
        await image("qemu-img", "check", "--output", "json", "-f", format, file),
      ) as Record<string, number>;
      const faults = [checked["check-errors"], checked["corruptions"] ?? 0, checked["leaks"] ?? 0];
      assert.deepEqual(faults, [0, 0, 0], file);
      const same = await image("qemu-img", "compare", "-f", "raw", "-F", format, disk("raw"), file);
      assert.match(same, /Images are identical/);
    }
    assert.equal((await stat(disk("raw"))).size, capacity);
  });

  test("is an appliance whose members come as importers read them: descriptor, manifest, disk", async () => {
    const listed = await image("tar", "-tf", disk("ova"));
    assert.equal(listed, "box.ovf\nbox.mf\nbox-disk1.vmdk\n");
    const header = (await readFile(disk("ova"))).subarray(0, 512);
    assert.equal(header.toString("latin1", 257, 262), "ustar");
    const sum = async (name: string): Promise<string> =>
      createHash("sha256")
        .update(await readFile(unpacked(name)))
        .digest("hex");
    const lines = ["box.ovf", "box-disk1.vmdk"].map(
      async (name) => `SHA256(${name})= ${await sum(name)}\n`,
    );
    // VMware takes no other spelling: without a space before the bracket, with one behind the sign.
    assert.equal(await readFile(unpacked("box.mf"), "utf8"), (await Promise.all(lines)).join(""));
  });

  test("is an appliance whose disk says that it is a stream of packed grains", async () => {
    const vmdk = await readFile(unpacked("box-disk1.vmdk"));
    assert.equal(vmdk.length % 512, 0);
    assert.equal(vmdk.toString("latin1", 0, 4), "KDMV");
    const markers = 1 << 17;
    const compressed = 1 << 16;
    assert.equal(vmdk.readUInt32LE(8) & (markers | compressed), markers | compressed);
    assert.equal(Number(vmdk.readBigUInt64LE(12)) * 512, capacity);
    assert.equal(vmdk.readUInt16LE(77), 1, "deflate");
    const descriptor = vmdk.toString("latin1", 512, 2_048);
    assert.match(descriptor, /^createType="streamOptimized"$/m);
    assert.match(descriptor, /^ddb\.adapterType = "lsilogic"$/m);
    assert.match(descriptor, new RegExp(`^RDONLY ${capacity / 512} SPARSE "box-disk1.vmdk"$`, "m"));
  });

  test("is an appliance whose descriptor keeps the order, types and references of OVF", async () => {
    const envelope = parseXml(await readFile(unpacked("box.ovf"), "utf8"));
    const names = ({ children }: XmlElement): string[] => children.map(({ name }) => name);
    assert.deepEqual([envelope.name, ...names(envelope)], ["Envelope", ...parts]);
    const one = (name: string): XmlElement => {
      const found = elementsNamed(envelope, name);
      assert.equal(found.length, 1, name);
      return found[0]!;
    };
    const attributes = (name: string): Record<string, string> =>
      Object.fromEntries(one(name).attributes);
    const { size } = await stat(unpacked("box-disk1.vmdk"));
    assert.deepEqual(attributes("File"), { href: "box-disk1.vmdk", id: "file1", size: `${size}` });
    const { populatedSize, ...disk } = attributes("Disk");
    assert.ok(Number(populatedSize) > mebibyte && Number(populatedSize) <= capacity);
    assert.deepEqual(disk, {
      ...{ capacity: `${capacity}`, capacityAllocationUnits: "byte", diskId: "vmdisk1" },
      ...{ fileRef: "file1" },
      format: "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized",
    });
    assert.deepEqual(names(one("VirtualSystem")), ofSystem);
    const [info, system, ...items] = names(one("VirtualHardwareSection"));
    assert.deepEqual([info, system, ...new Set(items)], ["Info", "System", "Item", "Config"]);
    assert.deepEqual(attributes("Config"), { required: "false", key: "firmware", value: "bios" });
    const hardware = elementsNamed(envelope, "Item").map((item) => {
      assert.deepEqual(names(item), names(item).toSorted());
      return new Map(item.children.map(({ name, text }) => [name, text]));
    });
    const ofType = (type: number): ReadonlyMap<string, string> => {
      const found = hardware.filter((item) => item.get("ResourceType") === `${type}`);
      assert.equal(found.length, 1, `items of type ${type}`);
      return found[0]!;
    };
    const identities = hardware.map((item) => item.get("InstanceID"));
    assert.equal(new Set(identities).size, hardware.length);
    for (const item of hardware) assert.ok(item.get("ElementName"));
    const [processor, memory, controller, network, drive] = [3, 4, 6, 10, 17].map(ofType);
    assert.match(processor!.get("VirtualQuantity")!, /^\d+$/);
    assert.equal(memory!.get("AllocationUnits"), "byte * 2^20");
    assert.equal(controller!.get("ResourceSubType"), "lsilogic");
    assert.equal(drive!.get("Parent"), controller!.get("InstanceID"));
    assert.deepEqual(
      [drive!.get("HostResource"), drive!.get("AddressOnParent")],
      ["ovf:/disk/vmdisk1", "0"],
    );
    assert.equal(network!.get("Connection"), one("Network").attributes.get("name"));
    assert.equal(one("VirtualSystemType").text, "vmx-10");
  });

  // The others are read back in import.test.ts.
  for (const format of ["raw", "vmdk", "vdi"]) {
    test(`comes back as an image from ${format}`, async () => {
      const tag = `back:${format}`;
      const back = await duetLine(daemon, ["image", "import-disk", disk(format), tag]);
      assert.equal(back.code, 0, back.stderr);
      await daemon.docker("create", "--name", `from-${format}`, tag, "none");
      const { stdout } = await daemon.tryDocker(["cp", `from-${format}:/mark`, "-"], [0]);
      assert.ok(stdout.includes("of the image"));
    });
  }
});
