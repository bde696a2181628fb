import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Context } from "../command.ts";
import { splitCsv } from "../container/mount-option.ts";
import { extractTar } from "../copy/extract.ts";
import { usageError } from "../flags.ts";
import { writeStreamTo } from "../output-file.ts";

/** Where a result goes. */
export interface BuildOutput {
  /** BuildKit's name of the exporter. */
  readonly type: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Takes what the daemon sends; null where the result stays with it. */
  readonly receive: ((content: AsyncIterable<Buffer>) => Promise<void>) | null;
  /** It goes to standard output. */
  readonly isPrinted?: boolean;
}

/** `--output`, `--tag` and `--push`: an image in the daemon where nothing else is said. */
export function buildOutputs(context: Context): readonly BuildOutput[] {
  const { flags } = context;
  const words = flags.list("output");
  const outputs = words.map((word) => readOutput(context, word));
  if (outputs.filter(({ isPrinted }) => isPrinted === true).length > 1) {
    throw usageError("BUILD_OUTPUT", "only one output can go to standard output");
  }
  if (outputs.length > 0 && !flags.boolean("push")) return outputs;
  return [...outputs, imageOutput(context, new Map())];
}

function imageOutput(context: Context, given: ReadonlyMap<string, string>): BuildOutput {
  const { flags } = context;
  const names = flags.list("tag").join(",");
  const attributes = new Map(given);
  if (names !== "") attributes.set("name", names);
  if (flags.boolean("push")) attributes.set("push", "true");
  for (const word of flags.list("annotation")) {
    const [name = "", value = ""] = word.split(/=(.*)/s);
    attributes.set(`annotation.${name}`, value);
  }
  return { type: "moby", attributes, receive: null };
}

/** `FOLDER`, `-`, or `type=...,dest=...`. */
function readOutput(context: Context, word: string): BuildOutput {
  if (word === "-") return file(context, "tar", new Map(), "-");
  const fields = new Map(
    splitCsv(word).map((field): [string, string] => {
      const [key = "", value = ""] = field.split(/=(.*)/s);
      return [key.toLowerCase(), value];
    }),
  );
  const type = fields.get("type");
  if (type === undefined) return folder(word);
  const destination = fields.get("dest");
  fields.delete("type");
  fields.delete("dest");
  if (type === "image" || type === "registry" || (type === "docker" && destination === undefined)) {
    if (type === "registry") fields.set("push", "true");
    return imageOutput(context, fields);
  }
  if (type === "local") {
    if (destination === undefined) throw usageError("BUILD_OUTPUT", "type=local wants dest=FOLDER");
    return folder(destination);
  }
  if (type === "tar" || type === "oci" || type === "docker") {
    return file(context, type, fields, destination ?? "-");
  }
  throw usageError(
    "BUILD_OUTPUT",
    `not a kind of output: ${type}`,
    "use local, tar, oci, docker, image or registry",
  );
}

/** The result's files in a folder of this host; they belong to whoever runs the command. */
function folder(destination: string): BuildOutput {
  const path = resolve(destination);
  return {
    type: "tar",
    attributes: new Map(),
    receive: async (content) => {
      await mkdir(path, { recursive: true });
      await extractTar(content, Buffer.from(path), (name) => name, {
        keepOwner: process.getuid?.() === 0,
        skipped: () => undefined,
      });
    },
  };
}

function file(
  context: Context,
  type: string,
  attributes: ReadonlyMap<string, string>,
  destination: string,
): BuildOutput {
  const path = destination === "-" ? undefined : resolve(destination);
  const names = context.flags.list("tag").join(",");
  return {
    type,
    attributes: names === "" ? attributes : new Map([...attributes, ["name", names]]),
    receive: async (content) => await writeStreamTo(context, path, content),
    isPrinted: path === undefined,
  };
}
