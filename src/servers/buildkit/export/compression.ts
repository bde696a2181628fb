import type { LayerCompression } from "../../../engine/build/build.ts";
import { DuetError } from "../../../kit/errors.ts";

/** The largest level of each. */
const levels = { gzip: 9, zstd: 22, uncompressed: 0 } as const;

function isAlgorithm(text: string): text is LayerCompression["algorithm"] {
  return Object.hasOwn(levels, text);
}

/** `compression`, `compression-level` and `force-compression`; null where nothing is said. Throws `invalid` EXPORTER. */
export function readCompression(attributes: ReadonlyMap<string, string>): LayerCompression | null {
  const algorithm = attributes.get("compression");
  const level = attributes.get("compression-level");
  const force = attributes.get("force-compression") === "true";
  if (algorithm === undefined && level === undefined && !force) return null;
  const name = algorithm ?? "gzip";
  if (!isAlgorithm(name)) {
    throw new DuetError(
      "unsupported",
      "EXPORTER",
      `layers compressed by ${JSON.stringify(name.slice(0, 40))} are not supported here`,
      { hint: "use gzip, zstd or uncompressed" },
    );
  }
  if (level === undefined) return { algorithm: name, level: null, force };
  if (!/^\d{1,2}$/.test(level) || Number(level) > levels[name]) {
    throw new DuetError(
      "invalid",
      "EXPORTER",
      `${JSON.stringify(level.slice(0, 20))} is no compression level of ${name}`,
      { hint: `levels go from 0 to ${levels[name]}` },
    );
  }
  return { algorithm: name, level: Number(level), force };
}
