import { DuetError } from "../../kit/errors.ts";
import type { Command } from "../command.ts";
import { readList, writeList, type ListedManifest } from "../manifest-lists.ts";
import { registryAuth } from "../registry-auth.ts";

export const command: Command = {
  usage: "[OPTIONS] LIST MANIFEST [MANIFEST...]",
  description: "The manifests must be at a registry. The list stays here until it is pushed.",
  minimum: 2,
  completes: ["images"],
  flags: [
    { name: "amend", short: "a", kind: "boolean", summary: "Add to a list that exists" },
    { name: "insecure", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
  ],
  examples: [
    {
      what: "One name for two platforms",
      line: "duet manifest create registry.example.com/app:1 registry.example.com/app:1-amd64 registry.example.com/app:1-arm64",
    },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const [name = "", ...sources] = words;
    const before = await readList(name);
    if (before !== undefined && !flags.boolean("amend")) {
      throw new DuetError(
        "conflict",
        "MANIFEST_LIST_EXISTS",
        `refusing to amend an existing manifest list with no --amend flag`,
        { subject: `manifest list ${name}` },
      );
    }
    const manifests = new Map(before?.manifests.map((each) => [each.digest, each]));
    for (const source of sources) {
      const auth = await registryAuth(source, signal);
      const found = await duet().manifests.read(source, auth, signal);
      for (const each of listedOf(source, found)) manifests.set(each.digest, each);
    }
    await writeList({ name, manifests: [...manifests.values()] });
    terminal.print(`Created manifest list ${name}`);
  },
};

function listedOf(
  source: string,
  found: Omit<ListedManifest, "source" | "platform"> & {
    readonly platforms: readonly ListedManifest["platform"][];
  },
): readonly ListedManifest[] {
  const { mediaType, digest, size, platforms } = found;
  const [platform] = platforms;
  if (platform !== undefined && !/index|manifest\.list/.test(mediaType))
    return [{ source, mediaType, digest, size, platform }];
  throw new DuetError("invalid", "MANIFEST_IS_LIST", `${source} is a manifest list`, {
    hint: "name the images in it, by their digests",
  });
}
