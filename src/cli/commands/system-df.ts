import type { BuildCacheBody, DiskUsageAnswer } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import { usageError } from "../flags.ts";
import { formatList, type Columns } from "../format/table.ts";
import { cacheColumns } from "../list/cache-columns.ts";
import { containerColumns } from "../list/container-columns.ts";
import { imageColumns, imageRows } from "../list/image-columns.ts";
import { formatFlag } from "../list/list-flags.ts";
import { volumeColumns } from "../list/network-columns.ts";
import { decimalSize } from "../quantities.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    formatFlag,
    {
      name: "verbose",
      short: "v",
      kind: "boolean",
      summary: "Show detailed information on space usage",
    },
  ],
  examples: [{ what: "Image by image, container by container", line: "duet system df -v" }],
  async run({ flags, duet, terminal, signal }) {
    const usage = await duet().system.diskUsage(signal);
    const format = flags.string("format");
    const lines = flags.boolean("verbose")
      ? details(usage, format)
      : formatList(columns, kinds(usage), { format, standard });
    for (const line of lines) terminal.print(line);
  },
};

interface Kind {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly size: number;
  readonly reclaimable: number;
}

/** As Docker shows sizes here. */
const digits = 4;

const standard = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";

const columns: Columns<Kind> = {
  Type: { header: "TYPE", value: (row) => row.type },
  TotalCount: { header: "TOTAL", value: (row) => String(row.total) },
  Active: { header: "ACTIVE", value: (row) => String(row.active) },
  Size: { header: "SIZE", value: (row) => decimalSize(row.size, digits) },
  Reclaimable: {
    header: "RECLAIMABLE",
    value: (row) => {
      const share = row.size === 0 ? "" : ` (${Math.floor((row.reclaimable / row.size) * 100)}%)`;
      return `${decimalSize(row.reclaimable, digits)}${share}`;
    },
  },
};

function kinds(usage: DiskUsageAnswer): Kind[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const cache = usage.BuildCache ?? [];
  const ownCache = ownCacheOf(usage);
  const idleImages = images.filter((image) => image.Containers === 0);
  const idleContainers = containers.filter((container) => container.State !== "running");
  const idleVolumes = volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) === 0);
  const sizeOfVolumes = (list: typeof volumes): number =>
    sum(list.map((volume) => Math.max(0, volume.UsageData?.Size ?? 0)));
  return [
    kind(
      "Images",
      images.length,
      idleImages.length,
      usage.LayersSize,
      usage.ImageStorage?.Reclaimable ??
        sum(idleImages.map((image) => image.Size - Math.max(0, image.SharedSize))),
    ),
    kind(
      "Containers",
      containers.length,
      idleContainers.length,
      sum(containers.map((one) => one.SizeRw ?? 0)),
      sum(idleContainers.map((one) => one.SizeRw ?? 0)),
    ),
    kind(
      "Local Volumes",
      volumes.length,
      idleVolumes.length,
      sizeOfVolumes(volumes),
      sizeOfVolumes(idleVolumes),
    ),
    kind(
      "Build Cache",
      cache.length,
      cache.filter(({ InUse }) => !InUse).length,
      sum(ownCache.map(({ Size }) => Size)),
      sum(ownCache.filter(({ InUse }) => !InUse).map(({ Size }) => Size)),
    ),
  ];
}

function kind(type: string, total: number, idle: number, size: number, reclaimable: number): Kind {
  return { type, total, active: total - idle, size, reclaimable: Math.min(size, reclaimable) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Of each kind all that there is, as tables, or as one JSON object in Docker's form. Throws a usage error for a template. */
function details(usage: DiskUsageAnswer, format: string | undefined): string[] {
  if (format === undefined || format === "table") return verbose(usage);
  if (format !== "json") {
    throw usageError("DF_FORMAT", "--verbose has no template", "use --format json, or jq with it");
  }
  const json = { format, standard: "" };
  const parts = {
    Images: formatList(imageColumns(true), imageRows(usage.Images ?? [], false), json),
    Containers: formatList(containerColumns(true), usage.Containers ?? [], json),
    Volumes: formatList(volumeColumns, usage.Volumes ?? [], json),
    BuildCache: formatList(cacheColumns, usage.BuildCache ?? [], json),
  };
  const members = Object.entries(parts).map(([name, rows]) => `"${name}":[${rows.join(",")}]`);
  return [`{${members.join(",")}}`];
}

function verbose(usage: DiskUsageAnswer): string[] {
  const fields = (...names: string[]): string => names.map((name) => `{{.${name}}}`).join("\t");
  const plain = { format: undefined };
  return [
    "Images space usage:",
    "",
    ...storageLines(usage.ImageStorage),
    ...formatList(imageColumns(true), imageRows(usage.Images ?? [], false), {
      ...plain,
      standard: fields(
        "Repository",
        "Tag",
        "ID",
        "CreatedSince",
        "Size",
        "SharedSize",
        "UniqueSize",
        "Containers",
      ),
    }),
    "",
    "Containers space usage:",
    "",
    ...formatList(containerColumns(true), usage.Containers ?? [], {
      ...plain,
      standard: fields(
        "ID",
        "Image",
        "Command",
        "LocalVolumes",
        "Size",
        "RunningFor",
        "Status",
        "Names",
      ),
    }),
    "",
    "Local Volumes space usage:",
    "",
    ...formatList(volumeColumns, usage.Volumes ?? [], {
      ...plain,
      standard: fields("Name", "Links", "Size"),
    }),
    "",
    `Build cache usage: ${decimalSize(sum(ownCacheOf(usage).map(({ Size }) => Size)))}`,
    "",
    ...formatList(cacheColumns, usage.BuildCache ?? [], {
      ...plain,
      standard: fields(
        "ID",
        "CacheType",
        "Size",
        "CreatedSince",
        "LastUsedSince",
        "UsageCount",
        "Shared",
      ),
    }),
  ];
}

/** What images have, too, is counted with them. */
function ownCacheOf(usage: DiskUsageAnswer): readonly BuildCacheBody[] {
  return (usage.BuildCache ?? []).filter(({ Shared }) => !Shared);
}

/** A daemon that is not Duet tells only one number. */
function storageLines(storage: DiskUsageAnswer["ImageStorage"]): string[] {
  if (storage === undefined) return [];
  const { Layers, Blobs, Disks, Ingests } = storage;
  const parts = [
    `${decimalSize(Layers)} layers`,
    `${decimalSize(Blobs)} as registries have them`,
    `${decimalSize(Disks)} disks of machines`,
    `${decimalSize(Ingests)} on their way`,
  ];
  return [parts.join(", "), ""];
}
