import type { Mount } from "../../domain/mount.ts";
import type { RootfsAccess, RootfsSession, RootTarget } from "../../domain/rootfs.ts";
import type { ByteChannel } from "../../domain/shim.ts";
import type { Log } from "../../kit/log.ts";
import { enterTree, type EnteredTree } from "../../kit/tree/enter.ts";
import { TreeLink } from "../../kit/tree/link.ts";
import { TreeSession } from "./session.ts";
import type { LayerTrees } from "./changes.ts";

/** How long a session that ends waits for the other side. */
const endMilliseconds = 5_000;

/** Opens roots through duet-rootfs (`binary`, absolute path), one process a session. */
export function createRootfsAccess(options: {
  readonly binary: string;
  readonly log: Log;
}): RootfsAccess {
  const { binary } = options;
  return {
    open: async (target, signal): Promise<RootfsSession> => {
      const readonly = target.kind === "mounts" && target.readonly;
      const layers = layersOf(binary, target);
      let entering: Promise<EnteredTree> | undefined;
      const link = async (until: AbortSignal): Promise<TreeLink> => {
        entering ??= enterTree(binary, readonly ? viewOf(target) : target, { readonly }, until);
        return (await entering).link;
      };
      /* Changes are told from the layers apart; an overlay in use must not be mounted again for them. */
      if (layers === undefined) await link(signal);
      return new TreeSession({
        link,
        end: async () => await (await entering?.catch(() => undefined))?.[Symbol.asyncDispose](),
        layers,
      });
    },
    over: (channel: ByteChannel): RootfsSession => {
      const link = new TreeLink(channel);
      return new TreeSession({
        link: async () => link,
        end: async () => {
          const timer = setTimeout(() => link.close(), endMilliseconds);
          await link.end().catch(() => undefined);
          clearTimeout(timer);
          link.close();
        },
        layers: undefined,
      });
    },
  };
}

/** How to look at an overlay's layers apart; undefined where the target is no overlay with an upper layer. */
function layersOf(
  binary: string,
  target: RootTarget,
): ((signal: AbortSignal, writable: boolean) => Promise<LayerTrees>) | undefined {
  if (target.kind !== "mounts") return undefined;
  const root = target.mounts.find((mount) => mount.target === "");
  const upper = root === undefined ? undefined : optionOf(root, "upperdir");
  if (root?.type !== "overlay" || upper === undefined) return undefined;
  const lower = optionOf(root, "lowerdir") ?? "";
  return async (signal, writable) => {
    const upperTree = await enterTree(
      binary,
      { kind: "mounts", mounts: [bindOf(placeOf(root, upper))] },
      { readonly: !writable, layer: true },
      signal,
    );
    const lowerMount = lowerOf(root, lower);
    let entering: Promise<EnteredTree> | undefined;
    const enter = async (): Promise<TreeLink> => {
      const target = { kind: "mounts", mounts: [lowerMount!] } as const;
      entering ??= enterTree(binary, target, { readonly: true }, signal);
      return (await entering).link;
    };
    return {
      upper: upperTree,
      lower: lowerMount === undefined ? undefined : { link: enter },
      [Symbol.asyncDispose]: async () => {
        await upperTree[Symbol.asyncDispose]();
        await (await entering?.catch(() => undefined))?.[Symbol.asyncDispose]();
      },
    };
  };
}

function optionOf(mount: Mount, key: string): string | undefined {
  const prefix = `${key}=`;
  return mount.options.find((option) => option.startsWith(prefix))?.slice(prefix.length);
}

/** Options of an overlay may be relative to its source. */
function placeOf(mount: Mount, path: string): string {
  return path.startsWith("/") ? path : `${mount.source}/${path}`;
}

function bindOf(source: string): Mount {
  return { type: "bind", source, target: "", options: ["bind"] };
}

/**
 * The same tree without its overlay's upper layer in use: a second mount of one upper and work
 * directory empties the work directory under the first, whose next copy-up then fails.
 */
function viewOf(target: RootTarget): RootTarget {
  if (target.kind !== "mounts") return target;
  return {
    ...target,
    mounts: target.mounts.map((mount) => {
      const upper = mount.type === "overlay" ? optionOf(mount, "upperdir") : undefined;
      if (upper === undefined) return mount;
      const lower = optionOf(mount, "lowerdir") ?? "";
      return lower === ""
        ? { ...bindOf(placeOf(mount, upper)), target: mount.target }
        : { ...mount, options: [...lowerOptions(mount), `lowerdir=${upper}:${lower}`] };
    }),
  };
}

function lowerOptions(mount: Mount): readonly string[] {
  return mount.options.filter((option) => !/^(?:upper|work|lower)dir=/.test(option));
}

function lowerOf(root: Mount, lower: string): Mount | undefined {
  if (lower === "") return undefined;
  if (!lower.includes(":")) return bindOf(placeOf(root, lower));
  const kept = root.options.filter(
    (option) => !option.startsWith("upperdir=") && !option.startsWith("workdir="),
  );
  return { ...root, options: [...kept, "ro"] };
}
