import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { Command, Context } from "../command.ts";
import { usageError } from "../flags.ts";
import { inspectFormatFlag, inspectWords } from "../inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  minimum: 1,
  completes: ["containers"],
  flags: [
    inspectFormatFlag,
    {
      name: "size",
      short: "s",
      kind: "boolean",
      summary: "Display total file sizes if the type is container",
    },
    {
      name: "type",
      kind: "string",
      summary: "Only inspect objects of the given type",
      completes: ["container", "image", "network", "volume"],
    },
  ],
  examples: [
    { what: "Everything about a container", line: "duet inspect web" },
    { what: "How it is isolated", line: "duet inspect -f '{{.HostConfig.Isolation}}' web" },
  ],
  async run(context) {
    const lookUps = lookUpsOf(context);
    return await inspectWords(context, (word) => first(lookUps, word));
  },
};

type LookUp = (word: string) => Promise<unknown>;

function lookUpsOf(context: Context): readonly LookUp[] {
  const { flags, signal } = context;
  const duet = context.duet();
  const byType: Readonly<Record<string, LookUp>> = {
    container: (word) => duet.containers.inspect(word, flags.boolean("size"), signal),
    image: (word) => duet.images.inspect(word, signal),
    network: (word) => duet.networks.inspect(word, false, signal),
    volume: (word) => duet.volumes.inspect(word, signal),
  };
  const type = flags.string("type");
  if (type === undefined) return Object.values(byType);
  if (!Object.hasOwn(byType, type)) {
    throw usageError(
      "BAD_TYPE",
      `"${type}" is not a valid value for --type`,
      `use ${Object.keys(byType).join(", ")}`,
    );
  }
  return [byType[type]!];
}

async function first(lookUps: readonly LookUp[], word: string): Promise<unknown> {
  for (const lookUp of lookUps) {
    try {
      return await lookUp(word);
    } catch (error) {
      if (!isDuetError(error, "not-found") && !isDuetError(error, "invalid")) throw error;
    }
  }
  throw new DuetError("not-found", "NO_SUCH_OBJECT", `no such object: ${word}`);
}
