import { open } from "node:fs/promises";
import type { LineChange } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";

/** The workload may have written into it whatever it liked. */
const largestFile = 256 << 10;

/** Changes lines of a file in place: what the workload sees is mounted on this very file. */
export async function changeLines(path: string, change: LineChange): Promise<void> {
  await using file = await open(path, "r+");
  const buffer = Buffer.alloc(largestFile);
  const { bytesRead } = await file.read(buffer, 0, largestFile, 0);
  if (bytesRead === largestFile) {
    throw new DuetError("exhausted", "FILE_TOO_LONG", `the workload's file is too long · ${path}`);
  }
  const removed = new Set(
    change.remove.map((line) => Buffer.from(line, "utf8").toString("latin1")),
  );
  /* Bytes, not text: what a workload wrote stays as it is. */
  const lines = buffer.subarray(0, bytesRead).toString("latin1").split("\n");
  if (lines.at(-1) === "") lines.pop();
  const added = change.add.map((line) => Buffer.from(line, "utf8").toString("latin1"));
  const kept = lines.filter((line) => !removed.has(line));
  const after = Buffer.from([...kept, ...added, ""].join("\n"), "latin1");
  await file.write(after, 0, after.length, 0);
  await file.truncate(after.length);
}
