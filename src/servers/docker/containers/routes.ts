import type { Route } from "../router.ts";
import {
  killContainer,
  pauseContainer,
  removeContainer,
  renameContainer,
  resizeContainer,
  restartContainer,
  resumeContainer,
  startContainer,
  stopContainer,
  updateContainer,
} from "./actions.ts";
import { exportContainer, getArchive, putArchive, statArchive } from "./archive.ts";
import { attachByWebSocket, attachContainer } from "./attach.ts";
import { commitContainer } from "./commit.ts";
import { createContainer } from "./create.ts";
import { inspectContainer } from "./inspect.ts";
import { listChanges, listProcesses } from "./inspection.ts";
import { listContainers } from "./list.ts";
import { streamLogs } from "./logs.ts";
import { pruneContainers } from "./prune.ts";
import { streamStats } from "./stats.ts";
import { waitContainer } from "./wait.ts";

export const containerRoutes: readonly Route[] = [
  { method: "GET", path: "/containers/json", handle: listContainers },
  { method: "POST", path: "/containers/create", handle: createContainer },
  { method: "POST", path: "/containers/prune", handle: pruneContainers },
  { method: "POST", path: "/containers/{id}/attach", handle: attachContainer, hijack: true },
  { method: "GET", path: "/containers/{id}/attach/ws", handle: attachByWebSocket, hijack: true },
  { method: "POST", path: "/containers/{id}/wait", handle: waitContainer },
  { method: "POST", path: "/containers/{id}/start", handle: startContainer },
  { method: "POST", path: "/containers/{id}/stop", handle: stopContainer },
  { method: "POST", path: "/containers/{id}/restart", handle: restartContainer },
  { method: "POST", path: "/containers/{id}/kill", handle: killContainer },
  { method: "POST", path: "/containers/{id}/pause", handle: pauseContainer },
  { method: "POST", path: "/containers/{id}/unpause", handle: resumeContainer },
  { method: "POST", path: "/containers/{id}/rename", handle: renameContainer },
  { method: "POST", path: "/containers/{id}/resize", handle: resizeContainer },
  { method: "POST", path: "/containers/{id}/update", handle: updateContainer },
  { method: "DELETE", path: "/containers/{id}", handle: removeContainer },
  { method: "GET", path: "/containers/{id}/json", handle: inspectContainer },
  { method: "GET", path: "/containers/{id}/top", handle: listProcesses },
  { method: "GET", path: "/containers/{id}/logs", handle: streamLogs },
  { method: "GET", path: "/containers/{id}/changes", handle: listChanges },
  { method: "GET", path: "/containers/{id}/export", handle: exportContainer },
  { method: "GET", path: "/containers/{id}/stats", handle: streamStats },
  { method: "HEAD", path: "/containers/{id}/archive", handle: statArchive },
  { method: "GET", path: "/containers/{id}/archive", handle: getArchive },
  { method: "PUT", path: "/containers/{id}/archive", handle: putArchive },
  { method: "POST", path: "/commit", handle: commitContainer },
];
