import { DuetError } from "../../../kit/errors.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, unsupported } from "../failures.ts";
import type { Handler, Route } from "../router.ts";

function noSwarm(message: string): DuetError {
  return new DuetError("unavailable", "NO_SWARM", message);
}

/** What a daemon outside of a swarm answers to nearly all of it. */
async function refuse(): Promise<void> {
  throw noManager();
}

export function noManager(): DuetError {
  return noSwarm(
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
}

/** Updates name the version of what they change, which is looked at before the swarm. */
function refuseUpdate(what: string, isTerse = false): Handler {
  return async ({ query }) => {
    const version = query.text("version");
    if (/^\d{1,20}$/.test(version)) return await refuse();
    if (isTerse) throw invalid(`invalid ${what} version`);
    throw invalid(
      `invalid ${what} version '${version.slice(0, 40)}': strconv.ParseUint: parsing ${JSON.stringify(version.slice(0, 40))}: invalid syntax`,
    );
  };
}

async function refuseLogs({ query }: Exchange): Promise<void> {
  if (query.flag("stdout") || query.flag("stderr")) return await refuse();
  throw new DuetError(
    "invalid",
    "NO_STREAM",
    "Bad parameters: you must choose at least one stream",
    { http: 500 },
  );
}

async function refuseToBegin(exchange: Exchange): Promise<void> {
  const body = await exchange.json();
  const address =
    typeof body === "object" && body !== null && "ListenAddr" in body ? body.ListenAddr : "";
  if (typeof address !== "string" || address === "")
    throw invalid('invalid ListenAddr "": invalid empty address');
  throw unsupported("Duet cannot be part of a swarm", "use Kubernetes for more than one machine");
}

async function refuseToLeave(): Promise<void> {
  throw noSwarm("This node is not part of a swarm");
}

/** Paths of `names` that Docker has for each kind of a swarm's objects. */
function objects(name: string, update: Handler | null, hasCreate: boolean): readonly Route[] {
  return [
    { method: "GET", path: `/${name}`, handle: refuse },
    { method: "GET", path: `/${name}/{id}`, handle: refuse },
    ...(hasCreate ? [{ method: "POST", path: `/${name}/create`, handle: refuse } as const] : []),
    ...(update === null
      ? []
      : ([
          { method: "POST", path: `/${name}/{id}/update`, handle: update },
          { method: "DELETE", path: `/${name}/{id}`, handle: refuse },
        ] as const)),
  ];
}

/** A swarm's API as a daemon outside of a swarm answers it. */
export const swarmRoutes: readonly Route[] = [
  { method: "GET", path: "/swarm", handle: refuse },
  { method: "GET", path: "/swarm/unlockkey", handle: refuse },
  { method: "POST", path: "/swarm/init", handle: refuseToBegin },
  { method: "POST", path: "/swarm/join", handle: refuseToBegin },
  { method: "POST", path: "/swarm/leave", handle: refuseToLeave },
  { method: "POST", path: "/swarm/unlock", handle: refuse },
  { method: "POST", path: "/swarm/update", handle: refuseUpdate("swarm") },
  ...objects("services", refuseUpdate("service"), true),
  { method: "GET", path: "/services/{id}/logs", handle: refuseLogs },
  ...objects("nodes", refuseUpdate("node"), false),
  ...objects("tasks", null, false),
  { method: "GET", path: "/tasks/{id}/logs", handle: refuseLogs },
  ...objects("secrets", refuseUpdate("secret", true), true),
  ...objects("configs", refuseUpdate("config", true), true),
];
