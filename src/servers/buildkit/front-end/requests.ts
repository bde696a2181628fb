import type { PlanWarning } from "../../../domain/build/plan.ts";
import type { BuildClient, BuildRequest } from "../../../engine/build/build.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { GatewayResult } from "../../../spec/buildkit/gateway.ts";
import { rangeMessage } from "../control/status-message.ts";
import type { BuildKit } from "../service.ts";
import { describeOutline, describeTargets } from "./describe.ts";
import { lintText } from "./lint-text.ts";

/** What BuildKit tells of what may be asked (frontend/subrequests); a check is known to clients without it. */
const known: Answer = (() => {
  const all = [
    {
      name: "frontend.outline",
      description: "List all parameters current build target supports",
      opts: [{ name: "target", description: "Target build stage" }],
    },
    { name: "frontend.targets", description: "List all targets current build supports", opts: [] },
    {
      name: "frontend.subrequests.describe",
      description: "List available subrequest types",
      opts: null,
    },
  ];
  const metadata = ["result.json", "result.txt"].map((name) => ({ name, description: "" }));
  const json = all.map(({ name, ...one }) => ({
    ...{ name, version: "1.0.0", type: "rpc", ...one },
    ...{ inputs: null, metadata, refs: null },
  }));
  return { json, text: all.map(({ name, description }) => `${name}\t${description}\n`).join("") };
})();

/** Answers one of them. Throws `unsupported` BUILD_REQUEST for another. */
export async function answerRequest(
  kit: BuildKit,
  name: string,
  request: BuildRequest,
  client: BuildClient,
  signal: AbortSignal,
): Promise<GatewayResult> {
  switch (name) {
    case "frontend.lint": {
      const { warnings } = await kit.engine.build.plan(request, client, signal);
      return lintAnswer(warnings, request.dockerfile);
    }
    case "frontend.outline":
      return answer(await describeOutline(kit, request, client, signal));
    case "frontend.targets":
      return answer(describeTargets(request));
    case "frontend.subrequests.describe":
      return answer(known);
    default:
      throw new DuetError(
        "unsupported",
        "BUILD_REQUEST",
        `unsupported request ${name.slice(0, 100)}`,
      );
  }
}

export interface Answer {
  readonly json: unknown;
  readonly text: string;
}

function answer(
  { json, text }: Answer,
  more: Readonly<Record<string, string>> = {},
): GatewayResult {
  const entries = {
    version: "1.0.0",
    "result.json": JSON.stringify(json, null, 2),
    "result.txt": text,
    ...more,
  };
  const metadata = new Map(
    Object.entries(entries).map(([key, value]) => [key, Buffer.from(value)]),
  );
  return { reference: { id: "", definition: undefined }, references: undefined, metadata };
}

function lintAnswer(
  warnings: readonly PlanWarning[],
  dockerfile: BuildRequest["dockerfile"],
): GatewayResult {
  const json = {
    warnings: warnings.map(({ rule, description, url, detail, ranges }) => ({
      ruleName: rule,
      description,
      ...(url === "" ? {} : { url }),
      detail,
      location: { ranges: ranges.map(rangeMessage) },
    })),
    sources: [
      {
        filename: dockerfile.name,
        data: dockerfile.content.toString("base64"),
        language: "Dockerfile",
      },
    ],
  };
  const status = warnings.length === 0 ? {} : { "result.statuscode": "1" };
  return answer({ json, text: lintText(warnings, dockerfile) }, status);
}
