import { parseReference } from "../../../domain/reference.ts";

/** An image's name as a package URL of type docker. */
export function packageUrl(name: string, platform: string): string {
  const { domain, path, tag } = parseReference(name);
  const repository = domain === "docker.io" ? path.replace(/^library\//, "") : `${domain}/${path}`;
  const version = tag === "" ? "" : `@${encodeURIComponent(tag)}`;
  const escaped = repository.split("/").map(encodeURIComponent).join("/");
  return `pkg:docker/${escaped}${version}?platform=${encodeURIComponent(platform)}`;
}
