import type { BuildResult } from "../../../engine/build/build.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { ExporterEntry } from "../../../spec/buildkit/control.ts";
import type { Job } from "../control/job.ts";
import type { BuildKit } from "../service.ts";
import type { Session } from "../session/session.ts";
import { exportArchive } from "./archive.ts";
import { readCompression } from "./compression.ts";
import { exportFolder } from "./folder.ts";
import { exportImage, namesOf } from "./image.ts";
import { exportTar } from "./tar.ts";

/** One result, or one for each platform, and where the client wants it. */
export interface Export {
  readonly kit: BuildKit;
  readonly job: Job;
  readonly session: Session;
  readonly results: readonly BuildResult[];
  /** The client wants them told by platform, also where it is one. */
  readonly byPlatform: boolean;
  readonly exporter: ExporterEntry;
  /** Its place among the exporters of the build, by which the client knows where it goes. */
  readonly index: number;
}

export type ExportResponse = ReadonlyMap<string, string>;

const kinds = new Set(["moby", "image", "docker", "oci", "local", "tar"]);

/**
 * What can be told of an export before anything is built. Throws `unsupported` EXPORTER for a kind or an option
 * that Duet does not have, and `invalid` for a name that no image can have.
 */
export function checkExporter({ type, attributes }: ExporterEntry): void {
  if (!kinds.has(type)) throw unknownKind(type);
  readCompression(attributes);
  namesOf(attributes.get("name"));
}

/** Of an exporter that `checkExporter` found well. */
export async function exportResults(wanted: Export, signal: AbortSignal): Promise<ExportResponse> {
  const { type } = wanted.exporter;
  switch (type) {
    case "moby":
    case "image":
      return await exportImage(wanted, signal);
    case "docker":
    case "oci":
      return await exportArchive(wanted, type, signal);
    case "local":
      return await exportFolder(wanted, signal);
    case "tar":
      return await exportTar(wanted, signal);
    default:
      throw unknownKind(type);
  }
}

function unknownKind(type: string): DuetError {
  return new DuetError(
    "unsupported",
    "EXPORTER",
    `exporter ${JSON.stringify(type.slice(0, 40))} could not be found`,
  );
}
