import type { Digest } from "../digest.ts";
import type { SourceRange } from "./source-range.ts";

/**
 * What happens while a build runs. The nouns are those of BuildKit's status stream (moby.buildkit.v1.StatusResponse),
 * from which both its clients' display and the classic builder's text are made. Times are milliseconds since the epoch.
 */
export type BuildEvent =
  | {
      readonly kind: "vertex";
      readonly vertex: Digest;
      readonly name: string;
      readonly inputs: readonly Digest[];
      readonly cached: boolean;
      readonly startedAt: number | null;
      readonly completedAt: number | null;
      /** "" where it did not fail. */
      readonly error: string;
    }
  | {
      readonly kind: "status";
      readonly vertex: Digest;
      /** Such as `extracting sha256:...`. */
      readonly id: string;
      readonly current: number;
      /** 0 where unknown. */
      readonly total: number;
      readonly startedAt: number | null;
      readonly completedAt: number | null;
    }
  | {
      readonly kind: "log";
      readonly vertex: Digest;
      readonly stream: "stdout" | "stderr";
      readonly at: number;
      readonly data: Uint8Array;
    }
  | {
      readonly kind: "warning";
      readonly vertex: Digest;
      readonly level: number;
      readonly short: string;
      readonly detail: readonly string[];
      readonly url: string;
      readonly ranges: readonly SourceRange[];
    };
