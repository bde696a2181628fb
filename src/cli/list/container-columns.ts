import type { ContainerSummary } from "../../client/api-types.ts";
import type { Columns } from "../format/table.ts";
import { decimalSize } from "../quantities.ts";
import { truncateText } from "../terminal/width.ts";
import { agoOf, localTime } from "./times.ts";
import { portsText } from "./ports.ts";

/** What `ps --format` can name. */
export function containerColumns(truncate: boolean): Columns<ContainerSummary> {
  const short = (text: string, length: number): string =>
    truncate ? truncateText(text, length) : text;
  return {
    ID: { header: "CONTAINER ID", value: (row) => (truncate ? row.Id.slice(0, 12) : row.Id) },
    Image: { header: "IMAGE", value: (row) => imageText(row.Image, truncate) },
    Command: { header: "COMMAND", value: (row) => `"${short(row.Command, 20)}"` },
    CreatedAt: { header: "CREATED AT", value: (row) => localTime(row.Created * 1_000) },
    RunningFor: { header: "CREATED", value: (row) => agoOf(row.Created * 1_000) },
    Ports: { header: "PORTS", value: (row) => portsText(row.Ports) },
    State: { header: "STATE", value: (row) => row.State },
    Status: { header: "STATUS", value: (row) => row.Status },
    Size: { header: "SIZE", value: sizeText },
    Names: { header: "NAMES", value: (row) => namesOf(row, truncate).join(",") },
    Labels: { header: "LABELS", value: (row) => labelsText(row.Labels) },
    Label: { header: "", value: (row) => (name: unknown) => row.Labels?.[String(name)] ?? "" },
    Mounts: { header: "MOUNTS", value: (row) => mountsOf(row, truncate).join(",") },
    LocalVolumes: {
      header: "LOCAL VOLUMES",
      value: (row) => String((row.Mounts ?? []).filter((mount) => mount.Driver === "local").length),
    },
    Networks: {
      header: "NETWORKS",
      value: (row) => Object.keys(row.NetworkSettings?.Networks ?? {}).join(","),
    },
    Isolation: { header: "ISOLATION", value: isolationOf },
  };
}

/** `container` or `vm`. */
export function isolationOf(row: ContainerSummary): string {
  return row.HostConfig?.Isolation ?? "container";
}

function imageText(image: string, truncate: boolean): string {
  if (image === "") return "<no image>";
  const digest = /^sha256:([0-9a-f]{64})$/.exec(image)?.[1];
  return truncate && digest !== undefined ? digest.slice(0, 12) : image;
}

function sizeText(row: ContainerSummary): string {
  const writable = decimalSize(row.SizeRw ?? 0);
  return row.SizeRootFs === undefined
    ? writable
    : `${writable} (virtual ${decimalSize(row.SizeRootFs)})`;
}

/** Without the leading slash; names of links (with a further slash) only untruncated. */
function namesOf(row: ContainerSummary, truncate: boolean): string[] {
  const names = row.Names.map((name) => name.replace(/^\//, ""));
  return truncate ? names.filter((name) => !name.includes("/")) : names;
}

export function labelsText(labels: Readonly<Record<string, string>> | null | undefined): string {
  return Object.entries(labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
}

function mountsOf(row: ContainerSummary, truncate: boolean): string[] {
  return (row.Mounts ?? []).map((mount) => {
    const name = mount.Name ?? mount.Source;
    return truncate ? truncateText(name, 15) : name;
  });
}
