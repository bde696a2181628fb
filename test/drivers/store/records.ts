import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import type { TestContext } from "node:test";
import type { ContainerRecord } from "../../../src/domain/container.ts";
import { newObjectId } from "../../../src/domain/identity.ts";
import type { VolumeRecord } from "../../../src/domain/mount.ts";
import type { NetworkRecord } from "../../../src/domain/network.ts";

/** Path of a state file in a folder that goes away with the test. */
export function temporaryState(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "duet-store-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "state.db");
}

/** A container record as large as real ones, as far as the store is concerned. */
export function containerRecord(name: string, id: string = newObjectId()): ContainerRecord {
  const record = {
    id,
    name,
    createdAt: 1_700_000_000_000,
    spec: { image: "busybox", labels: { note: "ünïcödé \u0000 and \ud83d\udc1f" } },
    request: { Image: "busybox", Cmd: ["true"], padding: "x".repeat(4_000) },
    state: "created",
    exitCode: 0,
    pid: 0,
    mounts: [],
    endpoints: [],
    workload: null,
  };
  return record as unknown as ContainerRecord;
}

export function networkRecord(name: string, id: string = newObjectId()): NetworkRecord {
  const record = {
    id,
    spec: { name, driver: "bridge" },
    pools: [],
    bridge: "",
    createdAt: 0,
    predefined: false,
  };
  return record as unknown as NetworkRecord;
}

export function volumeRecord(name: string): VolumeRecord {
  return {
    name,
    driver: "local",
    options: {},
    labels: {},
    anonymous: false,
    mountpoint: `/nowhere/${name}`,
    createdAt: 0,
    populated: false,
  };
}
