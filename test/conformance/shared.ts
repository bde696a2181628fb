import { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";
import type { ClientAge } from "../../tools/clients/bring.ts";
import { DockerClients } from "./clients.ts";
import { ownerOfTests } from "../e2e/owner.ts";

const owner = ownerOfTests();
let started: Promise<TestDaemon> | undefined;
const clients = new Map<ClientAge, Promise<DockerClients>>();

/** The one daemon of a test file, with images that clients expect. */
export async function daemonOfFile(): Promise<TestDaemon> {
  started ??= startWithImages();
  return await started;
}

/** Clients of one age for the file's daemon. */
export async function clientsOfFile(age: ClientAge): Promise<DockerClients> {
  const found = clients.get(age) ?? daemonOfFile().then((daemon) => DockerClients.of(daemon, age));
  clients.set(age, found);
  return await found;
}

async function startWithImages(): Promise<TestDaemon> {
  const daemon = await TestDaemon.start(owner, {
    flags: ["--vm-pool-size", "0", "--build-address", "127.0.0.0/8"],
  });
  await loadImages(daemon, "busybox", "hello-world", "nginx");
  return daemon;
}
