import { DuetError } from "../../kit/errors.ts";
import type { Command } from "../command.ts";
import { existingList, writeList } from "../manifest-lists.ts";

export const command: Command = {
  usage: "[OPTIONS] LIST MANIFEST",
  minimum: 2,
  maximum: 2,
  completes: ["images"],
  flags: [
    { name: "arch", kind: "string", summary: "Set architecture" },
    { name: "os", kind: "string", summary: "Set operating system" },
    { name: "variant", kind: "string", summary: "Set architecture variant" },
  ],
  examples: [
    {
      what: "Say which variant of arm an image is for",
      line: "duet manifest annotate --arch arm --variant v6 app:1 app:1-armv6",
    },
  ],
  async run({ flags, words }) {
    const [name = "", source = ""] = words;
    const list = await existingList(name);
    const isMeant = (each: (typeof list.manifests)[number]): boolean =>
      each.source === source || each.digest === source;
    if (!list.manifests.some(isMeant)) {
      throw new DuetError(
        "not-found",
        "MANIFEST_NOT_LISTED",
        `manifest for image ${source} does not exist in ${name}`,
      );
    }
    const architecture = flags.string("arch");
    const os = flags.string("os");
    const variant = flags.string("variant");
    const manifests = list.manifests.map((each) => {
      if (!isMeant(each)) return each;
      const platform = {
        ...each.platform,
        ...(architecture === undefined ? {} : { architecture }),
        ...(os === undefined ? {} : { os }),
        ...(variant === undefined ? {} : { variant }),
      };
      return { ...each, platform };
    });
    await writeList({ name, manifests });
  },
};
