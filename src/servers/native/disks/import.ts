import { foreignFormats, type ForeignFormat } from "../../../domain/foreign-disk.ts";
import type { Exchange } from "../../docker/exchange.ts";
import { invalid } from "../../docker/failures.ts";

/** `POST /duet/v1/images/import-disk`: the body is the disk. */
export async function importDisk(exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const partition = query.integer("partition");
  if (partition !== null && partition < 0) throw invalid("partition is negative");
  const image = await exchange.engine.disks.import(
    exchange.body,
    {
      format: readFormat(query.text("format")),
      partition,
      reference: query.text("reference"),
      changes: query.all("changes"),
      message: query.text("message"),
    },
    exchange.signal,
  );
  exchange.answer(201, { id: image.id });
}

function readFormat(text: string): ForeignFormat | null {
  if (text === "") return null;
  const found = foreignFormats.find((format) => format === text);
  if (found !== undefined) return found;
  throw invalid(`format is none of ${foreignFormats.join(", ")}`);
}
