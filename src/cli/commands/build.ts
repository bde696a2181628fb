import { DuetError } from "../../kit/errors.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  usage: "[OPTIONS] PATH | URL | -",
  minimum: 1,
  maximum: 1,
  completes: ["folders"],
  description:
    "Not yet: this version makes images from registries, archives, commits and file systems.",
  flags: [
    {
      name: "tag",
      short: "t",
      kind: "list",
      summary: "Name and optionally a tag in the name:tag format",
    },
    {
      name: "file",
      short: "f",
      kind: "string",
      summary: "Name of the Dockerfile",
      completes: "files",
    },
    { name: "build-arg", kind: "list", summary: "Set build-time variables" },
    { name: "quiet", short: "q", kind: "boolean", summary: "Print image ID on success" },
    { name: "no-cache", kind: "boolean", summary: "Do not use cache when building the image" },
    { name: "target", kind: "string", summary: "Set the target build stage to build" },
    {
      name: "platform",
      kind: "string",
      summary: "Set platform if server is multi-platform capable",
    },
  ],
  examples: [
    { what: "Make an image without a build", line: "tar -C rootfs -c . | duet import - mine:1" },
  ],
  run() {
    throw new DuetError(
      "unsupported",
      "BUILD_NOT_YET",
      "building from a Dockerfile is not part of this version yet",
      {
        hint: "use `duet pull` or `duet load`",
      },
    );
  },
};
