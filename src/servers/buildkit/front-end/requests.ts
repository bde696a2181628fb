import type { PlanWarning } from "../../../domain/build/plan.ts";
import type { BuildClient, BuildRequest } from "../../../engine/build/build.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { GatewayResult } from "../../../spec/buildkit/gateway.ts";
import { rangeMessage } from "../control/status-message.ts";
import type { BuildKit } from "../service.ts";
import { describeOutline, describeTargets } from "./describe.ts";
import { lintText } from "./lint-text.ts";

/** What may be asked about a Dockerfile instead of building it (BuildKit: frontend/subrequests). */
const requests = {
  "frontend.lint": "Lint a Dockerfile",
  "frontend.outline": "List all parameters current build target supports",
  "frontend.targets": "List all targets current build supports",
  "frontend.subrequests.describe": "List available subrequest types",
} as const;

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
    case "frontend.subrequests.describe": {
      const all = Object.entries(requests).map(([each, description]) => ({
        name: each,
        version: "1.0.0",
        type: "rpc",
        description,
        opts: null,
        metadata: null,
      }));
      const text = all.map((each) => `${each.name}\t${each.description}\n`).join("");
      return answer({ json: all, text });
    }
    default:
      throw new DuetError(
        "unsupported",
        "BUILD_REQUEST",
        `the front end does not know the request ${JSON.stringify(name.slice(0, 100))}`,
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
