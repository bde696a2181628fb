import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { limited } from "./decompress-limit.ts";
import { DuetError } from "./errors.ts";
import { minimalEnvironment } from "./subprocess.ts";

/** Compressions that Node does not know, which programs of the host do. */
export type ProgramCompression = "xz" | "bzip2";

/** By the first bytes (xz file format 2.1.1.1, bzip2's `BZh`). */
export function detectProgramCompression(start: Uint8Array): ProgramCompression | undefined {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  if (bytes.subarray(0, 6).equals(Buffer.from("\xfd7zXZ\0", "latin1"))) return "xz";
  return bytes.subarray(0, 3).equals(Buffer.from("BZh")) ? "bzip2" : undefined;
}

/** Nobody's: the program reads what may be an attack on it. */
const nobody = 65_534;
/** What `xz -9` needs is 65 MiB; a content says itself how much, up to 4 GiB. bzip2 needs 4 MB at most. */
const words: Readonly<Record<ProgramCompression, readonly string[]>> = {
  xz: ["-d", "-c", "-q", "--memlimit-decompress=256MiB"],
  bzip2: ["-d", "-c", "-q"],
};

/**
 * The stream's content, decompressed by the host's `xz` or `bzip2`, which runs as nobody and with nothing but its
 * pipes. Throws `unavailable` PROGRAM_MISSING, `corrupt` COMPRESSION_INVALID, `too-large` DECOMPRESSED_TOO_LARGE.
 */
export async function* decompressByProgram(
  source: AsyncIterable<Uint8Array>,
  program: ProgramCompression,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const child = spawn(program, words[program], {
    cwd: "/",
    env: minimalEnvironment(),
    stdio: ["pipe", "pipe", "ignore"],
    // Who is not root cannot become another.
    ...(process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}),
    signal,
    killSignal: "SIGKILL",
  });
  const exit = once(child, "exit").then(([code]) => code as number | null);
  exit.catch(() => undefined);
  const feeding = feed(source, child.stdin, signal);
  // It may fail, as at an abort, while nobody waits for it yet.
  feeding.catch(() => undefined);
  try {
    yield* limited(child.stdout as AsyncIterable<Buffer>, limit);
    const code = await exit;
    await feeding;
    if (code !== 0) throw damaged(program);
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw missing(program);
    throw error;
  } finally {
    child.kill("SIGKILL");
    child.stdout.destroy();
    await feeding.catch(() => undefined);
  }
}

/** What the program no longer reads is its own affair: its exit code tells. */
async function feed(
  source: AsyncIterable<Uint8Array>,
  input: Writable,
  signal: AbortSignal,
): Promise<void> {
  try {
    await pipeline(Readable.from(source, { objectMode: false }), input, { signal });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EPIPE" && code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

function damaged(program: string): DuetError {
  return new DuetError(
    "corrupt",
    "COMPRESSION_INVALID",
    program === "xz"
      ? "the xz content is damaged, or wants over 256 MiB of memory"
      : `the ${program} content is damaged`,
  );
}

function missing(program: string): DuetError {
  const install = program === "xz" ? "xz-utils" : "bzip2";
  return new DuetError("unavailable", "PROGRAM_MISSING", `no program ${program} on this host`, {
    hint: `install ${install}, or compress the archive with gzip or zstd`,
  });
}
