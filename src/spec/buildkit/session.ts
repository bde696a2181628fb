import { bytes, int, list, map, message, method, string } from "../protobuf.ts";
import { bytesMessage, empty } from "./google.ts";

/** What a client offers on its session beside files: session/{auth,secrets,sshforward,upload}/*.proto. */
export const credentials = method(
  "/moby.filesync.v1.Auth/Credentials",
  message({ host: string(1) }),
  message({ username: string(1), secret: string(2) }),
);

export const fetchToken = method(
  "/moby.filesync.v1.Auth/FetchToken",
  message({
    clientId: string(1),
    host: string(2),
    realm: string(3),
    service: string(4),
    scopes: list(string(5)),
  }),
  message({ token: string(1), expiresIn: int(2), issuedAt: int(3) }),
);

export const getSecret = method(
  "/moby.buildkit.secrets.v1.Secrets/GetSecret",
  message({ id: string(1), annotations: map(2, string(2)) }),
  message({ data: bytes(1) }),
);

export const checkAgent = method(
  "/moby.sshforward.v1.SSH/CheckAgent",
  message({ id: string(1) }),
  empty,
);

export const forwardAgent = method(
  "/moby.sshforward.v1.SSH/ForwardAgent",
  bytesMessage,
  bytesMessage,
);

export const pull = method("/moby.upload.v1.Upload/Pull", bytesMessage, bytesMessage);

/** grpc.health.v1. `status`: 1 is serving. */
export const healthCheck = method(
  "/grpc.health.v1.Health/Check",
  message({ service: string(1) }),
  message({ status: int(1) }),
);

/** Clients send traces of their own; they are thanked for and dropped. */
export const exportTraces = method(
  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
  empty,
  empty,
);
