import { GenericContainer, Network } from "testcontainers";

/** Starts a container on a network with testcontainers, tells their ids, and waits to be killed. */
const network = await new Network().start();
const container = await new GenericContainer("busybox")
  .withCommand(["sleep", "1000"])
  .withNetwork(network)
  .start();
console.log(JSON.stringify({ container: container.getId(), network: network.getId() }));
setInterval(() => undefined, 60_000);
