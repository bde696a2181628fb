import { copyFromContainer } from "../copy/from-container.ts";
import { copyToContainer } from "../copy/to-container.ts";
import { parseEndpoint } from "../copy/endpoints.ts";
import type { Command } from "../command.ts";
import { usageError } from "../flags.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-  or  SRC_PATH|- CONTAINER:DEST_PATH",
  minimum: 2,
  maximum: 2,
  completes: ["files"],
  flags: [
    {
      name: "archive",
      short: "a",
      kind: "boolean",
      summary: "Archive mode (copy all uid/gid information)",
    },
    {
      name: "follow-link",
      short: "L",
      kind: "boolean",
      summary: "Always follow symbol link in SRC_PATH",
    },
    { name: "quiet", short: "q", kind: "boolean", summary: "Suppress progress output during copy" },
  ],
  examples: [
    { what: "Out of a container or VM", line: "duet cp web:/etc/nginx/nginx.conf ." },
    { what: "Into it", line: "duet cp index.html web:/usr/share/nginx/html/" },
    { what: "As a tar stream", line: "duet cp web:/etc - | tar -t" },
  ],
  async run(context) {
    const [from, to] = [parseEndpoint(context.words[0]!), parseEndpoint(context.words[1]!)];
    if (from.kind === "container" && to.kind !== "container")
      return await copyFromContainer(context, from, to);
    if (from.kind !== "container" && to.kind === "container")
      return await copyToContainer(context, from, to);
    throw usageError(
      "BAD_COPY",
      from.kind === "container"
        ? "copying between containers is not supported"
        : "must specify at least one container source",
      "copy to the host first",
    );
  },
};
