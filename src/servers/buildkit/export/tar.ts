import { readTar } from "../../../kit/tar/reader.ts";
import { writeTar, type TarMember } from "../../../kit/tar/writer.ts";
import { formatPlatform } from "../../../domain/platform.ts";
import { runPart } from "../front-end/vertex.ts";
import type { Export, ExportResponse } from "./export.ts";
import { sendFile } from "./send.ts";

/** `--output type=tar`: the file system of the result, or of each platform in a folder of its own. */
export async function exportTar(wanted: Export, signal: AbortSignal): Promise<ExportResponse> {
  const { job, results } = wanted;
  const identity = `${job.request.reference}\0${wanted.index}`;
  await runPart(job.progress.tell, "exporting to client tarball", identity, async (progress) => {
    const [first] = results;
    const content = isSplit(wanted) ? splitTar(wanted, signal) : first!.tree(signal);
    await sendFile(wanted, content, progress, signal);
  });
  return new Map();
}

/** Whether each platform gets a folder: where results are told by platform, or the client says so. */
export function isSplit({ byPlatform, exporter }: Export): boolean {
  const asked = exporter.attributes.get("platform-split");
  return asked === undefined ? byPlatform : asked === "true";
}

function splitTar(wanted: Export, signal: AbortSignal): AsyncIterable<Buffer> {
  return writeTar(members(wanted, signal));
}

async function* members(wanted: Export, signal: AbortSignal): AsyncGenerator<TarMember> {
  for (const result of wanted.results) {
    const folder = platformFolder(formatPlatform(result.platform));
    yield { header: { kind: "directory", name: Buffer.from(folder), mode: 0o755 } };
    for await (const entry of readTar(result.tree(signal))) {
      const isHardLink = entry.kind === "hardlink";
      yield {
        header: {
          ...entry,
          name: below(folder, entry.name),
          linkName: isHardLink ? below(folder, entry.linkName) : entry.linkName,
        },
        ...(entry.kind === "file" ? { content: entry.content() } : {}),
      };
    }
  }
}

/** `linux/arm64/v8` as a folder's name, as BuildKit has it. */
export function platformFolder(name: string): string {
  return name.replaceAll("/", "_");
}

function below(folder: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), name]);
}
