import { invalid } from "./failures.ts";
import { hasLabel, type Filters } from "./filters.ts";
import { parseMoment } from "./time.ts";

/** Whether prune leaves an object alone: younger than `until`, or not of the labels asked for. */
export function keepByAgeAndLabels(
  filters: Filters,
): (createdAt: number, labels: Readonly<Record<string, string>>) => boolean {
  if (filters.get("until").length > 1) throw invalid("more than one until filter specified");
  const until = parseMoment(filters.get("until")[0] ?? "", Number.POSITIVE_INFINITY);
  return (createdAt, labels) =>
    createdAt > until ||
    !filters.labels("label", labels) ||
    filters.get("label!").some((wanted) => hasLabel(labels, wanted));
}
