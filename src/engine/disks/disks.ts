import type { EngineContext } from "../context.ts";
import type { DiskUseCases } from "../disk-use-cases.ts";
import { convertImage } from "./convert.ts";
import { importDisk } from "./import.ts";

/** The verbs between images and disks of machines, bound to one engine. */
export function diskUseCases(context: EngineContext): DiskUseCases {
  return {
    convert: (reference, options, signal) => convertImage(context, reference, options, signal),
    import: (body, options, signal) => importDisk(context, body, options, signal),
  };
}
