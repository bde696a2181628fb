import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { SharedFolder } from "../../client/build/file-sync.ts";
import type { LayoutFolder } from "../../client/build/layout-content.ts";
import { digestInLayout } from "../../client/build/layout-index.ts";
import { usageError } from "../flags.ts";

/** Further contexts, as the front end wants them, and what of this host they need. */
export interface FurtherContexts {
  readonly options: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, SharedFolder>;
  readonly layouts: ReadonlyMap<string, LayoutFolder>;
}

const layoutPrefix = "oci-layout://";

/**
 * `NAME=PATH`, `NAME=docker-image://IMAGE`, `NAME=oci-layout://PATH[:TAG][@DIGEST]` or `NAME=URL`. Throws `invalid` BUILD_CONTEXT, and
 * as `digestInLayout`.
 */
export async function furtherContexts(words: readonly string[]): Promise<FurtherContexts> {
  const options = new Map<string, string>();
  const folders = new Map<string, SharedFolder>();
  const layouts = new Map<string, LayoutFolder>();
  for (const word of words) {
    const [name = "", place = ""] = word.split(/=(.*)/s);
    if (name === "" || place === "")
      throw usageError("BUILD_CONTEXT", "--build-context wants NAME=PLACE");
    if (place.startsWith(layoutPrefix)) {
      const { folder, digest } = await inLayout(place.slice(layoutPrefix.length));
      const store = createHash("sha256").update(folder).digest("hex").slice(0, 25);
      layouts.set(`oci:${store}`, { path: folder, writable: false });
      options.set(`context:${name}`, `${layoutPrefix}${store}@${digest}`);
      continue;
    }
    if (/^[a-z-]+:\/\//.test(place) || /^[\w.-]+@/.test(place)) {
      options.set(`context:${name}`, place);
      continue;
    }
    const path = resolve(place);
    if (!existsSync(path))
      throw usageError("BUILD_CONTEXT", `no folder of the context ${name} · ${path}`);
    options.set(`context:${name}`, `local:${name}`);
    folders.set(name, { kind: "folder", path });
  }
  return { options, folders, layouts };
}

async function inLayout(place: string): Promise<{ folder: string; digest: string }> {
  const [where = "", digest] = place.split("@");
  const [path = "", tag] = where.split(":");
  const folder = resolve(path);
  return { folder, digest: digest ?? (await digestInLayout(folder, tag ?? null)) };
}
