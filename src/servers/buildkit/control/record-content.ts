import { codes, StatusError } from "../../../kit/grpc/status.ts";
import { streaming, unary, type Served } from "../../../kit/grpc/server.ts";
import { content } from "../../../spec/buildkit/content.ts";
import { failureContent } from "./history.ts";
import type { JobTable } from "./job.ts";

/** Bytes of one message. */
const chunkSize = 1 << 20;

/** The part of containerd's content service by which clients read what records of builds name. */
export function contentMethods(jobs: JobTable): readonly Served[] {
  const find = async (digest: string): Promise<Buffer> => {
    for (const job of await jobs.history()) {
      const failure = failureContent(job);
      const all = [...job.attested, ...(failure === null ? [] : [failure])];
      const found = all.find((one) => one.digest === digest);
      if (found !== undefined) return found.content;
    }
    throw new StatusError(codes.notFound, `content ${digest.slice(0, 100)}: not found`);
  };
  return [
    unary(content.info, async ({ digest }) => ({
      info: { digest, size: (await find(digest)).length },
    })),
    streaming(content.read, async function* ({ digest, offset, size }) {
      const all = await find(digest);
      const end = size > 0 ? Math.min(all.length, offset + size) : all.length;
      for (let at = Math.max(0, offset); at < end; at += chunkSize) {
        yield { offset: at, data: all.subarray(at, Math.min(end, at + chunkSize)) };
      }
    }),
  ];
}
