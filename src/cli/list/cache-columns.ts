import type { BuildCacheBody } from "../../client/api-types.ts";
import type { Columns } from "../format/table.ts";
import { decimalSize } from "../quantities.ts";
import { agoOf } from "./times.ts";

/** What is told of an entry of the build cache. */
export const cacheColumns: Columns<BuildCacheBody> = {
  ID: { header: "CACHE ID", value: ({ ID }) => ID.slice(0, 12) },
  CacheType: { header: "CACHE TYPE", value: ({ Type }) => Type },
  Size: { header: "SIZE", value: ({ Size }) => decimalSize(Size) },
  CreatedSince: { header: "CREATED", value: ({ CreatedAt }) => agoOf(Date.parse(CreatedAt)) },
  LastUsedSince: { header: "LAST USED", value: ({ LastUsedAt }) => agoOf(Date.parse(LastUsedAt)) },
  UsageCount: { header: "USAGE", value: ({ UsageCount }) => String(UsageCount) },
  Shared: { header: "SHARED", value: ({ Shared }) => String(Shared) },
};
