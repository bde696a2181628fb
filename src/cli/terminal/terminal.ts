import type { ReadStream, WriteStream } from "node:tty";

/** The process's three streams, and what may be done with them. */
export interface Terminal {
  readonly input: NodeJS.ReadStream | ReadStream;
  readonly output: NodeJS.WriteStream | WriteStream;
  readonly errors: NodeJS.WriteStream | WriteStream;
  readonly inputIsTerminal: boolean;
  readonly outputIsTerminal: boolean;
  readonly errorsIsTerminal: boolean;
  /** Colour may be used on `output`. */
  readonly color: boolean;
  /** Of `output`; 80 when it is no terminal. */
  columns(): number;
  rows(): number;
  /** A line on standard output. */
  print(line: string): void;
  /** A line on standard error. */
  warn(line: string): void;
}

/** Colour is off with NO_COLOR (no-color.org) and TERM=dumb, and where output is no terminal. */
export function processTerminal(env: NodeJS.ProcessEnv = process.env): Terminal {
  const { stdin: input, stdout: output, stderr: errors } = process;
  const outputIsTerminal = output.isTTY === true;
  const noColor = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return {
    input,
    output,
    errors,
    inputIsTerminal: input.isTTY === true,
    outputIsTerminal,
    errorsIsTerminal: errors.isTTY === true,
    color: outputIsTerminal && !noColor,
    columns: () => output.columns || 80,
    rows: () => output.rows || 24,
    print: (line) => void output.write(`${line}\n`),
    warn: (line) => void errors.write(`${line}\n`),
  };
}

/** Writes to a stream and resolves when it takes more; false once it is closed (such as `| head`). */
export async function writeOut(stream: NodeJS.WritableStream, bytes: Uint8Array): Promise<boolean> {
  if (!stream.writable) return false;
  if (stream.write(bytes)) return true;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("drain", resolve);
  stream.once("close", resolve);
  await promise;
  stream.removeListener("drain", resolve);
  stream.removeListener("close", resolve);
  return stream.writable;
}

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const codes: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** `text` in a style, or as it is where colour is off. */
export function paint(color: boolean, style: Style, text: string): string {
  const [on, off] = codes[style];
  return color ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}
