import type { HostMounts } from "../../domain/host-mounts.ts";
import type { VolumeRecord } from "../../domain/mount.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";

/**
 * Which runs hold which volumes that have a file system of their own (`type`, `device` and `o` of the
 * local driver). The first holder mounts it, the last one unmounts it.
 */
export class HeldVolumes {
  private readonly mounts: HostMounts;
  private readonly holders = new Map<string, Set<string>>();
  private readonly locks = new KeyedLock();

  constructor(mounts: HostMounts) {
    this.mounts = mounts;
  }

  /** Idempotent for one holder. Throws `invalid` MOUNT_FAILED. */
  async hold(volume: VolumeRecord, holder: string, signal: AbortSignal): Promise<void> {
    if (!hasFileSystem(volume)) return;
    await this.locks.run(volume.name, signal, async () => {
      const set = this.holders.get(volume.name) ?? new Set<string>();
      if (set.size === 0) await this.mount(volume, signal);
      this.holders.set(volume.name, set.add(holder));
    });
  }

  async letGo(volume: VolumeRecord, holder: string, signal: AbortSignal): Promise<void> {
    if (!hasFileSystem(volume)) return;
    await this.locks.run(volume.name, signal, async () => {
      const set = this.holders.get(volume.name);
      if (set === undefined || !set.delete(holder) || set.size > 0) return;
      this.holders.delete(volume.name);
      await this.mounts.unmount(volume.mountpoint);
    });
  }

  /** Counts a holder of an earlier daemon, whose mount is there still. */
  adopt(volume: VolumeRecord, holder: string): void {
    if (!hasFileSystem(volume)) return;
    const set = this.holders.get(volume.name) ?? new Set<string>();
    this.holders.set(volume.name, set.add(holder));
  }

  /** After a restart: unmounts what nobody holds, such as what a killed daemon left. */
  async dropUnheld(volumes: readonly VolumeRecord[]): Promise<void> {
    for (const volume of volumes) {
      if (hasFileSystem(volume) && !this.holders.has(volume.name)) {
        await this.mounts.unmount(volume.mountpoint);
      }
    }
  }

  private async mount(volume: VolumeRecord, signal: AbortSignal): Promise<void> {
    const there = await this.mounts.below(volume.mountpoint);
    if (there.includes(volume.mountpoint)) return;
    const { type = "", device = "", o = "" } = volume.options;
    await this.mounts.mount(
      { type, source: device, target: volume.mountpoint, options: o.split(",") },
      signal,
    );
  }
}

export function hasFileSystem(volume: Pick<VolumeRecord, "options">): boolean {
  return (volume.options["device"] ?? "") !== "";
}
