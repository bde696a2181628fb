/** Who imports whom. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Groups of nodes that reach each other in circles (Tarjan's strongly connected components). */
export function findCycles(graph: Graph): string[][] {
  return new CycleSearch(graph).cycles();
}

interface Visit {
  readonly order: number;
  low: number;
  onStack: boolean;
}

class CycleSearch {
  private readonly visits = new Map<string, Visit>();
  private readonly stack: string[] = [];
  private readonly found: string[][] = [];
  private readonly graph: Graph;

  constructor(graph: Graph) {
    this.graph = graph;
  }

  cycles(): string[][] {
    for (const node of this.graph.keys()) if (!this.visits.has(node)) this.visit(node);
    return this.found;
  }

  private visit(node: string): Visit {
    const here: Visit = { order: this.visits.size, low: this.visits.size, onStack: true };
    this.visits.set(node, here);
    this.stack.push(node);
    for (const next of this.graph.get(node) ?? []) {
      const there = this.visits.get(next);
      if (there === undefined) here.low = Math.min(here.low, this.visit(next).low);
      else if (there.onStack) here.low = Math.min(here.low, there.order);
    }
    if (here.low === here.order) this.close(node);
    return here;
  }

  private close(root: string): void {
    const members = this.stack.splice(this.stack.indexOf(root));
    for (const member of members) this.visits.get(member)!.onStack = false;
    if (members.length > 1) this.found.push(members);
  }
}
