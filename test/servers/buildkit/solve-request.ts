import type { SolveRequest } from "../../../src/spec/buildkit/control.ts";

/** A request for a build that asks for nothing. */
export function solveRequest(reference: string): SolveRequest {
  return {
    ...{ reference, definition: undefined, exporter: "", exporterAttributes: new Map() },
    ...{ session: "", frontend: "", frontendAttributes: new Map(), cache: undefined },
    ...{ entitlements: [], frontendInputs: new Map(), internal: false, sourcePolicy: undefined },
    exporters: [],
  };
}
