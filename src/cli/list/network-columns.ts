import type { NetworkInspect, VolumeBody } from "../../client/api-types.ts";
import type { Columns } from "../format/table.ts";
import { decimalSize } from "../quantities.ts";
import { labelsText } from "./container-columns.ts";
import { localTime } from "./times.ts";

/** What `network ls --format` can name. */
export function networkColumns(truncate: boolean): Columns<NetworkInspect> {
  return {
    ID: { header: "NETWORK ID", value: (row) => (truncate ? row.Id.slice(0, 12) : row.Id) },
    Name: { header: "NAME", value: (row) => row.Name },
    Driver: { header: "DRIVER", value: (row) => row.Driver },
    Scope: { header: "SCOPE", value: (row) => row.Scope },
    IPv6: { header: "IPV6", value: (row) => String(row.EnableIPv6) },
    IPv4: { header: "IPV4", value: (row) => String(row.EnableIPv4) },
    Internal: { header: "INTERNAL", value: (row) => String(row.Internal) },
    Labels: { header: "LABELS", value: (row) => labelsText(row.Labels) },
    Label: { header: "", value: (row) => (name: unknown) => row.Labels?.[String(name)] ?? "" },
    CreatedAt: { header: "CREATED AT", value: (row) => localTime(Date.parse(row.Created)) },
  };
}

/** What `volume ls --format` can name. */
export const volumeColumns: Columns<VolumeBody> = {
  Driver: { header: "DRIVER", value: (row) => row.Driver },
  Name: { header: "VOLUME NAME", value: (row) => row.Name },
  Scope: { header: "SCOPE", value: (row) => row.Scope },
  Mountpoint: { header: "MOUNTPOINT", value: (row) => row.Mountpoint },
  Labels: { header: "LABELS", value: (row) => labelsText(row.Labels) },
  Label: { header: "", value: (row) => (name: unknown) => row.Labels?.[String(name)] ?? "" },
  Links: {
    header: "LINKS",
    value: (row) => (row.UsageData ? String(row.UsageData.RefCount) : "N/A"),
  },
  Size: {
    header: "SIZE",
    value: (row) => (row.UsageData ? decimalSize(row.UsageData.Size) : "N/A"),
  },
};
