/** A package that an image holds. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly maintainer: string;
  readonly license: string;
  /** Package URL. */
  readonly url: string;
}

const maximumPackages = 100_000;

/** Reads the lists of dpkg and apk, by their paths in the image. */
export function packagesOf(lists: ReadonlyMap<string, string>): readonly InstalledPackage[] {
  const release = lists.get("usr/lib/os-release") ?? lists.get("etc/os-release") ?? "";
  const system = {
    id: /^ID="?([\w.-]{1,64})"?$/m.exec(release)?.[1] ?? "",
    version: /^VERSION_ID="?([\w.-]{1,64})"?$/m.exec(release)?.[1] ?? "",
  };
  const found: InstalledPackage[] = [];
  for (const [path, text] of lists) {
    if (path.includes("/dpkg/")) found.push(...debianPackages(text, system));
    else if (path.includes("/apk/")) found.push(...alpinePackages(text, system));
  }
  return found
    .toSorted((a, b) => (a.url < b.url ? -1 : a.url > b.url ? 1 : 0))
    .slice(0, maximumPackages);
}

interface System {
  readonly id: string;
  readonly version: string;
}

function debianPackages(text: string, system: System): readonly InstalledPackage[] {
  return text.split(/\n\n+/).flatMap((block) => {
    const field = (name: string): string =>
      new RegExp(`^${name}: (.{1,512})$`, "m").exec(block)?.[1]?.trim() ?? "";
    const status = field("Status");
    const [name, version] = [field("Package"), field("Version")];
    if (name === "" || version === "" || !(status === "" || status.endsWith(" installed")))
      return [];
    const url = purl(
      "deb",
      system.id || "debian",
      { name, version, arch: field("Architecture") },
      system,
    );
    return [{ name, version, maintainer: field("Maintainer"), license: "", url }];
  });
}

function alpinePackages(text: string, system: System): readonly InstalledPackage[] {
  return text.split(/\n\n+/).flatMap((block) => {
    const field = (letter: string): string =>
      new RegExp(`^${letter}:(.{1,512})$`, "m").exec(block)?.[1]?.trim() ?? "";
    const [name, version] = [field("P"), field("V")];
    if (name === "" || version === "") return [];
    const url = purl("apk", system.id || "alpine", { name, version, arch: field("A") }, system);
    return [{ name, version, maintainer: field("m"), license: "", url }];
  });
}

function purl(
  type: string,
  namespace: string,
  {
    name,
    version,
    arch,
  }: { readonly name: string; readonly version: string; readonly arch: string },
  system: System,
): string {
  const distribution = system.version === "" ? "" : `${namespace}-${system.version}`;
  const qualifiers = [
    ...(arch === "" ? [] : [`arch=${encodeURIComponent(arch)}`]),
    ...(distribution === "" ? [] : [`distro=${encodeURIComponent(distribution)}`]),
  ];
  const query = qualifiers.length === 0 ? "" : `?${qualifiers.join("&")}`;
  const [space, own, number] = [namespace, name, version].map(encodeURIComponent);
  return `pkg:${type}/${space}/${own}@${number}${query}`;
}
