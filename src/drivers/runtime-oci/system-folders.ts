import type { RootfsSession } from "../../domain/rootfs.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";

const systemFolders: readonly string[] = ["/dev", "/proc", "/sys"];

/**
 * Refuses a root in which the runtime would not find folders, or none yet, where it mounts the
 * system's own file systems. runc 1.1 makes the links of `/dev` by the root's path on the host, and
 * so through a link in its place: an image could have files made and removed anywhere. Throws
 * `invalid` ROOT_UNUSABLE.
 */
export async function checkSystemFolders(
  session: RootfsSession,
  signal: AbortSignal,
): Promise<void> {
  for (const path of systemFolders) {
    const mode = await modeOf(session, path, signal);
    if (mode === undefined || (mode & 0o170000) === 0o040000) continue;
    throw new DuetError(
      "invalid",
      "ROOT_UNUSABLE",
      `cannot mount on ${path}: the container's root has something else than a folder there`,
      { hint: "the image is broken or hostile: build it again without that path" },
    );
  }
}

async function modeOf(
  session: RootfsSession,
  path: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    return (await session.stat(path, false, signal)).mode;
  } catch (error) {
    if (isDuetError(error, "not-found")) return undefined;
    throw error;
  }
}
