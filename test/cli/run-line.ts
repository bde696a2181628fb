import { PassThrough } from "node:stream";
import { runCli } from "../../src/cli/main.ts";
import type { Terminal } from "../../src/cli/terminal/terminal.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, with pipes for its three streams. */
export async function runLine(args: readonly string[], input = ""): Promise<Outcome> {
  const streams = {
    input: new PassThrough(),
    output: new PassThrough(),
    errors: new PassThrough(),
  };
  const collected = { output: collect(streams.output), errors: collect(streams.errors) };
  streams.input.end(input);
  const terminal: Terminal = {
    input: streams.input as unknown as NodeJS.ReadStream,
    output: streams.output as unknown as NodeJS.WriteStream,
    errors: streams.errors as unknown as NodeJS.WriteStream,
    inputIsTerminal: false,
    outputIsTerminal: false,
    errorsIsTerminal: false,
    color: false,
    columns: () => 80,
    rows: () => 24,
    print: (line) => void streams.output.write(`${line}\n`),
    warn: (line) => void streams.errors.write(`${line}\n`),
  };
  const code = await runCli(args, terminal);
  streams.output.end();
  streams.errors.end();
  return { code, stdout: await collected.output, stderr: await collected.errors };
}

async function collect(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
