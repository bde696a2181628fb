import { DuetError } from "../../../kit/errors.ts";
import type { ExporterEntry, SolveRequest } from "../../../spec/buildkit/control.ts";
import type { GatewayResult } from "../../../spec/buildkit/gateway.ts";
import { recordProvenance } from "../attest/provenance.ts";
import { checkCacheExport, exportCache } from "../export/cache.ts";
import { checkExporter, exportResults } from "../export/export.ts";
import { solveDockerfile } from "../front-end/front-end.ts";
import { isEmpty } from "../front-end/graph.ts";
import { checkFrontEnd } from "../front-end/syntax.ts";
import type { BuildKit } from "../service.ts";
import { noSession, type Session } from "../session/session.ts";
import { StatusError } from "../../../kit/grpc/status.ts";
import { buildFailure, failureStatus } from "./failure.ts";
import type { Job } from "./job.ts";

/**
 * One build from its begin to its end: built by the client over the gateway, or at once by a front end. `upload` is
 * the context where the client sends it with its request; then it needs no session.
 */
export async function solve(
  kit: BuildKit,
  request: SolveRequest,
  callSignal: AbortSignal,
  upload: AsyncIterable<Uint8Array> | null = null,
): Promise<ReadonlyMap<string, string>> {
  const job = kit.jobs.begin(request, callSignal);
  job.upload = upload;
  try {
    checkRequest(request);
    const session =
      request.session === "" && upload !== null
        ? noSession()
        : await kit.sessions.get(request.session, job.signal);
    const signal = AbortSignal.any([job.signal, session.signal]);
    const result =
      request.frontend === ""
        ? await givenBack(job, signal)
        : await solveDockerfile(
            kit,
            job,
            session,
            { options: request.frontendAttributes, inputs: request.frontendInputs },
            signal,
          );
    job.exporterResponse = await exportAll(kit, job, session, result, signal);
  } catch (error) {
    await kit.jobs.end(job, failureStatus(error, job.source));
    throw buildFailure(error, job.source);
  }
  await kit.jobs.end(job, null);
  return job.exporterResponse;
}

function checkRequest(request: SolveRequest): void {
  for (const exporter of exportersOf(request)) checkExporter(exporter);
  const { frontend, frontendAttributes, definition } = request;
  if (frontend !== "" || !isEmpty(definition)) checkFrontEnd(frontend, frontendAttributes);
  if ((request.sourcePolicy?.rules.length ?? 0) > 0) {
    throw refused("policies of sources are not supported");
  }
  const unknown = request.entitlements.find((name) => name !== "network.host");
  if (unknown !== undefined) {
    throw refused(
      `granting entitlement ${unknown.slice(0, 100)} is not allowed by build daemon configuration`,
    );
  }
  for (const cache of request.cache?.exports ?? []) checkCacheExport(cache);
}

function refused(message: string): DuetError {
  return new DuetError("unsupported", "BUILD_REFUSED", message);
}

async function givenBack(job: Job, signal: AbortSignal): Promise<GatewayResult> {
  const { result, error } = await job.returned(signal);
  if (error !== undefined && error.code !== 0) {
    throw new StatusError(error.code, error.message, error.details);
  }
  return result ?? { reference: undefined, references: undefined, metadata: new Map() };
}

async function exportAll(
  kit: BuildKit,
  job: Job,
  session: Session,
  { reference, references }: GatewayResult,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const names =
    references === undefined
      ? [reference?.id ?? ""]
      : [...references.byKey.values()].map(({ id }) => id);
  const results = names.filter((name) => name !== "").map((name) => job.result(name));
  const response = new Map<string, string>();
  job.attested = recordProvenance(job, results, references !== undefined);
  // Who asks about a Dockerfile gets the answer in the result; outputs of its target are named all the same.
  if (results.length === 0 && (job.options?.request ?? "") !== "") return response;
  for (const [index, exporter] of exportersOf(job.request).entries()) {
    if (results.length === 0) throw refused("there is nothing to export: the build gave no result");
    const byPlatform = references !== undefined;
    const wanted = { kit, job, session, results, byPlatform, exporter, index };
    const found = await exportResults(wanted, signal);
    for (const [key, value] of found) response.set(key, value);
  }
  for (const cache of job.request.cache?.exports ?? []) {
    const found = await exportCache(kit, job, session, { results, cache }, signal);
    for (const [key, value] of found) response.set(key, value);
  }
  return response;
}

/** Clients of before several exporters name theirs in fields of their own. */
function exportersOf(request: SolveRequest): readonly ExporterEntry[] {
  if (request.exporters.length > 0) return request.exporters;
  if (request.exporter === "") return [];
  return [{ type: request.exporter, attributes: request.exporterAttributes }];
}
