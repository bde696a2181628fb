import { layerSources, pullPhases } from "../../../domain/pull-phases.ts";
import type { PullFigures } from "../../../engine/images/pull-tally.ts";
import { histogramSamples, type Exposition } from "./exposition.ts";

/** What pulls took. No label says what was pulled: clients choose that, and there is no end of it. */
export function writePulls(exposition: Exposition, figures: PullFigures): void {
  exposition.add(
    "duet_pull_duration_seconds",
    "histogram",
    "Time that a pull of one name took, by what came of it.",
    Object.entries(figures.durations).flatMap(([outcome, durations]) =>
      histogramSamples(durations, { outcome }),
    ),
  );
  exposition.add(
    "duet_pull_phase_seconds",
    "histogram",
    "Time that a pull spent in each phase; phases run side by side.",
    pullPhases.flatMap((phase) => histogramSamples(figures.phases[phase], { phase })),
  );
  exposition.add(
    "duet_pull_phase_bytes_total",
    "counter",
    "Bytes that went through each phase of pulls.",
    // Nothing new goes through the last one.
    pullPhases
      .filter((phase) => phase !== "publish")
      .map((phase) => ({ labels: { phase }, value: figures.bytes[phase] })),
  );
  exposition.add(
    "duet_pull_layers_total",
    "counter",
    "Layers that pulls needed, by where they came from.",
    layerSources.map((source) => ({ labels: { source }, value: figures.layers[source] })),
  );
}
