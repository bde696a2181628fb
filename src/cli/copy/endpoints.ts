import { usageError } from "../flags.ts";

/** One side of `cp`: a path in a container, a path here, or a stream (`-`). */
export type Endpoint =
  | { readonly kind: "container"; readonly container: string; readonly path: string }
  | { readonly kind: "host"; readonly path: string }
  | { readonly kind: "stream" };

/** `name:path` is a container's, unless it starts with `/` or `.`; `-` is the standard stream. */
export function parseEndpoint(word: string): Endpoint {
  if (word === "-") return { kind: "stream" };
  const colon = word.indexOf(":");
  if (colon < 0 || /^[/.]/.test(word)) return { kind: "host", path: word };
  if (colon === 0 || colon === word.length - 1) {
    throw usageError(
      "BAD_COPY_PATH",
      `cannot copy "${word}" · container and path must be given`,
      "write CONTAINER:PATH",
    );
  }
  return { kind: "container", container: word.slice(0, colon), path: word.slice(colon + 1) };
}

/** How a path was written: `dir/.` means the content, a trailing slash that it is a folder. */
export interface PathShape {
  readonly path: string;
  readonly contentOnly: boolean;
  readonly mustBeFolder: boolean;
}

export function shapeOf(path: string): PathShape {
  const contentOnly = path === "." || path.endsWith("/.");
  return { path, contentOnly, mustBeFolder: contentOnly || path.endsWith("/") };
}

/** Last name of a path, `/` for the root. */
export function baseName(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.at(-1) ?? "/";
}

export function parentPath(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  const slash = trimmed.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : trimmed.slice(0, slash);
}
