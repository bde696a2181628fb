import { stat } from "node:fs/promises";
import { join } from "node:path";
import { writeOverlayDisk } from "./qcow2.ts";
import { SnapshotFolder } from "./snapshot-folder.ts";

const diskName = "disk.qcow2";

/** Writable disks of machines, each an empty copy-on-write one over a disk that many share: `<key>/disk.qcow2`. */
export class OverlayDisks extends SnapshotFolder {
  constructor(directory: string) {
    super(directory, "disk");
  }

  disk(key: string): string {
    return this.path(key, diskName);
  }

  /** `prepared` is waited for before the disk is there to be seen. Throws `conflict` SNAPSHOT_EXISTS. */
  async makeOver(
    key: string,
    parent: string | null,
    backing: { readonly path: string; readonly size: number },
    prepared: () => Promise<void>,
  ): Promise<void> {
    await this.make(key, parent, 0o711, async (folder) => {
      await writeOverlayDisk(join(folder, diskName), backing.path, backing.size);
      await prepared();
    });
  }

  /** Bytes that it takes of the host's. Throws `not-found` SNAPSHOT_NOT_FOUND. */
  async usage(key: string): Promise<number> {
    return (await this.present(key, stat(this.disk(key)))).blocks * 512;
  }
}
